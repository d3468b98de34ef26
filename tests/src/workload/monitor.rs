//! The health monitor: continues as new for ever.

use crate::Result;
use duroxide::runtime::registry::OrchestrationRegistryBuilder;
use duroxide::{Client, OrchestrationContext};
use serde_json::{Value, json};
use std::time::Duration;

const NAME: &str = "toygres::orchestration::health-monitor";

/// The execution from which on it waits for long.
const SETTLED: u64 = 5;

pub(super) fn register(builder: OrchestrationRegistryBuilder) -> OrchestrationRegistryBuilder {
    builder.register(NAME, health_monitor)
}

/// Starts the monitor of an instance, at whichever version is the newest.
pub(super) async fn start(client: &Client, id: &str, k8s_name: &str) -> Result<(), String> {
    let input = json!({"k8s_name": k8s_name, "check": 1}).to_string();
    client.start_orchestration(id, NAME, input).await.map_err(|error| error.to_string())
}

async fn health_monitor(ctx: OrchestrationContext, input: String) -> Result<String, String> {
    let mut input: Value = serde_json::from_str(&input).map_err(|error| error.to_string())?;
    let check = input["check"].as_u64().unwrap_or(1);
    let health = ctx.schedule_activity("check-instance-health", input.to_string()).await?;
    ctx.schedule_activity("cms-record-health-check", health).await?;
    let pause = if check < SETTLED { Duration::from_millis(20) } else { Duration::from_secs(3600) };
    ctx.schedule_timer(pause).await;
    input["check"] = json!(check + 1);
    ctx.continue_as_new(input.to_string()).await
}
