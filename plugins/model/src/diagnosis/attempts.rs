//! Repeated attempts: an activity that polls until something has come about, or one that is tried
//! again after it failed.
//!
//! Between two attempts nothing but a timer is pending, for nearly all of the time. What an operator
//! wants to know then is what the timer is for, so the attempts before it are looked up: activities of
//! one name in a row, with timers between them. An activity that succeeded once, with a result that
//! does not say that it polls, leads to no timer in particular.

use super::{Records, Value};
use crate::names::short;
use crate::results::{POLL_ATTEMPTS, PollResult, RETRY_ATTEMPTS};
use crate::steps::{Step, StepKind, StepState};
use crate::time;
use serde_json::json;

/// So many failures in a row need attention.
pub const FAILURES_FOR_ATTENTION: u32 = 3;
/// Orchestrations of the control plane, whose limits are known.
const OWN_TYPES: &[&str] = &["create-instance", "delete-instance", "health-monitor"];
/// A longer result is left to `--history`.
const MAX_RESULT_BYTES: usize = 400;

/// Why an activity is done again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptMode {
    /// It has not found yet what it waits for.
    Polling,
    /// It failed.
    Retrying,
}

impl AttemptMode {
    /// As machines read it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Polling => "polling",
            Self::Retrying => "retrying",
        }
    }
}

/// The attempts that lead to what is pending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempts {
    /// Why it is done again.
    pub mode: AttemptMode,
    /// The activity.
    pub activity: String,
    /// The number of the last attempt, or of the one under way.
    pub attempt: u32,
    /// How many there will be at most, where that is known.
    pub of: Option<u32>,
    /// How many failed in a row, up to the last one that ended.
    pub failures: u32,
    /// What the last one returned, or its error.
    pub last: Option<String>,
    /// When the last one began, in milliseconds since the epoch.
    pub last_started: Option<i64>,
    /// When the last one ended, in milliseconds since the epoch.
    pub last_at: Option<i64>,
    /// When the next one is made, in milliseconds since the epoch; `None` while one is under way.
    pub next_at: Option<i64>,
}

impl Attempts {
    /// The attempts that lead to a pending timer or activity; `None` where there are none.
    #[must_use]
    pub fn leading_to(records: &Records, pending: &Step) -> Option<Self> {
        let place = records.steps.iter().position(|step| step.event_id == pending.event_id)?;
        let is_timer = match pending.kind {
            StepKind::Timer => true,
            StepKind::Activity => false,
            _ => return None,
        };
        let ended = previous(&records.steps[..place], (!is_timer).then_some(&pending.name));
        let under_way = (!is_timer).then_some(pending);
        let last = ended.first().copied();
        let mode = mode(&ended, under_way)?;
        let failures = trailing_failures(&ended);
        let own = records.name.as_deref().is_some_and(|name| OWN_TYPES.contains(&short(name)));
        let (attempt, of) = match mode {
            AttemptMode::Polling => poll_number(&ended, under_way, own),
            AttemptMode::Retrying => {
                let attempt = failures + u32::from(under_way.is_some());
                (attempt, own.then_some(RETRY_ATTEMPTS).filter(|of| attempt <= *of))
            }
        };
        Some(Self {
            mode,
            activity: under_way.or(last)?.name.clone(),
            attempt,
            of,
            failures,
            last: last.and_then(finding),
            last_started: last.and_then(|step| step.started),
            last_at: last.and_then(|step| step.ended),
            next_at: pending.fires.filter(|_| is_timer),
        })
    }

    /// So many failures in a row that somebody should look.
    #[must_use]
    pub fn needs_attention(&self) -> bool {
        self.failures >= FAILURES_FOR_ATTENTION
    }

    /// `attempt 15/60`.
    #[must_use]
    pub fn number(&self) -> String {
        match self.of {
            Some(of) => format!("attempt {}/{of}", self.attempt),
            None => format!("attempt {}", self.attempt),
        }
    }

    /// What is done, and what the last attempt found: without when the next one is made.
    #[must_use]
    pub fn summary(&self) -> String {
        let last = self.last.as_ref().map(|last| format!(": {last}")).unwrap_or_default();
        match self.mode {
            AttemptMode::Polling => {
                format!("polling `{}` ({}){last}", self.activity, self.number())
            }
            AttemptMode::Retrying => {
                let plural = if self.failures == 1 { "" } else { "s" };
                let number = self.of.map(|_| format!(" ({})", self.number())).unwrap_or_default();
                format!(
                    "retrying `{}`{number} after {} failure{plural}{last}",
                    self.activity, self.failures
                )
            }
        }
    }

    /// As machines read it; `now` in milliseconds since the epoch.
    #[must_use]
    pub fn json(&self, now: i64) -> Value {
        let (result, error) = match self.mode {
            AttemptMode::Polling => (&self.last, &None),
            AttemptMode::Retrying => (&None, &self.last),
        };
        json!({
            "mode": self.mode.name(),
            "activity": self.activity,
            "attempt": self.attempt,
            "attempts": self.of,
            "consecutive_failures": self.failures,
            "last_result": result,
            "last_error": error,
            "last_started_at": self.last_started.and_then(time::rfc3339),
            "last_at": self.last_at.and_then(time::rfc3339),
            "next_at": self.next_at.and_then(time::rfc3339),
            "next_in_ms": self.next_at.map(|next| next - now),
        })
    }
}

