//! What an execution did: each scheduling event with its completion.

use crate::error_details;
use crate::history::Event;
use crate::names::short;
use serde_json::Value;
use std::collections::HashMap;

/// What a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepKind {
    /// The orchestration's own beginning and end.
    Lifecycle,
    /// An activity.
    Activity,
    /// A durable timer.
    Timer,
    /// A subscription to an external event.
    External,
    /// A sub-orchestration.
    SubOrchestration,
    /// Anything else, known or not.
    Other,
}

impl StepKind {
    /// As machines read it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Lifecycle => "lifecycle",
            Self::Activity => "activity",
            Self::Timer => "timer",
            Self::External => "external_event",
            Self::SubOrchestration => "sub_orchestration",
            Self::Other => "other",
        }
    }
}

/// How a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepState {
    /// Done.
    Succeeded,
    /// Ended badly.
    Failed,
    /// No completion yet.
    Pending,
    /// Not waited for any more.
    Cancelled,
    /// Nothing to complete.
    None,
}

impl StepState {
    /// As machines read it.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Succeeded => Some("succeeded"),
            Self::Failed => Some("failed"),
            Self::Pending => Some("pending"),
            Self::Cancelled => Some("cancelled"),
            Self::None => None,
        }
    }
}

/// One step: an event, or a pair of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The scheduling event.
    pub event_id: i64,
    /// The event's type.
    pub event: String,
    /// What it is.
    pub kind: StepKind,
    /// The activity, external event or orchestration; the wait of a timer.
    pub name: String,
    /// The child's id, for a sub-orchestration.
    pub instance: Option<String>,
    /// Milliseconds since the epoch.
    pub started: Option<i64>,
    /// Milliseconds since the epoch.
    pub ended: Option<i64>,
    /// How it stands.
    pub state: StepState,
    /// The result, or the error's words.
    pub outcome: Option<String>,
    /// The input of an activity.
    pub input: Option<String>,
    /// When a timer fires, in milliseconds since the epoch.
    pub fires: Option<i64>,
    /// The tag that routes an activity.
    pub tag: Option<String>,
}

/// Clocks that differ by less are taken for the same.
const CLOCK_TOLERANCE_MS: i64 = 1_000;

impl Step {
    /// From its event to its completion, in milliseconds.
    #[must_use]
    pub fn duration(&self) -> Option<i64> {
        match self.kind {
            StepKind::Lifecycle | StepKind::Other => None,
            // Clocks of two processes differ by a little.
            _ => Some((self.ended? - self.started?).max(0)).filter(|_| self.clock_skew().is_none()),
        }
    }

    /// By how much its end lies before its beginning, in milliseconds: the clock of a worker was off, and
    /// how long it took is not known.
    #[must_use]
    pub fn clock_skew(&self) -> Option<i64> {
        let back = self.started? - self.ended?;
        (back > CLOCK_TOLERANCE_MS).then_some(back)
    }
}

/// The steps of an execution, in the order in which they began.
#[must_use]
pub fn steps(events: &[Event]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut by_event: HashMap<i64, usize> = HashMap::new();
    for event in events {
        if let Some((place, state)) = completion(event, &steps, &by_event) {
            let step = &mut steps[place];
            // A completion that comes after a cancellation was not waited for.
            if step.state == StepState::Pending || step.state == StepState::None {
                step.state = state;
                step.ended = event.at;
                step.outcome = outcome(event);
            }
            continue;
        }
        by_event.insert(event.id, steps.len());
        steps.push(begun(event));
    }
    // An execution that has ended waits for nothing any more.
    if steps.iter().any(|step| TERMINAL.contains(&step.event.as_str())) {
        for step in steps.iter_mut().filter(|step| step.state == StepState::Pending) {
            step.state = StepState::Cancelled;
        }
    }
    steps
}

/// The events that end an execution.
const TERMINAL: &[&str] =
    &["OrchestrationCompleted", "OrchestrationFailed", "OrchestrationContinuedAsNew"];

