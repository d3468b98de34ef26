//! Activities and the workers that take them, or do not.

use super::drive::Stage;
use super::{Scenario, create, records, worker};
use crate::Result;
use duroxide::OrchestrationContext;
use duroxide::runtime::registry::OrchestrationRegistryBuilder;
use std::time::Duration;

/// Deploys on a tag of its own.
const TAGGED: &str = "1.5.0";
/// Asks for an activity that no worker has registered.
const CACHED: &str = "1.5.1";

pub(super) fn register(builder: OrchestrationRegistryBuilder) -> OrchestrationRegistryBuilder {
    builder.register_versioned(create::NAME, TAGGED, tagged).register_versioned(
        create::NAME,
        CACHED,
        |ctx, input| async move { ctx.schedule_activity("warm-cache", input).await },
    )
}

/// The tag of a scenario; only a worker that a scenario starts itself serves one.
pub(super) fn tag(k8s_name: &str) -> String {
    if k8s_name == Scenario::NoWorker.k8s_name() {
        return "region-moon".to_owned();
    }
    format!("region-{k8s_name}")
}

async fn tagged(ctx: OrchestrationContext, input: String) -> Result<String, String> {
    let tag = tag(&super::instance::Instance::parse(&input)?.k8s_name);
    ctx.schedule_activity("cms-create-instance-record", &input).await?;
    ctx.schedule_activity("deploy-postgres", &input).with_tag(tag).await
}

/// An hour later: what lies in the queue lies there since then.
const LATER: &str =
    "UPDATE worker_queue SET visible_at = visible_at - interval '1 hour' WHERE instance_id = $id";

pub(super) async fn drive(stage: &Stage, scenario: Scenario) -> Result {
    match scenario {
        Scenario::Executing => {
            stage.begin(scenario, create::NAME, Some(create::VERSION)).await?;
            stage.reaches(scenario, records::ACTIVITY_HELD).await
        }
        Scenario::UnknownActivity => {
            stage.begin(scenario, create::NAME, Some(CACHED)).await?;
            stage.reaches(scenario, records::ACTIVITY_GIVEN_BACK).await
        }
        Scenario::PoisonedActivity => {
            stage.begin(scenario, create::NAME, Some(CACHED)).await?;
            stage.reaches(scenario, records::ACTIVITY_GIVEN_BACK).await?;
            stage.alter(
                scenario,
                "UPDATE worker_queue SET attempt_count = 20, visible_at = now() WHERE instance_id = $id",
            )?;
            stage.reaches(scenario, records::FAILED).await
        }
        Scenario::LeaseHeld => killed(stage, scenario, Duration::from_secs(6 * 3600)).await,
        Scenario::LeaseExpired => {
            killed(stage, scenario, Duration::from_secs(1)).await?;
            stage.reaches(scenario, records::LEASE_EXPIRED).await
        }
        _ => {
            stage.begin(scenario, create::NAME, Some(TAGGED)).await?;
            stage.reaches(scenario, records::ACTIVITY_QUEUED).await?;
            stage.alter(scenario, LATER)?;
            if scenario == Scenario::Worn {
                stage.alter(
                    scenario,
                    "UPDATE worker_queue SET attempt_count = 12 WHERE instance_id = $id",
                )?;
            }
            Ok(())
        }
    }
}

/// A worker process takes the activity, and is killed in the middle of it.
async fn killed(stage: &Stage, scenario: Scenario, lease: Duration) -> Result {
    stage.begin(scenario, create::NAME, Some(TAGGED)).await?;
    let mut process = worker::start(&stage.url, &tag(scenario.k8s_name()), lease)?;
    let held = stage.reaches(scenario, records::ACTIVITY_HELD).await;
    // SIGKILL: nothing is put back.
    process.kill()?;
    process.wait()?;
    held
}
