//! Requests to Kubernetes: plain documents, so that only what is compared is ever taken apart.

use crate::settings::Settings;
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tower_service::Service;
use toygres_model::drift::Piece;
use toygres_plugin_api::context::KubeService;
use toygres_plugin_api::{Context, Error, ErrorKind, Result};

/// Only the metadata: what a Secret holds is never sent.
const METADATA: &str =
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
const METADATA_LIST: &str =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
const JSON: &str = "application/json";

/// The labels that everything of an instance has.
const SELECTOR: &str = "app=postgres,instance";

/// How many objects of a page. Enough to make a round trip cheap, little enough to hold.
const PAGE: usize = 500;

/// The namespace of new instances, as the cluster's context or the settings have it.
pub(crate) async fn namespace(ctx: &Context, settings: &Settings) -> String {
    match ctx.kube_target().await {
        Ok(target) => target.namespace,
        Err(_) => settings.namespace.clone(),
    }
}

/// A page of a list, as it came.
///
/// # Errors
/// As [`ask`].
pub(crate) async fn page(
    service: &KubeService,
    namespace: &str,
    piece: Piece,
    next: Option<&str>,
) -> Result<Bytes> {
    let selector = utf8_percent_encode(SELECTOR, NON_ALPHANUMERIC);
    let mut path = format!("{}?labelSelector={selector}&limit={PAGE}", path(namespace, piece)?);
    if let Some(next) = next {
        path.push_str("&continue=");
        path.extend(utf8_percent_encode(next, NON_ALPHANUMERIC));
    }
    let accept = if piece == Piece::Secret { METADATA_LIST } else { JSON };
    let request = Request::builder().uri(path).header("accept", accept);
    ask(service, request.body(Full::default()).map_err(malformed)?).await
}

/// One object; `None` where there is none.
///
/// # Errors
/// As [`ask`].
pub(crate) async fn get(
    service: &KubeService,
    namespace: &str,
    piece: Piece,
    name: &str,
) -> Result<Option<Bytes>> {
    let accept = if piece == Piece::Secret { METADATA } else { JSON };
    let request = Request::builder().uri(object(namespace, piece, name)?).header("accept", accept);
    match ask(service, request.body(Full::default()).map_err(malformed)?).await {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The path of an object.
///
/// # Errors
/// `failed` for a name that Kubernetes cannot have.
pub(crate) fn object(namespace: &str, piece: Piece, name: &str) -> Result<String> {
    plain(name)?;
    Ok(format!("{}/{name}", path(namespace, piece)?))
}

/// The path of a sort of object in a namespace.
///
/// # Errors
/// `failed` for a name that Kubernetes cannot have.
pub(crate) fn path(namespace: &str, piece: Piece) -> Result<String> {
    plain(namespace)?;
    let group = if piece == Piece::StatefulSet { "/apis/apps/v1" } else { "/api/v1" };
    Ok(format!("{group}/namespaces/{namespace}/{}", piece.plural()))
}

/// Names come from records that anybody may have written: they become no other path.
fn plain(name: &str) -> Result<()> {
    let fits =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    if !name.is_empty()
        && name.len() <= 253
        && name.bytes().all(fits)
        && name.trim_matches('.') == name
    {
        return Ok(());
    }
    Err(Error::failed(format!("`{name}` is no name that Kubernetes can have")))
}

/// Sends a request and answers the body of its answer.
///
/// # Errors
/// `unavailable` where there is no answer or it is forbidden; `not_found`; `failed` with what the
/// server says otherwise.
pub(crate) async fn ask(service: &KubeService, request: Request<Full<Bytes>>) -> Result<Bytes> {
    let what = format!("{} {}", verb(request.method()), request.uri().path());
    let answer =
        service.clone().call(request).await.map_err(|error| match error.downcast::<Error>() {
            Ok(error) => *error,
            Err(error) => Error::unavailable("Kubernetes cannot be reached").cause(error),
        })?;
    let status = answer.status();
    let body = answer.into_body().collect().await;
    let body = body
        .map_err(|error| Error::unavailable("the answer of Kubernetes broke off").cause(error))?;
    let body = body.to_bytes();
    if status.is_success() {
        return Ok(body);
    }
    Err(refused(status, &what, &body))
}

fn verb(method: &Method) -> &'static str {
    match *method {
        Method::POST => "create",
        Method::PATCH => "patch",
        _ => "read",
    }
}

fn refused(status: StatusCode, what: &str, body: &[u8]) -> Error {
    #[derive(serde::Deserialize)]
    struct Status {
        message: String,
    }
    let said = serde_json::from_slice::<Status>(body).map(|status| status.message);
    let said = said.unwrap_or_else(|_| format!("HTTP status {status}"));
    match status.as_u16() {
        401 | 403 => Error::unavailable("Kubernetes forbids the request")
            .cause(said)
            .retryable(false)
            .hint("see `kubectl auth can-i --list`"),
        404 => Error::not_found("Kubernetes has no such object").cause(said),
        409 => Error::failed(format!("Kubernetes has another state than was expected: {what}"))
            .cause(said)
            .retryable(true),
        410 => Error::failed("the list is too old to go on").cause(said).retryable(true),
        429 | 500..=599 => Error::unavailable("Kubernetes cannot answer now").cause(said),
        _ => Error::failed(format!("Kubernetes refused the request: {what}")).cause(said),
    }
}

pub(crate) fn malformed(error: http::Error) -> Error {
    Error::plugin("a request to Kubernetes is malformed").cause(error)
}

/// Whether a list began so long ago that the server forgot it.
pub(crate) fn is_too_old(error: &Error) -> bool {
    error.kind == ErrorKind::Failed && error.message == "the list is too old to go on"
}

#[cfg(test)]
mod tests {
    use super::{object, path};
    use toygres_model::drift::Piece;

    #[test]
    fn names_become_no_other_path() {
        let set = path("toygres", Piece::StatefulSet).unwrap();
        assert_eq!(set, "/apis/apps/v1/namespaces/toygres/statefulsets");
        let claim = object("toygres", Piece::Claim, "a-1-pvc").unwrap();
        assert_eq!(claim, "/api/v1/namespaces/toygres/persistentvolumeclaims/a-1-pvc");
        for wrong in ["", "..", "a/b", "a%2fb", "a?b", "A", "a b"] {
            assert!(path(wrong, Piece::Pod).is_err(), "{wrong}");
            assert!(object("toygres", Piece::Pod, wrong).is_err(), "{wrong}");
        }
    }
}
