//! Why an orchestration is where it is, from its records alone.
//!
//! Nothing is guessed: what no record says is [`Kind::Unknown`] with the reason.

mod attempts;
mod failed;
mod waiting;

use crate::names::short;
use crate::queue::QueueRow;
use crate::steps::Step;
use crate::time;
use serde_json::{Value, json};

pub use attempts::{AttemptMode, Attempts, FAILURES_FOR_ATTENTION};
pub use failed::{FailedChild, root_cause};

/// The records of one orchestration, as far as a diagnosis needs them.
#[derive(Debug, Clone, Default)]
pub struct Records {
    /// Its id.
    pub id: String,
    /// Its orchestration's name; `None` before its first turn.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// The steps of its latest execution.
    pub steps: Vec<Step>,
    /// Rows of the worker queue that are its activities.
    pub worker_queue: Vec<QueueRow>,
    /// Rows of the orchestrator queue that are for it.
    pub orchestrator_queue: Vec<QueueRow>,
    /// Until when a dispatcher holds it, in milliseconds since the epoch.
    pub locked_until: Option<i64>,
    /// The database's clock, in milliseconds since the epoch.
    pub now: i64,
}

/// What holds an orchestration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A worker runs an activity.
    ExecutingActivity,
    /// A timer will fire.
    WaitingTimer,
    /// A timer should have fired.
    OverdueTimer,
    /// Somebody outside must raise an event.
    WaitingEvent,
    /// A sub-orchestration runs.
    WaitingSubOrchestration,
    /// Work waits to be taken, not for long.
    Queued,
    /// Work waits to be taken, and no worker takes it.
    QueuedNoWorker,
    /// No worker has it registered.
    Unregistered,
    /// No worker has this version registered.
    UnsupportedVersion,
    /// A worker took work and did not come back.
    LeaseExpired,
    /// Work was taken too often.
    Poisoned,
    /// It was asked to stop and has not yet.
    CancelRequested,
    /// A dispatcher is at it this moment.
    ProcessingTurn,
    /// It has an execution, and was never started.
    NeverStarted,
    /// It failed, and this is why.
    RootCause,
    /// It was cancelled.
    Cancelled,
    /// No record says.
    Unknown,
}

impl Kind {
    /// As machines read it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ExecutingActivity => "executing_activity",
            Self::WaitingTimer => "waiting_timer",
            Self::OverdueTimer => "overdue_timer",
            Self::WaitingEvent => "waiting_event",
            Self::WaitingSubOrchestration => "waiting_sub_orchestration",
            Self::Queued => "queued",
            Self::QueuedNoWorker => "queued_no_worker",
            Self::Unregistered => "unregistered",
            Self::UnsupportedVersion => "unsupported_version",
            Self::LeaseExpired => "lease_expired",
            Self::Poisoned => "poisoned",
            Self::CancelRequested => "cancel_requested",
            Self::ProcessingTurn => "processing_turn",
            Self::NeverStarted => "never_started",
            Self::RootCause => "root_cause",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
        }
    }

    /// Somebody has to do something, or it stays so.
    #[must_use]
    pub fn needs_attention(self) -> bool {
        matches!(
            self,
            Self::OverdueTimer
                | Self::QueuedNoWorker
                | Self::Unregistered
                | Self::UnsupportedVersion
                | Self::LeaseExpired
                | Self::Poisoned
                | Self::NeverStarted
        )
    }

    /// Of several things that are waited for, the one that is told first.
    fn urgency(self) -> u8 {
        match self {
            _ if self.needs_attention() => 0,
            Self::ExecutingActivity | Self::ProcessingTurn => 1,
            Self::WaitingSubOrchestration => 2,
            Self::Queued => 3,
            Self::WaitingEvent => 4,
            Self::WaitingTimer => 5,
            _ => 6,
        }
    }
}

/// Why an orchestration is where it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnosis {
    /// What holds it.
    pub kind: Kind,
    /// One line for people.
    pub summary: String,
    /// What the records say: names, times, counts.
    pub evidence: Value,
    /// The diagnosis of what it waits for, where that is an orchestration too.
    pub nested: Option<Box<Diagnosis>>,
    /// The child that `nested` is about.
    pub child: Option<String>,
    /// The repeated attempts that it is amid, and the database's clock in milliseconds since the epoch.
    pub attempts: Option<Box<(Attempts, i64)>>,
    /// The worker that has its activity is lost, and no other one is alive.
    pub is_abandoned: bool,
}

