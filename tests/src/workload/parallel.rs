//! Several things at the same time.

use super::drive::Stage;
use super::{Scenario, create, records};
use crate::Result;
use duroxide::OrchestrationContext;
use duroxide::runtime::registry::OrchestrationRegistryBuilder;
use std::time::Duration;

/// Joins activities and a timer.
const VERSION: &str = "1.4.0";
/// Joins an activity, a timer and an event.
const PATIENT: &str = "1.4.1";

pub(super) fn register(builder: OrchestrationRegistryBuilder) -> OrchestrationRegistryBuilder {
    builder.register_versioned(create::NAME, VERSION, fan_out).register_versioned(
        create::NAME,
        PATIENT,
        join,
    )
}

pub(super) async fn drive(stage: &Stage, scenario: Scenario) -> Result {
    let (version, wanted) = match scenario {
        Scenario::Parallel => (VERSION, records::COMPLETED),
        _ => (PATIENT, records::JOINING),
    };
    stage.begin(scenario, create::NAME, Some(version)).await?;
    stage.reaches(scenario, wanted).await
}

async fn fan_out(ctx: OrchestrationContext, input: String) -> Result<String, String> {
    let names = ["create-dns-record", "create-firewall-rule", "create-storage-account"];
    let activities = names.iter().map(|name| ctx.schedule_activity(*name, &input)).collect();
    let pause = ctx.schedule_timer(Duration::from_millis(50));
    let (answers, ()) = ctx.join2(ctx.join(activities), pause).await;
    Ok(answers.into_iter().collect::<Result<Vec<_>, _>>()?.join("\n"))
}

async fn join(ctx: OrchestrationContext, input: String) -> Result<String, String> {
    let record = ctx.schedule_activity("create-dns-record", input);
    let pause = ctx.schedule_timer(Duration::from_secs(6 * 3600));
    let propagated = ctx.schedule_wait("dns-propagated");
    let (answer, (), _) = ctx.join3(record, pause, propagated).await;
    answer
}
