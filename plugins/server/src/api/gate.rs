//! What every request passes before anything looks at it.

use super::activity::Activity;
use super::connections::Pool;
use super::fault::Fault;
use super::{Api, shown};
use axum::extract::{MatchedPath, Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use toygres_plugin_api::{Error, ErrorKind};

/// The address of this machine that a request came in on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Local(pub(crate) SocketAddr);

/// The connection that a request came in on.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(super) activity: Arc<Activity>,
    pub(super) pool: Pool,
}

/// The names that this API answers to.
///
/// A page in somebody's browser can make its own name point at this machine; what it sends then
/// carries that name. An address cannot be made to point elsewhere.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hosts {
    names: Vec<String>,
}

impl Hosts {
    /// Answers to these names too, in lower case.
    pub(crate) fn new(names: Vec<String>) -> Self {
        Self { names }
    }

    fn know(&self, authority: &Authority, local: Option<IpAddr>) -> bool {
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = host.parse::<IpAddr>() {
            return address.is_loopback() || Some(address.to_canonical()) == local;
        }
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        host == "localhost" || self.names.contains(&host)
    }
}

/// Lets a request through: the name it was sent to, the token, the deadline; and counts it.
pub(super) async fn pass(State(api): State<Api>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let path = shown(request.uri().path());
    let mut response = match admit(&api, &request, route.is_some()) {
        Err(fault) => fault.into_response(),
        // What a command says comes line by line, for as long as it has something to say.
        Ok(()) if request.uri().path() == "/api/server/run" => next.run(request).await,
        Ok(()) => match tokio::time::timeout(api.0.deadline, next.run(request)).await {
            Ok(response) => response,
            Err(_) => too_late(&api).into_response(),
        },
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let (status, took) = (response.status(), began.elapsed());
    let route = route.as_ref().map_or("other", MatchedPath::as_str);
    api.0.requests.count(&method, route, status, took);
    let took_ms = (took.as_secs_f64() * 10_000.0).round() / 10.0;
    if method.is_safe() {
        tracing::debug!(%method, path, status = status.as_u16(), took_ms, "request served");
    } else {
        tracing::info!(%method, path, status = status.as_u16(), took_ms, "request served");
    }
    response
}

fn admit(api: &Api, request: &Request, known: bool) -> Result<(), Fault> {
    check_host(&api.0.hosts, request)?;
    let path = request.uri().path();
    let open = matches!(path, "/healthz" | "/readyz");
    let peer = request.extensions().get::<Peer>();
    if !open && peer.is_some_and(|peer| peer.pool == Pool::Probes) {
        return Err(no_room());
    }
    if open || !(known || path.starts_with("/api")) {
        return Ok(());
    }
    let mut given = request.headers().get_all(header::AUTHORIZATION).iter();
    let token = given.next().and_then(|value| bearer(value.as_bytes()));
    match token {
        Some(token) if given.next().is_none() && api.0.token.is(token) => {
            peer.into_iter().for_each(|peer| peer.activity.set_authorized());
            Ok(())
        }
        Some(_) => Err(unauthorized("the token is not the API's")),
        None => Err(unauthorized("the request brings no token")),
    }
}

/// All connections serve somebody; this one has its place for probes only.
fn no_room() -> Fault {
    let error = Error::unavailable("all connections of the server are in use")
        .hint("try again in a moment; how many there may be is the setting `server.connections`");
    Fault::new(StatusCode::SERVICE_UNAVAILABLE, error).retry_after(NO_ROOM_RETRY_AFTER)
}

/// When whoever found no room may ask again.
const NO_ROOM_RETRY_AFTER: Duration = Duration::from_secs(2);

/// What stands behind `Bearer`, whose case does not matter.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}

fn unauthorized(message: &str) -> Fault {
    let error = Error::unavailable(message).retryable(false).hint(
        "send it in the header `Authorization`, in the scheme `Bearer`; it is what \
         `TOYGRES_API_TOKEN` says, or the file `api-token` of the server's home folder",
    );
    Fault::new(StatusCode::UNAUTHORIZED, error)
}

fn check_host(hosts: &Hosts, request: &Request) -> Result<(), Fault> {
    let missing = || {
        Fault::bad(
            Error::usage("the request does not say which host it is for")
                .hint("send one `Host` header"),
        )
    };
    let local = request.extensions().get::<Local>().map(|local| local.0.ip().to_canonical());
    let mut given = request.headers().get_all(header::HOST).iter();
    let header = match (given.next(), given.next()) {
        (Some(header), None) => header.to_str().ok(),
        (None, _) => None,
        _ => return Err(missing()),
    };
    let header = header.and_then(|host| host.parse::<Authority>().ok()).ok_or_else(missing)?;
    let in_line = request.uri().authority();
    for authority in [Some(&header), in_line].into_iter().flatten() {
        if !hosts.know(authority, local) {
            let message = format!("this is not the host `{}`", shown(authority.host()));
            let error = Error::new(ErrorKind::Refused, message)
                .hint("names that lead here are set with `TOYGRES_HOSTS`");
            return Err(Fault::new(StatusCode::MISDIRECTED_REQUEST, error));
        }
    }
    Ok(())
}

fn too_late(api: &Api) -> Fault {
    let seconds = api.0.deadline.as_secs_f32();
    let error = Error::timed_out(format!("the request was not done within {seconds} s"))
        .hint("what it changes may still be done; look before you try again");
    Fault::from(error)
}

#[cfg(test)]
mod tests {
    use super::{Hosts, bearer};

    #[test]
    fn only_names_that_lead_here_are_known() {
        let hosts = Hosts::new(vec!["api.example.com".to_owned()]);
        let local = Some("10.1.2.3".parse().unwrap());
        for (host, known) in [
            ("localhost", true),
            ("LOCALHOST.:8080", true),
            ("127.0.0.1:8080", true),
            ("127.8.8.8", true),
            ("[::1]:8080", true),
            ("10.1.2.3:8080", true),
            ("10.1.2.4", false),
            ("api.example.com:443", true),
            ("evil.example.com", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("0.0.0.0", false),
        ] {
            assert_eq!(hosts.know(&host.parse().unwrap(), local), known, "{host}");
        }
    }

    #[test]
    fn a_token_stands_behind_its_scheme() {
        assert_eq!(bearer(b"Bearer abc"), Some(b"abc".as_slice()));
        assert_eq!(bearer(b"bearer  abc "), Some(b"abc".as_slice()));
        assert_eq!(bearer(b"Basic abc"), None);
        assert_eq!(bearer(b"Bear"), None);
    }
}