impl Diagnosis {
    /// A diagnosis without evidence yet.
    #[must_use]
    pub fn new(kind: Kind, summary: impl Into<String>, evidence: Value) -> Self {
        Self {
            kind,
            summary: summary.into(),
            evidence,
            nested: None,
            child: None,
            attempts: None,
            is_abandoned: false,
        }
    }

    /// Somebody has to do something: here or in what it waits for.
    #[must_use]
    pub fn needs_attention(&self) -> bool {
        self.kind.needs_attention()
            || self.is_abandoned
            || self.attempts.as_ref().is_some_and(|attempts| attempts.0.needs_attention())
            || self.nested.as_ref().is_some_and(|nested| nested.needs_attention())
    }

    /// The same with the diagnosis of the child that is waited for.
    #[must_use]
    pub fn with_nested(mut self, nested: Self) -> Self {
        self.summary = format!("{}: {}", self.summary, nested.summary);
        self.nested = Some(Box::new(nested));
        self
    }

    /// As machines read it.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "kind": self.kind.name(),
            "summary": self.summary,
            "needs_attention": self.needs_attention(),
            "evidence": self.evidence,
            "child": self.child,
            "attempts": self.attempts.as_ref().map(|attempts| attempts.0.json(attempts.1)),
            "nested": self.nested.as_ref().map(|nested| nested.json()),
        })
    }
}

/// Work that is visible for longer than this and taken by nobody has no worker: dispatchers poll
/// several times a second.
pub const PATIENCE_MS: i64 = 15_000;
/// A timer that is late by less is being handled.
const TIMER_GRACE_MS: i64 = 15_000;
/// duroxide gives up after this many attempts by default (`RuntimeOptions::max_attempts`).
const MAX_ATTEMPTS: i64 = 10;

/// Why an orchestration without a terminal record is where it is. The diagnosis of a
/// sub-orchestration is the caller's to add ([`Diagnosis::child`] names it).
#[must_use]
pub fn diagnose(records: &Records) -> Diagnosis {
    let mut found = waiting::all(records);
    found.sort_by_key(|diagnosis| diagnosis.kind.urgency());
    let others = found.len().saturating_sub(1);
    let Some(mut first) = found.into_iter().next() else { return nothing(records) };
    if others > 0 {
        first.evidence["waits_for_more"] = json!(others);
    }
    if let Some(reason) = cancel_requested(records) {
        let asked = format!("cancel requested (`{reason}`)");
        let mut diagnosis = Diagnosis::new(
            if first.kind.needs_attention() { first.kind } else { Kind::CancelRequested },
            format!("{asked}; {}", first.summary),
            first.evidence.clone(),
        );
        diagnosis.evidence["cancel_reason"] = json!(reason);
        diagnosis.child = first.child;
        diagnosis.attempts = first.attempts;
        return diagnosis;
    }
    first
}

/// The reason of a request to cancel that has no terminal record yet.
#[must_use]
pub fn cancel_requested(records: &Records) -> Option<String> {
    let recorded = records.steps.iter().find(|step| step.event == "OrchestrationCancelRequested");
    let queued = || records.orchestrator_queue.iter().find(|row| row.kind == "CancelInstance");
    match recorded {
        Some(step) => Some(step.outcome.clone().unwrap_or_default()),
        None => queued().map(|row| row.text("reason").unwrap_or_default().to_owned()),
    }
}

/// Nothing is waited for by the history: the next turn is due, or under way.
fn nothing(records: &Records) -> Diagnosis {
    if let Some(until) = records.locked_until.filter(|until| *until > records.now) {
        return Diagnosis::new(
            Kind::ProcessingTurn,
            format!(
                "a dispatcher is processing it (lease for another {})",
                time::words(until - records.now)
            ),
            json!({"lease_until": time::rfc3339(until)}),
        );
    }
    Diagnosis::new(
        Kind::Unknown,
        "no record says what it waits for",
        json!({"reason": "its history has nothing pending and no queue holds anything for it"}),
    )
}

/// The id of a child: `<parent>::sub::<n>`; an event may hold the whole of it, or its end.
#[must_use]
pub fn child_id(parent: &str, said: &str) -> String {
    if said.starts_with("sub::") { format!("{parent}::{said}") } else { said.to_owned() }
}

/// What the version is called, for messages.
fn titled(records: &Records, row: &QueueRow) -> String {
    let name = row.text("orchestration").or(records.name.as_deref()).unwrap_or("it");
    let version = row.text("version").or(records.version.as_deref());
    match version {
        Some(version) => format!("`{}` {version}", short(name)),
        None => format!("`{}`", short(name)),
    }
}

#[cfg(test)]
mod tests;
