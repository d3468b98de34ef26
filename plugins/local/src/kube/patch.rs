//! The three ways to change a part of an object.

mod merge_keys;
mod strategic;

use super::resource::Resource;
use super::status::{ApiError, Result};
use serde_json::Value;

/// A patch as it was sent.
#[derive(Debug, Clone)]
pub(crate) enum Patch {
    /// `application/json-patch+json`: a list of operations.
    Json(json_patch::Patch),
    /// `application/merge-patch+json`: maps are merged, everything else is replaced.
    Merge(Value),
    /// `application/strategic-merge-patch+json`: lists of known kinds are merged by key, too.
    Strategic(Value),
}

/// The media types of patches, as a refusal names them.
const KNOWN: &str = "application/json-patch+json, application/merge-patch+json, \
                     application/strategic-merge-patch+json";

impl Patch {
    /// Reads the body of a `PATCH` by its media type.
    pub(crate) fn parse(media: &str, body: &[u8]) -> Result<Self> {
        match media {
            "application/json-patch+json" => read(body).map(Self::Json),
            "application/merge-patch+json" => read_map(body).map(Self::Merge),
            "application/strategic-merge-patch+json" => read_map(body).map(Self::Strategic),
            _ => Err(ApiError::unsupported_media(format!(
                "the body of the request was in an unknown format - accepted media types include: \
                 {KNOWN}"
            ))),
        }
    }

    /// The object as the patch makes it.
    pub(crate) fn apply(&self, resource: &Resource, object: &Value) -> Result<Value> {
        let mut patched = object.clone();
        match self {
            Self::Json(patch) => {
                json_patch::patch(&mut patched, patch).map_err(|error| inapplicable(&error))?;
            }
            Self::Merge(patch) => json_patch::merge(&mut patched, patch),
            Self::Strategic(patch) => strategic::apply(resource, &mut patched, patch)?,
        }
        Ok(patched)
    }
}

fn inapplicable(error: &json_patch::PatchError) -> ApiError {
    ApiError::unprocessable(format!(
        "the server rejected our request due to an error in our request: {error}"
    ))
}

fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T> {
    serde_json::from_slice(body)
        .map_err(|error| ApiError::bad_request(format!("error decoding patch: {error}")))
}

fn read_map(body: &[u8]) -> Result<Value> {
    let patch: Value = read(body)?;
    if patch.is_object() {
        Ok(patch)
    } else {
        Err(ApiError::bad_request("error decoding patch: a patch of this type is a map"))
    }
}
