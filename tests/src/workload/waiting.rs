//! Waiting for something from outside.

use super::drive::Stage;
use super::{Scenario, create, records};
use crate::Result;
use duroxide::OrchestrationContext;
use duroxide::runtime::registry::OrchestrationRegistryBuilder;

/// Waits for an approval.
pub(super) const APPROVAL: &str = "1.2.0";
/// Takes commands from a queue.
const COMMANDS: &str = "1.2.1";

pub(super) fn register(builder: OrchestrationRegistryBuilder) -> OrchestrationRegistryBuilder {
    builder.register_versioned(create::NAME, APPROVAL, after_approval).register_versioned(
        create::NAME,
        COMMANDS,
        on_command,
    )
}

pub(super) async fn drive(stage: &Stage, scenario: Scenario) -> Result {
    let (version, wanted) = match scenario {
        Scenario::Queue => (COMMANDS, records::WAITING_QUEUE),
        _ => (APPROVAL, records::WAITING_EVENT),
    };
    stage.begin(scenario, create::NAME, Some(version)).await?;
    stage.reaches(scenario, wanted).await
}

pub(super) async fn after_approval(
    ctx: OrchestrationContext,
    input: String,
) -> Result<String, String> {
    ctx.schedule_activity("cms-create-instance-record", &input).await?;
    ctx.schedule_wait("quota-approved").await;
    ctx.schedule_activity("deploy-postgres", &input).await
}

async fn on_command(ctx: OrchestrationContext, input: String) -> Result<String, String> {
    ctx.schedule_activity("cms-create-instance-record", &input).await?;
    Ok(ctx.dequeue_event("instance-commands").await)
}
