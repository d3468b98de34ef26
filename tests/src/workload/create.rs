//! Creating and deleting an instance: what completes, fails, and waits on a timer.

use super::drive::Stage;
use super::instance::Instance;
use super::{Scenario, records};
use crate::Result;
use duroxide::OrchestrationContext;
use duroxide::runtime::registry::OrchestrationRegistryBuilder;
use serde_json::{Value, json};

/// The orchestration and its plain version.
pub(super) const NAME: &str = "create-instance";
pub(super) const VERSION: &str = "1.0.0";

const DELETE: &str = "toygres::orchestration::delete-instance";

/// How often it is asked whether an instance is ready.
const ATTEMPTS: u64 = 60;

pub(super) fn register(builder: OrchestrationRegistryBuilder) -> OrchestrationRegistryBuilder {
    builder.register_versioned(NAME, VERSION, create_instance).register_versioned(
        DELETE,
        VERSION,
        delete_instance,
    )
}

pub(super) async fn drive(stage: &Stage, scenario: Scenario) -> Result {
    let name = if scenario == Scenario::Deleted { DELETE } else { NAME };
    stage.begin(scenario, name, Some(VERSION)).await?;
    match scenario {
        Scenario::Completed => {
            stage.reaches(scenario, records::COMPLETED).await?;
            stage.reaches(Scenario::Monitor, records::MONITORING).await
        }
        Scenario::Deleted => stage.reaches(scenario, records::COMPLETED).await,
        Scenario::Failed => stage.reaches(scenario, records::FAILED).await,
        Scenario::Cancelled => {
            stage.reaches(scenario, records::WAITING_TIMER).await?;
            stage.client.cancel_instance(scenario.id(), "created by mistake").await?;
            stage.reaches(scenario, records::FAILED).await
        }
        _ => stage.reaches(scenario, records::WAITING_TIMER).await,
    }
}

async fn create_instance(ctx: OrchestrationContext, input: String) -> Result<String, String> {
    ctx.schedule_activity("cms-create-instance-record", &input).await?;
    ctx.schedule_activity("deploy-postgres", &input).await?;
    finish(&ctx, &input).await
}

/// Everything after the deployment.
pub(super) async fn finish(ctx: &OrchestrationContext, input: &str) -> Result<String, String> {
    wait_for_ready(ctx, input).await?;
    let connection = ctx.schedule_activity("get-connection-strings", input).await?;
    ctx.schedule_activity("test-connection", &connection).await?;
    ctx.schedule_activity("cms-update-instance-state", input).await?;
    ctx.schedule_activity("start-health-monitor", input).await?;
    ctx.schedule_activity("cms-record-health-monitor", input).await?;
    Ok(connection)
}

async fn wait_for_ready(ctx: &OrchestrationContext, input: &str) -> Result<(), String> {
    let instance = Instance::parse(input)?;
    for attempt in 1..=ATTEMPTS {
        let question = numbered(&instance, attempt).to_string();
        let answer = ctx.schedule_activity("wait-for-ready", question).await?;
        let answer: Value = serde_json::from_str(&answer).map_err(|error| error.to_string())?;
        if answer["ready"] == true {
            return Ok(());
        }
        ctx.set_custom_status(format!("not ready after attempt {attempt} of {ATTEMPTS}"));
        ctx.schedule_timer(instance.poll_interval()).await;
    }
    Err(format!("{} was not ready after {ATTEMPTS} attempts", instance.k8s_name))
}

fn numbered(instance: &Instance, attempt: u64) -> Value {
    let Instance { user_name, k8s_name, password } = instance;
    json!({"user_name": user_name, "k8s_name": k8s_name, "password": password, "attempt": attempt})
}

async fn delete_instance(ctx: OrchestrationContext, input: String) -> Result<String, String> {
    ctx.schedule_activity("toygres::activity::cms-get-instance", &input).await?;
    ctx.schedule_activity("toygres::activity::delete-postgres", &input).await?;
    ctx.schedule_activity("toygres::activity::cms-update-instance-state", &input).await?;
    Ok(json!({"k8s_name": Instance::parse(&input)?.k8s_name, "deleted": true}).to_string())
}
