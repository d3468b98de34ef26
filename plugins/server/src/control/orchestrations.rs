//! The orchestrations: what is done in which order, and what is undone when a step fails.
//!
//! They are replayed: everything that depends on the time, on chance or on a setting is in an
//! activity or in the input.

mod create;
mod delete;
mod health;
mod step;

use duroxide::OrchestrationContext;
use duroxide::runtime::registry::OrchestrationRegistry;
use serde::de::DeserializeOwned;

/// The orchestration that makes an instance.
pub(super) const CREATE_INSTANCE: &str = "create-instance";
/// The orchestration that unmakes an instance.
pub(super) const DELETE_INSTANCE: &str = "delete-instance";
/// The orchestration that watches over an instance.
pub(super) const HEALTH_MONITOR: &str = "health-monitor";

/// All of them, at version 1.0.0 and, where steps have changed since, at the later version with which
/// new ones start.
pub(super) fn registry() -> OrchestrationRegistry {
    OrchestrationRegistry::builder()
        .register(CREATE_INSTANCE, |ctx, input| logged(ctx, input, create::create_instance_1_0))
        .register_versioned(CREATE_INSTANCE, "1.1.0", |ctx, input| {
            logged(ctx, input, create::create_instance)
        })
        .register(DELETE_INSTANCE, |ctx, input| logged(ctx, input, delete::delete_instance))
        .register(HEALTH_MONITOR, health::health_monitor)
        .build()
}

/// Runs an orchestration, and logs its failure once. duroxide logs each end that is no success as a
/// failure, a cancellation too: its lines are left out (`log::setup`).
async fn logged<F, R>(ctx: OrchestrationContext, input: String, run: F) -> Result<String, String>
where
    F: FnOnce(OrchestrationContext, String) -> R,
    R: Future<Output = Result<String, String>>,
{
    let ended = run(ctx.clone(), input).await;
    if let Err(error) = &ended
        && !ctx.is_replaying()
    {
        tracing::warn!(orchestration = ctx.instance_id(), error, "orchestration failed");
    }
    ended
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| format!("a value could not be read: {error}"))
}
