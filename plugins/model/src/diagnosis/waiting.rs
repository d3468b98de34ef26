//! Everything that an orchestration waits for.

use super::{
    Attempts, Diagnosis, Kind, MAX_ATTEMPTS, PATIENCE_MS, Records, TIMER_GRACE_MS, child_id, titled,
};
use crate::names::short;
use crate::queue::QueueRow;
use crate::steps::{Step, StepKind, StepState};
use crate::time;
use serde_json::json;

pub(super) fn all(records: &Records) -> Vec<Diagnosis> {
    let pending = records.steps.iter().filter(|step| step.state == StepState::Pending);
    let mut found: Vec<Diagnosis> = pending
        .filter_map(|step| match step.kind {
            StepKind::Activity => Some(amid(records, step, activity(records, step))),
            StepKind::Timer => Some(amid(records, step, timer(records, step))),
            StepKind::External => Some(external(records, step)),
            StepKind::SubOrchestration => Some(child(records, step)),
            StepKind::Lifecycle | StepKind::Other => None,
        })
        .collect();
    found.extend(turn(records));
    found
}

/// The same with the repeated attempts that the step belongs to.
fn amid(records: &Records, step: &Step, mut diagnosis: Diagnosis) -> Diagnosis {
    let Some(attempts) = Attempts::leading_to(records, step) else { return diagnosis };
    let told = attempts.summary();
    diagnosis.summary = match diagnosis.kind {
        Kind::WaitingTimer => match step.fires {
            Some(fires) => format!(
                "{told}; next try when timer `{}` fires {}",
                step.name,
                when(records, fires)
            ),
            None => told,
        },
        _ => format!("{}; {told}", diagnosis.summary),
    };
    diagnosis.attempts = Some(Box::new((attempts, records.now)));
    diagnosis
}

fn since(records: &Records, at: Option<i64>) -> String {
    at.map(|at| format!(" for {}", time::words(records.now - at))).unwrap_or_default()
}

/// An activity: the worker queue says where it is.
fn activity(records: &Records, step: &Step) -> Diagnosis {
    let is_its = |row: &&QueueRow| {
        row.number("id") == Some(step.event_id)
            || (row.number("id").is_none() && row.text("name").map(short) == Some(&step.name))
    };
    let evidence = json!({
        "activity": step.name,
        "event_id": step.event_id,
        "scheduled_at": step.started.and_then(time::rfc3339),
    });
    match records.worker_queue.iter().find(is_its) {
        Some(row) => queued_activity(records, step, row, evidence),
        None => {
            let arrived = records.orchestrator_queue.iter().find(|row| {
                row.kind.starts_with("Activity") && row.number("id") == Some(step.event_id)
            });
            match arrived {
                Some(row) => waiting_turn(records, row, &format!("the answer of `{}`", step.name)),
                None => Diagnosis::new(
                    Kind::Unknown,
                    format!(
                        "activity `{}` was scheduled{} and no queue holds it",
                        step.name,
                        step.started
                            .map(|at| format!(" {} ago", time::words(records.now - at)))
                            .unwrap_or_default()
                    ),
                    evidence,
                ),
            }
        }
    }
}

fn queued_activity(
    records: &Records,
    step: &Step,
    row: &QueueRow,
    mut evidence: serde_json::Value,
) -> Diagnosis {
    let (name, attempts) = (&step.name, row.attempts());
    evidence["attempt"] = json!(attempts);
    evidence["tag"] = json!(row.tag());
    if let Some(until) = row.locked_until() {
        evidence["lease_until"] = json!(time::rfc3339(until));
        if until > records.now {
            return Diagnosis::new(
                Kind::ExecutingActivity,
                format!(
                    "executing activity `{name}`{} (attempt {}, lease for another {})",
                    since(records, step.started),
                    attempts.max(1),
                    time::words(until - records.now)
                ),
                evidence,
            );
        }
        return Diagnosis::new(
            Kind::LeaseExpired,
            format!(
                "the worker that took activity `{name}` is gone: its lease expired {} ago and no \
                 worker has taken it again (attempt {})",
                time::words(records.now - until),
                attempts.max(1)
            ),
            evidence,
        );
    }
    if attempts > MAX_ATTEMPTS {
        return Diagnosis::new(
            Kind::Poisoned,
            format!(
                "activity `{name}` is poisoned: it was taken {attempts} times without an answer"
            ),
            evidence,
        );
    }
    let visible = row.visible_at().unwrap_or(records.now);
    evidence["visible_at"] = json!(time::rfc3339(visible));
    if attempts > 0 && visible > records.now - PATIENCE_MS {
        return Diagnosis::new(
            Kind::Unregistered,
            format!(
                "no worker has activity `{name}` registered: it was given back {attempts} time(s), \
                 next try {}",
                when(records, visible)
            ),
            evidence,
        );
    }
    let waits = records.now - visible;
    if let Some(tag) = row.tag() {
        let kind = if waits > PATIENCE_MS { Kind::QueuedNoWorker } else { Kind::Queued };
        return Diagnosis::new(
            kind,
            format!(
                "activity `{name}` is queued for {} and no worker takes the tag `{tag}`",
                time::words(waits)
            ),
            evidence,
        );
    }
    if waits > PATIENCE_MS {
        return Diagnosis::new(
            Kind::QueuedNoWorker,
            format!(
                "activity `{name}` is queued for {} and no worker takes it",
                time::words(waits)
            ),
            evidence,
        );
    }
    Diagnosis::new(
        Kind::Queued,
        format!("activity `{name}` is queued{}", since(records, Some(visible))),
        evidence,
    )
}

