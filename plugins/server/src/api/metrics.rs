//! `/metrics`, for Prometheus.

use super::Api;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

/// `GET /metrics`: what is known, where a backend does not answer too.
pub(super) async fn metrics(State(api): State<Api>) -> Response {
    let figures = match api.plane() {
        Err(_) => None,
        Ok(plane) => match plane.figures().await {
            Ok(figures) => Some(figures),
            Err(error) => {
                tracing::warn!(cause = error.causes.join("; "), "no figures: {}", error.message);
                None
            }
        },
    };
    let ready = api.0.readiness.borrow().ready;
    let served = crate::metrics::Served {
        requests: &api.0.requests,
        commands: api.0.commands.figures(),
        connections: (api.0.connections.counts(), api.0.connections.open()),
    };
    let text = crate::metrics::text(figures.as_ref(), ready, &served);
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}
