//! The latest checks of a health monitor: one an execution, which continues as new for ever.

use super::schema::Schema;
use serde::Deserialize;
use serde_json::{Value, json};
use toygres_model::history::Event;
use toygres_model::results::CheckResult;
use toygres_model::steps::{StepKind, StepState, steps};
use toygres_model::time;
use toygres_plugin_api::Result;
use toygres_plugin_api::context::Session;

/// How many executions are looked into: ten minutes of checks that are made twice a minute.
const MAX_EXECUTIONS: i64 = 20;

/// One check.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Check {
    pub(crate) execution: i64,
    pub(crate) at: Option<i64>,
    /// What it found; the error of a check that failed itself.
    pub(crate) result: std::result::Result<CheckResult, String>,
}

impl Check {
    /// As machines read it.
    pub(crate) fn json(&self) -> Value {
        let found = self.result.as_ref().ok();
        json!({
            "execution": self.execution,
            "checked_at": self.at.and_then(time::rfc3339),
            "status": found.map(|check| check.status.as_str()),
            "error": match &self.result {
                Ok(check) => check.error.as_deref(),
                Err(error) => Some(error.as_str()),
            },
            "response_ms": found.and_then(|check| check.response_ms),
            "version": found.and_then(|check| check.version.as_deref()),
        })
    }
}

/// The checks of an orchestration's executions up to `last`, the latest last.
pub(crate) async fn checks(
    session: &Session,
    schema: &Schema,
    id: &str,
    last: i64,
) -> Result<Vec<Check>> {
    #[derive(Deserialize)]
    struct Row {
        execution_id: i64,
        event_id: i64,
        event_data: String,
        created_ms: Option<i64>,
    }
    if !schema.has("history") {
        return Ok(Vec::new());
    }
    let rows: Vec<Row> = session
        .query(format!(
            "SELECT h.execution_id, h.event_id, h.event_data, \
             (extract(epoch FROM h.created_at) * 1000)::bigint AS created_ms FROM {} h \
             WHERE h.instance_id = $1 AND h.execution_id > $2::bigint - {MAX_EXECUTIONS} \
             AND h.execution_id <= $2::bigint AND h.event_data LIKE '%Activity%' \
             ORDER BY h.execution_id, h.event_id LIMIT 2000",
            schema.table("history")
        ))
        .bind(id)
        .bind(last)
        .fetch()
        .await?;
    let mut found = Vec::new();
    for execution in rows.chunk_by(|a, b| a.execution_id == b.execution_id) {
        let events: Vec<Event> = execution
            .iter()
            .map(|row| Event::read(row.event_id, &row.event_data, row.created_ms))
            .collect();
        found.extend(of_execution(execution[0].execution_id, &events));
    }
    Ok(found)
}

/// The check of one execution, where it has made one.
fn of_execution(execution: i64, events: &[Event]) -> Option<Check> {
    let steps = steps(events);
    let mut activities = steps.iter().filter(|step| step.kind == StepKind::Activity);
    // What records a check gets the same result as its input, and is not looked at.
    let (check, result) = activities
        .clone()
        .find_map(|step| Some((step, CheckResult::read(step.outcome.as_deref()?)?)))
        .map_or_else(
            || {
                let failed = activities.rfind(|step| step.state == StepState::Failed)?;
                Some((failed, Err(failed.outcome.clone().unwrap_or_default())))
            },
            |(step, check)| Some((step, Ok(check))),
        )?;
    Some(Check { execution, at: check.ended, result })
}

#[cfg(test)]
mod tests {
    use super::of_execution;
    use serde_json::json;
    use toygres_model::history::Event;

    #[test]
    fn an_execution_has_one_check_or_the_error_of_it() {
        let events = |last: serde_json::Value| {
            [json!({"type": "ActivityScheduled", "name": "check-instance-health"}), last]
                .iter()
                .zip(1..)
                .map(|(event, id)| Event::read(id, &event.to_string(), Some(7)))
                .collect::<Vec<_>>()
        };
        let sick = json!({"type": "ActivityCompleted", "source_event_id": 1,
            "result": r#"{"status":"unhealthy","error":"refused","response_time_ms":null}"#});
        let check = of_execution(3, &events(sick)).unwrap().json();
        assert_eq!((&check["status"], &check["error"]), (&json!("unhealthy"), &json!("refused")));
        let failed =
            json!({"type": "ActivityFailed", "source_event_id": 1, "details": "passing: no"});
        let check = of_execution(3, &events(failed)).unwrap().json();
        assert_eq!((&check["status"], &check["error"]), (&json!(null), &json!("no")));
        assert_eq!(of_execution(3, &events(json!({"type": "Odd"}))), None);
    }
}
