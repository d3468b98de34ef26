//! HTTP: from paths, queries and bodies to verbs, and back.

mod accept;
mod body;
mod discovery;
mod objects;
mod openapi;
mod path;
mod pods;
mod protobuf;
mod query;
mod respond;
mod reviews;
mod scale;
mod stream;

#[cfg(test)]
mod tests;

use super::api::ApiServer;
use super::seed::VERSION;
use super::status::{ApiError, Result};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Method, Request, Response, header};
use path::Path;
use query::Query;

/// Most bytes of a body.
const LARGEST: usize = 3 << 20;

/// The API as a router: one handler, since paths are read by their own rules.
pub(super) fn router(server: ApiServer) -> Router {
    Router::new().fallback(handle).with_state(server)
}

/// A request with its body read.
struct Asked {
    method: Method,
    query: Query,
    accept: String,
    media: String,
    body: Vec<u8>,
}

impl Asked {
    fn is_get(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD)
    }
}

async fn handle(State(server): State<ApiServer>, request: Request<Body>) -> Response<Body> {
    match answer(&server, request).await {
        Ok(response) => response,
        Err(error) => respond::error(&error),
    }
}

async fn answer(server: &ApiServer, request: Request<Body>) -> Result<Response<Body>> {
    let found = Path::parse(request.uri().path());
    if let Some(open) = found.as_ref().filter(|path| path.is_open()) {
        return open_to_all(open, &request);
    }
    let token = text_header(&request, &header::AUTHORIZATION);
    if !server.tokens().allow(Some(&token)) {
        return Err(ApiError::unauthorized());
    }
    let path = found.ok_or_else(ApiError::no_path)?;
    let asked = read(request).await?;
    match path {
        Path::Collection { resource, namespace } => {
            objects::collection(server, resource, namespace, asked).await
        }
        Path::Object(key) => objects::object(server, key, asked).await,
        Path::Part(key, part) => objects::part(server, key, part, asked).await,
        other => discovery::answer(&other, &asked),
    }
}

/// What needs no token: whether the server lives, and what it is.
fn open_to_all(path: &Path, request: &Request<Body>) -> Result<Response<Body>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(ApiError::method_not_allowed());
    }
    Ok(match path {
        Path::Version => respond::json(200, &version()),
        _ => respond::plain("ok"),
    })
}

fn version() -> serde_json::Value {
    serde_json::json!({
        "major": "1", "minor": "32", "gitVersion": VERSION, "gitCommit": "", "gitTreeState": "",
        "buildDate": "", "goVersion": "", "compiler": "",
        "platform": format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
    })
}

async fn read(request: Request<Body>) -> Result<Asked> {
    let query = Query::parse(request.uri().query().unwrap_or_default())?;
    let accept = text_header(&request, &header::ACCEPT);
    let media = text_header(&request, &header::CONTENT_TYPE);
    let method = request.method().clone();
    let body = body::collect(request.into_body(), LARGEST).await?;
    Ok(Asked { method, query, accept, media, body })
}

fn text_header(request: &Request<Body>, name: &header::HeaderName) -> String {
    let values = request.headers().get_all(name);
    let texts: Vec<_> = values.iter().filter_map(|value| value.to_str().ok()).collect();
    texts.join(",")
}
