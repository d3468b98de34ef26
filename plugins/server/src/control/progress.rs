//! The steps of an instance's orchestration, for whoever waits for it.

use super::ControlPlane;
use super::broken::{self, reason};
use super::cms::Record;
use serde_json::Value;
use sqlx::Row;
use toygres_model::history::Event;
use toygres_model::instance::{ProgressStep, State};
use toygres_model::results::PollResult;
use toygres_model::steps::{Step, StepKind, StepState, steps};
use toygres_model::time::rfc3339;
use toygres_plugin_api::Result;

impl ControlPlane {
    /// The steps of the orchestration that makes or unmakes an instance, whichever was last.
    pub(super) async fn progress(&self, record: &Record) -> Result<Vec<ProgressStep>> {
        let going = matches!(record.state, State::Deleting | State::Deleted);
        let id = if going { &record.delete_id } else { &record.create_id };
        let Some(id) = id else { return Ok(Vec::new()) };
        let events = self.events(id).await.map_err(broken::cms)?;
        Ok(told(&steps(&events)))
    }

    async fn events(&self, id: &str) -> Result<Vec<Event>, sqlx::Error> {
        let sql = format!(
            "SELECT h.event_id, h.event_data,
                 (extract(epoch FROM h.created_at) * 1000)::bigint AS created_ms
             FROM {schema}.history h JOIN {schema}.instances i ON i.instance_id = h.instance_id
                 AND i.current_execution_id = h.execution_id
             WHERE h.instance_id = $1 ORDER BY h.event_id",
            schema = self.inner.cms.duroxide
        );
        let rows = sqlx::query(&sql).bind(id).fetch_all(&self.inner.cms.pool).await?;
        rows.iter()
            .map(|row| {
                let data: String = row.try_get(1)?;
                Ok(Event::read(row.try_get(0)?, &data, row.try_get(2)?))
            })
            .collect()
    }
}

/// Activities and sub-orchestrations; attempts of the same activity are one step.
fn told(steps: &[Step]) -> Vec<ProgressStep> {
    let mut told: Vec<ProgressStep> = Vec::new();
    let shown = [StepKind::Activity, StepKind::SubOrchestration];
    for step in steps.iter().filter(|step| shown.contains(&step.kind)) {
        let next = one(step);
        match told.last_mut().filter(|last| last.step == next.step) {
            Some(last) => {
                let started_at = last.started_at.take();
                // A new attempt has nothing to say yet: what the last one waited for still holds.
                let message = next.message.clone().or_else(|| last.message.take());
                let look = next.look.clone().or_else(|| last.look.take());
                *last = ProgressStep { started_at, message, look, ..next };
            }
            None => told.push(next),
        }
    }
    // Nothing goes on any more: what was waited for will not come.
    let end = steps.iter().rev().find(|step| step.event == "OrchestrationFailed");
    if let Some((end, last)) = end.zip(told.last_mut())
        && matches!(last.state.as_str(), "waiting" | "running")
    {
        last.state = "failed".to_owned();
        last.message.clone_from(&end.outcome);
    }
    // While a timer runs between two attempts, the last look says that it was not enough.
    let waits = steps
        .last()
        .is_some_and(|step| step.kind == StepKind::Timer && step.state == StepState::Pending);
    if let Some(last) = told.last_mut().filter(|_| waits) {
        last.state = "waiting".to_owned();
        last.ended_at = None;
    }
    for step in told.iter_mut().filter(|step| step.state == "completed") {
        step.message = None;
        step.look = None;
    }
    told
}

fn one(step: &Step) -> ProgressStep {
    let (state, message) = match step.state {
        StepState::Pending | StepState::None => ("running", None),
        StepState::Succeeded => match waits_for(step) {
            Some(what) => ("waiting", Some(what)),
            None => ("completed", None),
        },
        StepState::Failed => {
            ("failed", step.outcome.as_deref().map(|text| reason(text).to_owned()))
        }
        StepState::Cancelled => ("failed", Some("cancelled".to_owned())),
    };
    ProgressStep {
        step: step.name.clone(),
        state: state.to_owned(),
        started_at: step.started.and_then(rfc3339),
        ended_at: step.ended.and_then(rfc3339),
        message,
        look: look(step),
    }
}

/// The command that shows what an attempt waits for.
fn look(step: &Step) -> Option<String> {
    let answer: Value = serde_json::from_str(step.outcome.as_deref()?).ok()?;
    answer["look"].as_str().map(str::to_owned)
}

/// What an attempt found missing.
fn waits_for(step: &Step) -> Option<String> {
    let result = PollResult::read(step.outcome.as_deref()?).filter(|result| !result.done)?;
    Some(match (result.waiting_for, result.key) {
        (Some(what), _) => what,
        (None, "ready") => "not ready yet".to_owned(),
        (None, _) => "it is still at work".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::told;
    use serde_json::json;
    use toygres_model::history::Event;
    use toygres_model::steps::steps;

    fn events(waiting: bool) -> Vec<Event> {
        let mut events = vec![
            json!({"type": "OrchestrationStarted", "timestamp_ms": 1}),
            json!({"type": "ActivityScheduled", "name": "wait-for-ready", "timestamp_ms": 1000}),
            json!({"type": "ActivityCompleted", "source_event_id": 2, "timestamp_ms": 2000,
                "result": r#"{"ready":false,"waiting_for":"a-0 is pending"}"#}),
            json!({"type": "TimerCreated", "fire_at_ms": 9000, "timestamp_ms": 2000}),
        ];
        if !waiting {
            events.push(json!({"type": "TimerFired", "source_event_id": 4, "timestamp_ms": 9000}));
            events.push(
                json!({"type": "ActivityScheduled", "name": "wait-for-ready", "timestamp_ms": 9000}),
            );
            events.push(json!({"type": "ActivityCompleted", "source_event_id": 6,
                "timestamp_ms": 9500, "result": r#"{"ready":true,"waiting_for":null}"#}));
        }
        let numbered = (1..).zip(events);
        numbered.map(|(id, event)| Event::read(id, &event.to_string(), None)).collect()
    }

    #[test]
    fn attempts_are_one_step_that_waits_and_then_is_done() {
        let waiting = told(&steps(&events(true)));
        assert_eq!(waiting.len(), 1);
        assert_eq!(waiting[0].state, "waiting");
        assert_eq!(waiting[0].message.as_deref(), Some("a-0 is pending"));
        let done = told(&steps(&events(false)));
        assert_eq!(done.len(), 1);
        assert_eq!((done[0].state.as_str(), &done[0].message), ("completed", &None));
        assert_eq!(done[0].started_at.as_deref(), Some("1970-01-01T00:00:01Z"));
        assert_eq!(done[0].ended_at.as_deref(), Some("1970-01-01T00:00:09.5Z"));
    }
}