/// Activities of one name that ended in a row, the latest first; of `name`, where it is given.
fn previous<'a>(steps: &'a [Step], name: Option<&'a String>) -> Vec<&'a Step> {
    let mut found: Vec<&Step> = Vec::new();
    let mut separated = false;
    for step in steps.iter().rev() {
        match step.kind {
            // A timer that follows another one is not about the activity before both.
            StepKind::Timer if name.is_none() && found.is_empty() => break,
            StepKind::Timer => separated = true,
            StepKind::Lifecycle | StepKind::Other => {}
            StepKind::Activity => {
                let wanted = name.or_else(|| found.first().map(|first| &first.name));
                let ended = matches!(step.state, StepState::Succeeded | StepState::Failed);
                // Two in a row without a pause are a retry only where the first of them failed.
                let follows = separated || name.is_none() && found.is_empty() || is_failed(step);
                if !ended || !follows || wanted.is_some_and(|wanted| *wanted != step.name) {
                    break;
                }
                found.push(step);
                separated = false;
            }
            StepKind::External | StepKind::SubOrchestration => break,
        }
    }
    found
}

fn is_failed(step: &Step) -> bool {
    step.state == StepState::Failed
}

fn poll(step: &Step) -> Option<PollResult> {
    PollResult::read(step.outcome.as_deref()?)
}

fn mode(ended: &[&Step], under_way: Option<&Step>) -> Option<AttemptMode> {
    let Some(last) = ended.first() else {
        // The first of several that its input counts.
        let counted = input_number(under_way?, "attempts");
        return counted.map(|_| AttemptMode::Polling);
    };
    if is_failed(last) {
        return Some(AttemptMode::Retrying);
    }
    match poll(last) {
        Some(result) => (!result.done).then_some(AttemptMode::Polling),
        None => {
            (ended.len() + usize::from(under_way.is_some()) > 1).then_some(AttemptMode::Polling)
        }
    }
}

/// Failures, and polls of what will not come about by itself, up to the last attempt.
fn trailing_failures(ended: &[&Step]) -> u32 {
    let mut failures = 0;
    for step in ended {
        if !is_failed(step) && !poll(step).is_some_and(|result| result.failing) {
            break;
        }
        failures += 1;
    }
    failures
}

/// The number of a poll and how many there will be: from its input, else counted.
fn poll_number(ended: &[&Step], under_way: Option<&Step>, own: bool) -> (u32, Option<u32>) {
    let latest = under_way.or(ended.first().copied());
    let said = |key: &str| latest.and_then(|step| input_number(step, key));
    let counted = || {
        let polls = ended.iter().filter(|step| !is_failed(step)).count();
        u32::try_from(polls).unwrap_or(u32::MAX).saturating_add(u32::from(under_way.is_some()))
    };
    let attempt = said("attempt").unwrap_or_else(counted);
    let of = said("attempts").or_else(|| own.then_some(POLL_ATTEMPTS));
    (attempt, of.filter(|of| attempt <= *of))
}

fn input_number(step: &Step, key: &str) -> Option<u32> {
    let input: Value = serde_json::from_str(step.input.as_deref()?).ok()?;
    u32::try_from(input.get(key)?.as_u64()?).ok()
}

