//! The root cause of a failure: from a failed orchestration down to the activity and its error.

use super::{Diagnosis, Kind, Records};
use crate::steps::{Step, StepKind, StepState};
use crate::time;
use serde_json::json;

/// What a failed orchestration says of why.
#[derive(Debug, Clone, PartialEq)]
pub enum FailedChild {
    /// Its own doing: this is the end of the search.
    Here(Diagnosis),
    /// A child's: look there.
    In(String),
}

/// Why an orchestration whose latest execution failed did so; `error` is the terminal record's.
#[must_use]
pub fn root_cause(records: &Records, error: &str) -> FailedChild {
    // The last failure before the end that the end speaks of; without one that it names, the last
    // that there was.
    let failures: Vec<&Step> = records
        .steps
        .iter()
        .filter(|step| step.state == StepState::Failed)
        .filter(|step| matches!(step.kind, StepKind::Activity | StepKind::SubOrchestration))
        .collect();
    let spoken = failures.iter().rev().find(|step| {
        step.outcome
            .as_deref()
            .is_some_and(|outcome| !outcome.is_empty() && error.contains(outcome))
    });
    match spoken.or(failures.last()) {
        Some(step) if step.kind == StepKind::SubOrchestration => {
            let said = step.instance.as_deref().unwrap_or_default();
            FailedChild::In(super::child_id(&records.id, said))
        }
        Some(step) => FailedChild::Here(activity(records, step, error)),
        None => FailedChild::Here(Diagnosis::new(
            Kind::RootCause,
            format!("the orchestration itself failed: {error}"),
            json!({"orchestration": records.id, "activity": null, "error": error}),
        )),
    }
}

fn activity(records: &Records, step: &Step, error: &str) -> Diagnosis {
    let words = step.outcome.clone().unwrap_or_else(|| error.to_owned());
    Diagnosis::new(
        Kind::RootCause,
        format!("activity `{}` failed: {words}", step.name),
        json!({
            "orchestration": records.id,
            "activity": step.name,
            "event_id": step.event_id,
            "failed_at": step.ended.and_then(time::rfc3339),
            "error": words,
        }),
    )
}
