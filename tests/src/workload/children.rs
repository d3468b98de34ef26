//! Sub-orchestrations, three deep.

use super::drive::Stage;
use super::{Scenario, create, records};
use crate::Result;
use duroxide::OrchestrationContext;
use duroxide::runtime::registry::OrchestrationRegistryBuilder;

/// Leaves the storage to a sub-orchestration.
const VERSION: &str = "1.3.0";
/// Leaves the network to one.
const NETWORKED: &str = "1.3.1";

const STORAGE: &str = "toygres::orchestration::provision-storage";
const VOLUME: &str = "toygres::orchestration::attach-volume";
const NETWORK: &str = "toygres::orchestration::provision-network";

pub(super) fn register(builder: OrchestrationRegistryBuilder) -> OrchestrationRegistryBuilder {
    builder
        .register_versioned(create::NAME, VERSION, |ctx, input| delegate(ctx, STORAGE, input))
        .register_versioned(create::NAME, NETWORKED, |ctx, input| delegate(ctx, NETWORK, input))
        .register(STORAGE, |ctx, input| delegate(ctx, VOLUME, input))
        .register(
            VOLUME,
            |ctx, input| async move { ctx.schedule_activity("attach-disk", input).await },
        )
        .register(NETWORK, |ctx, _| async move { Ok(ctx.schedule_wait("volume-attached").await) })
}

pub(super) async fn drive(stage: &Stage, scenario: Scenario) -> Result {
    if scenario == Scenario::DeepFailure {
        stage.begin(scenario, create::NAME, Some(VERSION)).await?;
        return stage.reaches(scenario, records::FAILED).await;
    }
    stage.begin(scenario, create::NAME, Some(NETWORKED)).await?;
    stage.reaches(scenario, records::CHILD_WAITS_FOR_EVENT).await
}

async fn delegate(
    ctx: OrchestrationContext,
    to: &'static str,
    input: String,
) -> Result<String, String> {
    ctx.schedule_sub_orchestration(to, input).await
}