fn when(records: &Records, at: i64) -> String {
    let left = at - records.now;
    if left > 0 { format!("in {}", time::words(left)) } else { "due now".to_owned() }
}

fn timer(records: &Records, step: &Step) -> Diagnosis {
    let evidence = json!({"timer": step.name, "fires_at": step.fires.and_then(time::rfc3339)});
    let Some(fires) = step.fires else {
        return Diagnosis::new(Kind::WaitingTimer, "waiting on a timer", evidence);
    };
    let late = records.now - fires;
    if late > TIMER_GRACE_MS {
        return Diagnosis::new(
            Kind::OverdueTimer,
            format!(
                "timer `{}` should have fired {} ago; no worker handles it",
                step.name,
                time::words(late)
            ),
            evidence,
        );
    }
    Diagnosis::new(
        Kind::WaitingTimer,
        format!("waiting on timer `{}`, fires {}", step.name, when(records, fires)),
        evidence,
    )
}

fn external(records: &Records, step: &Step) -> Diagnosis {
    Diagnosis::new(
        Kind::WaitingEvent,
        format!("waiting for external event `{}`{}", step.name, since(records, step.started)),
        json!({"event": step.name, "since": step.started.and_then(time::rfc3339)}),
    )
}

fn child(records: &Records, step: &Step) -> Diagnosis {
    let id = child_id(&records.id, step.instance.as_deref().unwrap_or_default());
    let mut diagnosis = Diagnosis::new(
        Kind::WaitingSubOrchestration,
        format!("waiting for sub-orchestration `{id}`"),
        json!({
            "sub_orchestration": id,
            "type": step.name,
            "since": step.started.and_then(time::rfc3339),
        }),
    );
    diagnosis.child = Some(id);
    diagnosis
}

/// The orchestrator queue: what a next turn would begin with.
fn turn(records: &Records) -> Vec<Diagnosis> {
    if records.locked_until.is_some_and(|until| until > records.now) {
        return Vec::new();
    }
    let due = records.orchestrator_queue.iter().filter(|row| {
        // A timer's row is visible only when it fires; answers of activities are told with them.
        !matches!(row.kind.as_str(), "TimerFired" | "ActivityCompleted" | "ActivityFailed")
    });
    due.map(|row| waiting_turn(records, row, &thing(&row.kind))).collect()
}

fn thing(kind: &str) -> String {
    match kind {
        "StartOrchestration" => "its start".to_owned(),
        "CancelInstance" => "the request to cancel".to_owned(),
        "ExternalRaised" | "QueueMessage" => "an external event".to_owned(),
        "SubOrchCompleted" | "SubOrchFailed" => "the answer of a sub-orchestration".to_owned(),
        "ContinueAsNew" => "its next execution".to_owned(),
        other => format!("`{other}`"),
    }
}

/// Something lies in the orchestrator queue and waits for a dispatcher.
fn waiting_turn(records: &Records, row: &QueueRow, thing: &str) -> Diagnosis {
    let attempts = row.attempts();
    let visible = row.visible_at().unwrap_or(records.now);
    let evidence = json!({
        "queue": "orchestrator",
        "item": row.kind,
        "attempt": attempts,
        "version": row.text("version").or(records.version.as_deref()),
        "queued_at": row.created_at().and_then(time::rfc3339),
        "visible_at": time::rfc3339(visible),
    });
    let who = titled(records, row);
    if attempts > MAX_ATTEMPTS {
        return Diagnosis::new(
            Kind::Poisoned,
            format!("{who} is poisoned: {thing} was taken {attempts} times without success"),
            evidence,
        );
    }
    if let Some(until) = row.locked_until().filter(|until| *until < records.now - PATIENCE_MS) {
        return Diagnosis::new(
            Kind::LeaseExpired,
            format!(
                "the dispatcher that took {thing} is gone: its lease expired {} ago",
                time::words(records.now - until)
            ),
            evidence,
        );
    }
    if attempts > 0 {
        let versioned = row.text("version").or(records.version.as_deref()).is_some();
        let kind = if versioned { Kind::UnsupportedVersion } else { Kind::Unregistered };
        return Diagnosis::new(
            kind,
            format!(
                "no worker has {who} registered: {thing} was given back {attempts} time(s), next \
                 try {}",
                when(records, visible)
            ),
            evidence,
        );
    }
    let waits = records.now - visible;
    if waits > PATIENCE_MS {
        return Diagnosis::new(
            Kind::QueuedNoWorker,
            format!("{thing} is queued for {} and no worker takes it", time::words(waits)),
            evidence,
        );
    }
    Diagnosis::new(Kind::Queued, format!("{thing} is queued"), evidence)
}