/// What an attempt found, in one line.
fn finding(step: &Step) -> Option<String> {
    if let Some(result) = poll(step).filter(|_| !is_failed(step)) {
        return Some(result.finding());
    }
    let text = step.outcome.as_deref()?.trim();
    (!text.is_empty() && text.len() <= MAX_RESULT_BYTES || is_failed(step))
        .then(|| text.lines().next().unwrap_or_default().to_owned())
        .filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{AttemptMode, Attempts};
    use crate::diagnosis::{Kind, Records, diagnose};
    use crate::history::Event;
    use crate::steps::{StepState, steps};
    use serde_json::{Value, json};

    const NOW: i64 = 1_000_000_000;

    fn records(name: &str, events: Vec<Value>) -> Records {
        let events: Vec<Event> = (1..)
            .zip(events)
            .map(|(id, event)| Event::read(id, &event.to_string(), Some(NOW - 60_000)))
            .collect();
        Records {
            id: "p".to_owned(),
            name: Some(name.to_owned()),
            steps: steps(&events),
            now: NOW,
            ..Records::default()
        }
    }

    fn call(name: &str, input: Value) -> Value {
        json!({"type": "ActivityScheduled", "name": name, "input": input.to_string()})
    }

    fn answer(source: usize, result: Value) -> Value {
        json!({"type": "ActivityCompleted", "source_event_id": source, "result": result.to_string()})
    }

    fn failure(source: usize, why: &str) -> Value {
        json!({"type": "ActivityFailed", "source_event_id": source, "details": {"Application":
            {"kind": "ActivityFailed", "message": why, "retryable": false}}})
    }

    fn timer() -> Value {
        json!({"type": "TimerCreated", "fire_at_ms": NOW + 5_500, "timestamp_ms": NOW - 500})
    }

    fn fired(source: usize) -> Value {
        json!({"type": "TimerFired", "source_event_id": source})
    }

    fn leading(records: &Records) -> Option<Attempts> {
        let pending = records.steps.iter().find(|step| step.state == StepState::Pending)?;
        Attempts::leading_to(records, pending)
    }

    #[test]
    fn a_poll_between_two_attempts_is_told_with_its_number_and_result() {
        let order = |attempt: u32| json!({"attempt": attempt, "attempts": 60, "k8s_name": "a"});
        let waits = json!({"ready": false, "waiting_for": "a-0: ErrImagePull", "failing": true});
        let mut events = vec![json!({"type": "OrchestrationStarted"})];
        for attempt in 1..=3 {
            events.push(call("x::wait-for-ready", order(attempt)));
            events.push(answer(events.len(), waits.clone()));
            events.push(timer());
            events.push(fired(events.len()));
        }
        events.pop();
        let records = records("create-instance", events);
        let attempts = leading(&records).unwrap();
        assert_eq!((attempts.attempt, attempts.of, attempts.failures), (3, Some(60), 3));
        let told = diagnose(&records);
        assert_eq!((told.kind, told.needs_attention()), (Kind::WaitingTimer, true));
        assert_eq!(
            told.summary,
            "polling `wait-for-ready` (attempt 3/60): a-0: ErrImagePull; next try when timer \
             `wait-6s` fires in 5s"
        );
        assert_eq!(told.json()["attempts"]["mode"], "polling");
    }

    #[test]
    fn a_slow_start_needs_nobody() {
        let waits = json!({"ready": false, "waiting_for": "a-0 is pending"});
        let mut events = Vec::new();
        for _ in 1..=20 {
            events.push(call("wait-for-ready", json!({})));
            events.push(answer(events.len(), waits.clone()));
            events.push(timer());
            events.push(fired(events.len()));
        }
        events.pop();
        let told = diagnose(&records("create-instance", events));
        assert!(!told.needs_attention() && told.summary.contains("attempt 20/60"), "{told:?}");
    }

    #[test]
    fn retries_are_told_with_their_number_and_error() {
        let mut events = Vec::new();
        for _ in 1..=7 {
            events.push(call("delete-postgres", json!({})));
            events.push(failure(events.len(), "passing: Kubernetes cannot be reached"));
            events.push(timer());
            events.push(fired(events.len()));
        }
        events.pop();
        let told = diagnose(&records("delete-instance", events.clone()));
        assert!(told.needs_attention());
        assert_eq!(
            told.summary,
            "retrying `delete-postgres` (attempt 7/8) after 7 failures: Kubernetes cannot be \
             reached; next try when timer `wait-6s` fires in 5s"
        );
        // While the next attempt is under way it is the same.
        events.push(fired(events.len()));
        events.push(call("delete-postgres", json!({})));
        let records = records("delete-instance", events);
        let attempts = leading(&records).unwrap();
        assert_eq!((attempts.mode, attempts.attempt), (AttemptMode::Retrying, 8));
        assert!(diagnose(&records).needs_attention());
    }

    #[test]
    fn a_success_ends_the_failures_before_it() {
        let gone = json!({"gone": false, "still_there": ["pod a-0"]});
        let events = vec![
            call("delete-postgres", json!({})),
            failure(1, "no"),
            timer(),
            fired(3),
            call("delete-postgres", json!({})),
            answer(5, gone),
            timer(),
        ];
        let attempts = leading(&records("delete-instance", events)).unwrap();
        assert_eq!(
            (attempts.mode, attempts.failures, attempts.attempt),
            (AttemptMode::Polling, 0, 1)
        );
        assert_eq!(attempts.last.as_deref(), Some("still there: pod a-0"));
    }

    #[test]
    fn a_timer_after_other_work_is_a_timer() {
        for result in [json!({"recorded": true}), json!({"ready": true}), json!(null)] {
            let events = vec![call("a", json!({})), answer(1, result), timer()];
            assert_eq!(leading(&records("nightly", events)), None);
        }
        // Unrelated activities, one after the other.
        let events = vec![
            call("a", json!({})),
            answer(1, json!(1)),
            timer(),
            fired(3),
            call("b", json!({})),
            answer(5, json!(1)),
            timer(),
        ];
        assert_eq!(leading(&records("nightly", events)), None);
    }

    #[test]
    fn a_poll_of_another_workflow_is_known_by_its_repetition() {
        let events = vec![
            call("look", json!({})),
            json!({"type": "ActivityCompleted", "source_event_id": 1, "result": "still full"}),
            timer(),
            fired(3),
            call("look", json!({})),
            json!({"type": "ActivityCompleted", "source_event_id": 5, "result": "half empty"}),
            timer(),
        ];
        let attempts = leading(&records("nightly", events)).unwrap();
        assert_eq!((attempts.attempt, attempts.of), (2, None));
        assert!(attempts.summary().contains("polling `look` (attempt 2): half empty"));
    }
}
