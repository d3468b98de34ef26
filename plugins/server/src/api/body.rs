//! A request's body: JSON, small, an object, and no field that means nothing.

use super::fault::Fault;
use super::shown;
use axum::body::HttpBody as _;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;
use toygres_plugin_api::Error;

/// A client has this long to send a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// The largest body that is read.
pub(super) const MOST_BYTES: usize = 64 * 1024;

/// Reads the body as an object of these fields.
pub(super) async fn read<T: DeserializeOwned>(
    request: Request,
    fields: &[&str],
) -> Result<T, Fault> {
    let body = bytes(request, MOST_BYTES).await?;
    object(&body, Some(fields)).map_err(Fault::bad)
}

/// The whole body, which is said to be JSON or is empty.
pub(in crate::api) async fn bytes(request: Request, most: usize) -> Result<Bytes, Fault> {
    let (parts, body) = request.into_parts();
    let silent = parts.headers.get(header::CONTENT_TYPE).is_none() && body.is_end_stream();
    if !silent && !is_json(&parts.headers) {
        let error = Error::usage("the body is not said to be JSON")
            .hint("send `Content-Type: application/json`");
        return Err(Fault::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, error));
    }
    let announced = parts.headers.get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > most as u64) {
        return Err(too_large(most));
    }
    let read = tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, most)).await;
    let read = read.map_err(|_| {
        let error = Error::timed_out("the body did not come in time");
        Fault::new(StatusCode::REQUEST_TIMEOUT, error)
    })?;
    let body = read.map_err(|error| {
        let limit = std::error::Error::source(&error)
            .is_some_and(|source| source.is::<http_body_util::LengthLimitError>());
        if limit { too_large(most) } else { Fault::bad(Error::usage("the body broke off")) }
    })?;
    if has_many_values(&body) {
        let error =
            Error::usage(format!("the body holds more than {MAX_VALUES} values")).hint("send less");
        return Err(Fault::new(StatusCode::PAYLOAD_TOO_LARGE, error));
    }
    Ok(body)
}

/// The most values that a body may hold: each takes many times the memory of its text.
const MAX_VALUES: usize = 20_000;
/// How deep serde_json reads.
const MAX_DEPTH: usize = 128;

/// Whether a body holds too many values, by the marks between them outside texts.
fn has_many_values(body: &[u8]) -> bool {
    let (mut marks, mut depth, mut in_text, mut escaped) = (0, 0_usize, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b',' if !in_text => marks += 1,
            b'[' | b'{' if !in_text => {
                marks += 1;
                depth += 1;
            }
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        // The parser stops there by itself.
        if depth > MAX_DEPTH {
            return false;
        }
        if marks > MAX_VALUES {
            return true;
        }
    }
    false
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("application/json")
}

fn too_large(most: usize) -> Fault {
    let error =
        Error::usage(format!("the body is larger than {} KiB", most / 1024)).hint("send less");
    Fault::new(StatusCode::PAYLOAD_TOO_LARGE, error)
}

/// A body that is an object; where `fields` says which there are, no other may be in it.
pub(in crate::api) fn object<T: DeserializeOwned>(
    body: &[u8],
    fields: Option<&[&str]>,
) -> Result<T, Error> {
    let known = || match fields {
        Some(fields) => format!("known fields: {}", fields.join(", ")),
        None => "send an object, each argument under its name".to_owned(),
    };
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| Error::usage("the body is no valid JSON").cause(place(&error)))?;
    let Value::Object(object) = value else {
        return Err(Error::usage("the body is no JSON object").hint(known()));
    };
    let unknown: Vec<String> = object
        .keys()
        .filter(|key| fields.is_some_and(|fields| !fields.contains(&key.as_str())))
        .map(|key| format!("`{}`", shown(key)))
        .collect();
    if !unknown.is_empty() {
        let word = if unknown.len() == 1 { "field" } else { "fields" };
        let message = format!("unknown {word} {}", unknown.join(", "));
        return Err(Error::usage(message).hint(known()));
    }
    // Once more from the text: a field that stands there twice is seen only so.
    let reader = &mut serde_json::Deserializer::from_slice(body);
    serde_path_to_error::deserialize(reader).map_err(|error| wrong(&error).hint(known()))
}

/// What is wrong with a field. A value that should be a secret is not repeated.
fn wrong(error: &serde_path_to_error::Error<serde_json::Error>) -> Error {
    let path = error.path().to_string();
    let inner = error.inner().to_string();
    let what = inner.rsplit_once(" at line ").map_or(inner.as_str(), |(what, _)| what);
    if path.starts_with("password") {
        return Error::usage("the field `password` must be text");
    }
    match path.as_str() {
        "." => Error::usage(format!("the body cannot be taken: {}", shown(what))),
        path => {
            Error::usage(format!("the field `{}` cannot be taken", shown(path))).cause(shown(what))
        }
    }
}

/// Where JSON is broken, without what stands there.
fn place(error: &serde_json::Error) -> String {
    format!("it breaks off or is malformed at line {}, column {}", error.line(), error.column())
}

#[cfg(test)]
mod tests {
    use super::{has_many_values, object};
    use proptest::prelude::*;
    use toygres_model::instance::NewInstance;

    const FIELDS: &[&str] = &["name", "password", "storage_gb", "tags"];

    fn refused(body: &str) -> String {
        let error = object::<NewInstance>(body.as_bytes(), Some(FIELDS)).unwrap_err();
        format!("{} {:?} {:?}", error.message, error.causes, error.hint)
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert!(refused("{\"name\":\"a\",\"sise\":1,\"x\":2}").contains("fields `sise`, `x`"));
        assert!(refused("{\"name\":5}").contains("field `name`"));
        assert!(refused("{\"name\":\"a\",\"storage_gb\":\"x\"}").contains("field `storage_gb`"));
        assert!(refused("{\"name\":\"a\",\"tags\":{\"k\":1}}").contains("field `tags.k`"));
        assert!(refused("{}").contains("missing field `name`"));
        assert!(refused("{\"name\":\"a\",\"name\":\"b\"}").contains("duplicate field"));
        for body in ["", "{", "null", "[]", "7", "{\"name\":\"a\"} x", "\u{0}"] {
            refused(body);
        }
        let secret = refused("{\"name\":\"a\",\"password\":4711471147}");
        assert!(!secret.contains("4711"), "{secret}");
    }

    #[test]
    fn values_are_counted_outside_texts() {
        let text = format!("{{\"sql\":\"{}\"}}", "[{,\\\"".repeat(50_000));
        assert!(!has_many_values(text.as_bytes()));
        assert!(has_many_values(format!("[{}0]", "{\"a\":0},".repeat(20_000)).as_bytes()));
        assert!(has_many_values(format!("[{}0]", "[],".repeat(10_000)).as_bytes()));
        assert!(!has_many_values("[".repeat(30_000).as_bytes()));
    }

    proptest! {
        #[test]
        fn no_body_panics(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _either = object::<NewInstance>(&body, Some(FIELDS));
        }
    }
}