/// The step that an event completes, and how.
fn completion(
    event: &Event,
    steps: &[Step],
    by_event: &HashMap<i64, usize>,
) -> Option<(usize, StepState)> {
    let state = match event.kind.as_str() {
        "ActivityCompleted" | "TimerFired" | "SubOrchestrationCompleted" => StepState::Succeeded,
        "ActivityFailed" | "SubOrchestrationFailed" => StepState::Failed,
        "ActivityCancelRequested"
        | "SubOrchestrationCancelRequested"
        | "ExternalSubscribedCancelled"
        | "ExternalSubscribedPersistentCancelled" => StepState::Cancelled,
        // Matched by name, in order; not by number.
        "ExternalEvent" | "ExternalEventPersistent" => {
            let name = event.text("name")?;
            let place = steps.iter().position(|step| {
                step.kind == StepKind::External
                    && step.state == StepState::Pending
                    && step.name == name
            })?;
            return Some((place, StepState::Succeeded));
        }
        _ => return None,
    };
    let place = *by_event.get(&event.source?)?;
    Some((place, state))
}

fn begun(event: &Event) -> Step {
    let name = event.text("name").unwrap_or_default();
    let (kind, name, state) = match event.kind.as_str() {
        "ActivityScheduled" => (StepKind::Activity, short(name).to_owned(), StepState::Pending),
        "TimerCreated" => (StepKind::Timer, timer_name(event), StepState::Pending),
        "ExternalSubscribed" | "ExternalSubscribedPersistent" => {
            (StepKind::External, name.to_owned(), StepState::Pending)
        }
        "SubOrchestrationScheduled" => {
            (StepKind::SubOrchestration, short(name).to_owned(), StepState::Pending)
        }
        "OrchestrationCompleted" => (StepKind::Lifecycle, lifecycle(event), StepState::Succeeded),
        "OrchestrationFailed" => (StepKind::Lifecycle, lifecycle(event), StepState::Failed),
        "OrchestrationStarted"
        | "OrchestrationContinuedAsNew"
        | "OrchestrationCancelRequested"
        | "OrchestrationChained" => (StepKind::Lifecycle, lifecycle(event), StepState::None),
        _ => (StepKind::Other, spaced(&event.kind), StepState::None),
    };
    Step {
        event_id: event.id,
        event: event.kind.clone(),
        kind,
        name,
        instance: event.text("instance").map(str::to_owned),
        started: event.at,
        ended: None,
        state,
        outcome: outcome(event),
        input: event.text("input").map(str::to_owned),
        fires: event.number("fire_at_ms"),
        tag: event.text("tag").map(str::to_owned),
    }
}

/// A timer has no name in the records; it is told by how long it waits.
fn timer_name(event: &Event) -> String {
    match (event.number("fire_at_ms"), event.at) {
        (Some(fires), Some(at)) => {
            // The event is written a moment after the clock was read for the timer.
            let wait = (fires - at).max(0);
            let wait = if wait >= 1000 { (wait + 500) / 1000 * 1000 } else { wait };
            format!("wait-{}", crate::time::words(wait).replace(' ', ""))
        }
        _ => "wait".to_owned(),
    }
}

/// `OrchestrationStarted` reads `Orchestration Started`.
fn lifecycle(event: &Event) -> String {
    spaced(&event.kind)
}

fn spaced(kind: &str) -> String {
    let mut text = String::new();
    for letter in kind.chars() {
        if letter.is_uppercase() && !text.is_empty() {
            text.push(' ');
        }
        text.push(letter);
    }
    text
}

fn outcome(event: &Event) -> Option<String> {
    if let Some(details) = event.data.get("details").or_else(|| event.data.get("error")) {
        let message = error_details::message(details);
        return Some(if event.kind == "ActivityFailed" {
            crate::failure::reason(&message).to_owned()
        } else {
            message
        });
    }
    let value =
        ["result", "output", "data", "reason"].iter().find_map(|key| event.data.get(*key))?;
    Some(match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    })
}

/// What an execution did, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Activities that began.
    pub executed: u64,
    /// Of these, ended well.
    pub succeeded: u64,
    /// Of these, ended badly.
    pub failed: u64,
    /// Activities that were scheduled again, with the same input, after they had failed.
    pub retries: u64,
    /// Timers that were set.
    pub timers: u64,
    /// The time that timers waited, in milliseconds; those that overlap count each.
    pub timer_wait: i64,
    /// Sub-orchestrations that began.
    pub sub_orchestrations: u64,
}

