//! The API of the control plane: its probes, its metrics, its list of endpoints.

use super::quickest::quickest;
use super::{Lazy, lazy};
use serde_json::Value;
use std::time::Instant;
use toygres_plugin_api::{Context, Result};

/// What the API answers.
pub(crate) struct Answers {
    pub(crate) alive: Lazy<Answer>,
    pub(crate) ready: Lazy<Answer>,
    pub(crate) metrics: Lazy<Answer>,
    pub(crate) endpoints: Lazy<Answer>,
}

/// One answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) took_ms: f64,
}

impl Answers {
    pub(super) fn new(ctx: &Context) -> Self {
        let get = |path: &'static str| lazy(get(ctx.clone(), path));
        Self {
            alive: get("/healthz"),
            ready: get("/readyz"),
            metrics: get("/metrics"),
            endpoints: get("/api/openapi.json"),
        }
    }
}

async fn get(ctx: Context, path: &'static str) -> Result<Answer> {
    let ask = async || {
        let begun = Instant::now();
        let response = ctx.api().timeout(super::QUESTION).get(path).await?;
        let took_ms = begun.elapsed().as_secs_f64() * 1000.0;
        Ok(Answer { status: response.status, body: response.body, took_ms })
    };
    quickest(ask, |answer| answer.took_ms).await
}
