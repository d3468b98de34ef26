//! `/healthz` and `/readyz`, for whoever watches over the process. They ask for no token and give
//! nothing away: no address, no version.

use super::Api;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, json};

/// `GET /healthz`: the process serves requests.
pub(super) async fn alive() -> Response {
    Json(json!({"alive": true})).into_response()
}

/// `GET /readyz`: it can do its work.
pub(super) async fn ready(State(api): State<Api>) -> Response {
    let found = api.0.readiness.borrow().clone();
    let parts: Map<_, _> =
        found.parts.iter().map(|part| (part.name.clone(), part.ready.into())).collect();
    let ready = found.ready && !found.stopping;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({
        "ready": ready,
        "stopping": found.stopping,
        "checked_at": found.checked_at,
        "parts": parts,
    });
    (status, Json(body)).into_response()
}
