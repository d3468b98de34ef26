//! Retried by duroxide's retry policy.

use super::drive::Stage;
use super::{Scenario, create, records};
use crate::Result;
use duroxide::runtime::registry::OrchestrationRegistryBuilder;
use duroxide::{BackoffStrategy, OrchestrationContext, RetryPolicy};
use std::time::Duration;

const VERSION: &str = "1.1.0";

pub(super) fn register(builder: OrchestrationRegistryBuilder) -> OrchestrationRegistryBuilder {
    builder.register_versioned(create::NAME, VERSION, create_instance)
}

pub(super) async fn drive(stage: &Stage, scenario: Scenario) -> Result {
    stage.begin(scenario, create::NAME, Some(VERSION)).await?;
    let wanted = if scenario == Scenario::Retried { records::COMPLETED } else { records::FAILED };
    stage.reaches(scenario, wanted).await
}

async fn create_instance(ctx: OrchestrationContext, input: String) -> Result<String, String> {
    let backoff = BackoffStrategy::Fixed { delay: Duration::from_millis(50) };
    let policy = RetryPolicy::new(3).with_backoff(backoff);
    ctx.schedule_activity("cms-create-instance-record", &input).await?;
    ctx.schedule_activity_with_retry("deploy-postgres", &input, policy).await
}
