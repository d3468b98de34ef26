//! May I? Whoever has the token may.

use super::{Asked, body, respond};
use crate::kube::resource::{self, Resource};
use crate::kube::status::{ApiError, Result};
use crate::kube::types::{claim_kind, typed};
use axum::body::Body;
use axum::http::{Method, Response};
use serde_json::{Value, json};

/// Answers a question about rights.
pub(super) fn answer(resource: &Resource, asked: &Asked) -> Result<Response<Body>> {
    if asked.method != Method::POST {
        return Err(ApiError::method_not_allowed());
    }
    let mut question = body::object(resource, &asked.media, &asked.body)?;
    claim_kind(resource, &mut question)?;
    let mut question = typed(resource, question)?.object;
    question["status"] = if *resource == resource::ACCESS_REVIEW {
        json!({"allowed": true, "reason": "whoever has the token may do everything"})
    } else {
        everything()
    };
    Ok(respond::json(201, &question))
}

fn everything() -> Value {
    json!({
        "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
        "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
        "incomplete": false,
    })
}
