//! Bodies: JSON, YAML, and the protobuf of a few kinds.

use super::protobuf;
use crate::kube::resource::Resource;
use crate::kube::status::{ApiError, Result};
use axum::body::Body;
use futures_util::StreamExt;
use serde_json::Value;

/// Reads a whole body; one larger than `limit` bytes is refused, and not read to its end.
pub(super) async fn collect(body: Body, limit: usize) -> Result<Vec<u8>> {
    let mut stream = body.into_data_stream();
    let mut bytes = Vec::new();
    while let Some(piece) = stream.next().await {
        let piece = piece
            .map_err(|error| ApiError::bad_request(format!("the body cannot be read: {error}")))?;
        if bytes.len() + piece.len() > limit {
            return Err(ApiError::too_large(limit));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// The media type without its parameters.
pub(super) fn essence(media: &str) -> String {
    media.split(';').next().unwrap_or_default().trim().to_lowercase()
}

/// Reads an object.
pub(super) fn object(resource: &Resource, media: &str, body: &[u8]) -> Result<Value> {
    match essence(media).as_str() {
        "" | "application/json" => json(body),
        "application/yaml" | "application/x-yaml" | "text/yaml" => yaml(body),
        "application/vnd.kubernetes.protobuf" => protobuf::decode(resource, body),
        other => Err(unsupported(other)),
    }
}

/// Reads what may be missing, such as options of a deletion.
pub(super) fn optional(media: &str, body: &[u8]) -> Result<Value> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    match essence(media).as_str() {
        "application/yaml" | "application/x-yaml" | "text/yaml" => yaml(body),
        "application/vnd.kubernetes.protobuf" => Err(unsupported("protobuf")),
        _ => json(body),
    }
}

fn json(body: &[u8]) -> Result<Value> {
    serde_json::from_slice(body).map_err(|error| {
        ApiError::bad_request(format!("the object provided is unrecognized: {error}"))
    })
}

fn yaml(body: &[u8]) -> Result<Value> {
    let text = std::str::from_utf8(body).map_err(|error| {
        ApiError::bad_request(format!("the object provided is no text: {error}"))
    })?;
    serde_saphyr::from_str(text).map_err(|error| {
        ApiError::bad_request(format!("the object provided is unrecognized: {error}"))
    })
}

fn unsupported(media: &str) -> ApiError {
    ApiError::unsupported_media(format!(
        "the body of the request was in an unknown format ({media}) - accepted media types \
         include: application/json, application/yaml"
    ))
}