impl Summary {
    /// Counts the steps.
    #[must_use]
    pub fn of(steps: &[Step]) -> Self {
        let mut summary = Self::default();
        let mut failed: Vec<(&str, Option<&str>)> = Vec::new();
        for step in steps {
            match step.kind {
                StepKind::Activity => {
                    let call = (step.name.as_str(), step.input.as_deref());
                    summary.executed += 1;
                    summary.succeeded += u64::from(step.state == StepState::Succeeded);
                    if let Some(place) = failed.iter().position(|before| *before == call) {
                        failed.remove(place);
                        summary.retries += 1;
                    }
                    if step.state == StepState::Failed {
                        summary.failed += 1;
                        failed.push(call);
                    }
                }
                StepKind::Timer => {
                    summary.timers += 1;
                    summary.timer_wait += step.duration().unwrap_or(0);
                }
                StepKind::SubOrchestration => summary.sub_orchestrations += 1,
                _ => {}
            }
        }
        summary
    }
}

#[cfg(test)]
mod tests {
    use super::{StepState, Summary, steps};
    use crate::history::Event;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn events(list: &[Value]) -> Vec<Event> {
        list.iter()
            .enumerate()
            .map(|(n, event)| Event::read(n as i64 + 1, &event.to_string(), None))
            .collect()
    }

    #[test]
    fn overlapping_steps_are_paired_by_number() {
        let steps = steps(&events(&[
            json!({"type": "ActivityScheduled", "name": "a", "input": "", "timestamp_ms": 100}),
            json!({"type": "ActivityScheduled", "name": "b", "input": "", "timestamp_ms": 110}),
            json!({"type": "ActivityCompleted", "source_event_id": 2, "result": "x", "timestamp_ms": 150}),
            json!({"type": "ActivityCompleted", "source_event_id": 1, "result": "y", "timestamp_ms": 400}),
        ]));
        let told: Vec<_> = steps
            .iter()
            .map(|step| (step.name.as_str(), step.duration(), step.outcome.as_deref()))
            .collect();
        assert_eq!(told, [("a", Some(300), Some("y")), ("b", Some(40), Some("x"))]);
    }

    #[test]
    fn retries_follow_a_failure_of_the_same_call() {
        let failed = |source: i64| json!({"type": "ActivityFailed", "source_event_id": source, "details": "no"});
        let scheduled =
            |input: &str| json!({"type": "ActivityScheduled", "name": "a", "input": input});
        let steps = steps(&events(&[
            scheduled("1"),
            failed(1),
            scheduled("1"),
            failed(3),
            scheduled("1"),
            json!({"type": "ActivityCompleted", "source_event_id": 5, "result": ""}),
            scheduled("2"),
            scheduled("1"),
        ]));
        let summary = Summary::of(&steps);
        assert_eq!(
            (summary.executed, summary.succeeded, summary.failed, summary.retries),
            (5, 1, 2, 2)
        );
    }

    #[test]
    fn what_has_ended_waits_for_nothing() {
        let steps = steps(&events(&[
            json!({"type": "TimerCreated", "fire_at_ms": 5}),
            json!({"type": "OrchestrationFailed", "details": "no"}),
        ]));
        assert_eq!(steps[0].state, StepState::Cancelled);
    }

    #[test]
    fn external_events_are_matched_by_name_and_in_order() {
        let steps = steps(&events(&[
            json!({"type": "ExternalSubscribed", "name": "go"}),
            json!({"type": "ExternalSubscribed", "name": "stop"}),
            json!({"type": "ExternalEvent", "name": "stop", "data": "d"}),
            json!({"type": "Unheard", "x": 1}),
        ]));
        assert_eq!(
            steps.iter().map(|step| step.state).collect::<Vec<_>>(),
            [StepState::Pending, StepState::Succeeded, StepState::None]
        );
    }

    proptest! {
        #[test]
        fn no_history_breaks_it(list in prop::collection::vec((
            prop::sample::select(vec!["ActivityScheduled", "ActivityCompleted", "TimerCreated", "TimerFired",
                "ExternalEvent", "ExternalSubscribed", "SubOrchestrationFailed", "Odd"]),
            prop::option::of(-3_i64..9), any::<i64>(), any::<i64>()), 0..12))
        {
            let list: Vec<Value> = list.into_iter().map(|(kind, source, at, fires)| json!({
                "type": kind, "source_event_id": source, "timestamp_ms": at / 4, "fire_at_ms": fires / 4, "name": "n",
            })).collect();
            let _summary = Summary::of(&steps(&events(&list)));
        }
    }
}
