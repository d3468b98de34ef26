//! Work that the releases at hand cannot take: other versions, other types, another duroxide.

use super::drive::Stage;
use super::{Scenario, create, records, runtimes, waiting};
use crate::Result;
use crate::secrets::Secrets;
use duroxide::runtime::registry::OrchestrationRegistryBuilder;
use duroxide_pg::PostgresProvider;
use std::sync::Arc;

/// Only an older release has it.
const OLD: &str = "0.9.0";
/// Only a release to come has it.
const NEW: &str = "9.0.0";

/// What the older release knows.
pub(super) fn older(builder: OrchestrationRegistryBuilder) -> OrchestrationRegistryBuilder {
    builder.register_versioned(create::NAME, OLD, waiting::after_approval)
}

/// Lets the older release begin what it alone knows, and ends it.
pub(super) async fn before(
    stage: &Stage,
    provider: &Arc<PostgresProvider>,
    scenarios: &[Scenario],
) -> Result {
    let its =
        |scenario: &&Scenario| matches!(scenario, Scenario::OldVersion | Scenario::CancelRequested);
    let its: Vec<Scenario> = scenarios.iter().filter(its).copied().collect();
    if its.is_empty() {
        return Ok(());
    }
    let runtime = runtimes::older(provider, &Secrets::canaries()).await;
    for scenario in its {
        stage.begin(scenario, create::NAME, Some(OLD)).await?;
        stage.reaches(scenario, records::WAITING_EVENT).await?;
    }
    runtime.shutdown(None).await;
    Ok(())
}

/// An execution that only another duroxide may replay.
const PIN: &str = "UPDATE executions SET duroxide_version_major = 99, duroxide_version_minor = 0, \
                   duroxide_version_patch = 0 WHERE instance_id = $id";

/// An hour later: what waits since just now waits since then.
const LATER: &str = "UPDATE orchestrator_queue SET visible_at = visible_at - interval '1 hour' WHERE instance_id = $id; \
     UPDATE history SET event_data = regexp_replace(event_data, '(\"fire_at_ms\":)[0-9]+', \
         '\\1' || ((extract(epoch FROM now()) - 3600) * 1000)::bigint::text) \
     WHERE instance_id = $id AND event_data LIKE '%\"TimerCreated\"%'";

pub(super) async fn drive(stage: &Stage, scenario: Scenario) -> Result {
    match scenario {
        Scenario::OldVersion => {
            stage.client.raise_event(scenario.id(), "quota-approved", "yes").await?;
            stage.reaches(scenario, records::TURN_GIVEN_BACK).await
        }
        Scenario::CancelRequested => {
            stage.client.cancel_instance(scenario.id(), "no longer wanted").await?;
            stage.reaches(scenario, records::TURN_GIVEN_BACK).await
        }
        Scenario::NewVersion => {
            stage.begin(scenario, create::NAME, Some(NEW)).await?;
            stage.reaches(scenario, records::TURN_GIVEN_BACK).await
        }
        Scenario::UnknownType => {
            stage.begin(scenario, "toygres::orchestration::rotate-password", None).await?;
            stage.reaches(scenario, records::TURN_GIVEN_BACK).await
        }
        Scenario::PoisonedStart => {
            stage.begin(scenario, create::NAME, Some(NEW)).await?;
            stage.reaches(scenario, records::TURN_GIVEN_BACK).await?;
            stage.alter(
                scenario,
                "UPDATE orchestrator_queue SET attempt_count = 20, visible_at = now() WHERE instance_id = $id",
            )?;
            stage.reaches(scenario, records::FAILED).await
        }
        Scenario::NewRuntime => {
            stage.begin(scenario, create::NAME, Some(waiting::APPROVAL)).await?;
            stage.reaches(scenario, records::WAITING_EVENT).await?;
            stage.alter(scenario, PIN)?;
            stage.client.raise_event(scenario.id(), "quota-approved", "yes").await?;
            stage.reaches(scenario, records::MESSAGE_QUEUED).await?;
            stage.alter(scenario, LATER)
        }
        _ => {
            stage.begin(scenario, create::NAME, Some(create::VERSION)).await?;
            stage.reaches(scenario, records::WAITING_TIMER).await?;
            stage.alter(scenario, PIN)?;
            stage.reaches(scenario, records::WAITING_TIMER).await?;
            stage.alter(scenario, LATER)
        }
    }
}
