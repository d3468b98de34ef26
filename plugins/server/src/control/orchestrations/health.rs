//! `health-monitor`: one check an execution, for as long as the instance runs.

use super::step::step;
use crate::control::activities::{Seen, names};
use crate::control::order::Watch;
use duroxide::OrchestrationContext;
use serde_json::json;
use std::time::Duration;

/// Checks once, waits, and continues as new. No failed check ends it: what cannot be asked or
/// written now can be later.
pub(super) async fn health_monitor(
    ctx: OrchestrationContext,
    input: String,
) -> Result<String, String> {
    let watch: Watch = super::parse(&input)?;
    // A failure is in the history, with its activity.
    if let Ok(false) = check(&ctx, &watch).await {
        return Ok(json!({"k8s_name": watch.k8s_name, "watched": false}).to_string());
    }
    ctx.schedule_timer(Duration::from_millis(watch.interval_ms)).await;
    ctx.continue_as_new(input).await
}

/// Whether there is still something to watch over.
async fn check(ctx: &OrchestrationContext, watch: &Watch) -> Result<bool, String> {
    let seen = step(ctx, names::CHECK, watch).await?;
    let seen: Seen = serde_json::from_value(seen).map_err(|error| error.to_string())?;
    if seen.watch {
        step(ctx, names::RECORD_CHECK, &seen).await?;
    }
    Ok(seen.watch)
}
