use super::{FailedChild, Kind, Records, diagnose, root_cause};
use crate::history::Event;
use crate::queue::QueueRow;
use crate::steps::steps;
use serde_json::{Value, json};

const NOW: i64 = 1_000_000_000;

fn records(events: &[Value]) -> Records {
    let events: Vec<Event> = events
        .iter()
        .enumerate()
        .map(|(n, event)| Event::read(n as i64 + 1, &event.to_string(), Some(NOW - 60_000)))
        .collect();
    Records { id: "p".to_owned(), steps: steps(&events), now: NOW, ..Records::default() }
}

fn row(columns: Value, item: Value) -> QueueRow {
    QueueRow::read(columns, &item.to_string())
}

fn at(ms: i64) -> Value {
    json!(crate::time::rfc3339(ms))
}

fn scheduled() -> Value {
    json!({"type": "ActivityScheduled", "name": "a::work", "input": ""})
}

fn execute() -> Value {
    json!({"ActivityExecute": {"instance": "p", "id": 1, "name": "a::work"}})
}

#[test]
fn an_activity_is_where_its_queue_row_says() {
    for (columns, expected) in [
        (
            json!({"lock_token": "t", "locked_until": NOW + 9000, "attempt_count": 2}),
            Kind::ExecutingActivity,
        ),
        (
            json!({"lock_token": "t", "locked_until": NOW - 9000, "attempt_count": 1}),
            Kind::LeaseExpired,
        ),
        (json!({"visible_at": at(NOW - 1000), "attempt_count": 0}), Kind::Queued),
        (json!({"visible_at": at(NOW - 60_000), "attempt_count": 0}), Kind::QueuedNoWorker),
        (json!({"visible_at": at(NOW - 60_000), "tag": "gpu"}), Kind::QueuedNoWorker),
        (json!({"visible_at": at(NOW + 60_000), "attempt_count": 3}), Kind::Unregistered),
        (json!({"visible_at": at(NOW - 1), "attempt_count": 11}), Kind::Poisoned),
        // An older generation has none of these columns.
        (json!({"lock_token": null, "locked_until": null}), Kind::Queued),
    ] {
        let mut records = records(&[scheduled()]);
        records.worker_queue = vec![row(columns.clone(), execute())];
        let diagnosis = diagnose(&records);
        assert_eq!(diagnosis.kind, expected, "{columns}: {}", diagnosis.summary);
        assert!(diagnosis.summary.contains("`work`"), "{}", diagnosis.summary);
    }
}

#[test]
fn a_long_timer_is_healthy_and_a_late_one_is_not() {
    let timer = |fires: i64| records(&[json!({"type": "TimerCreated", "fire_at_ms": fires})]);
    let far = diagnose(&timer(NOW + 86_400_000));
    assert_eq!((far.kind, far.needs_attention()), (Kind::WaitingTimer, false));
    let late = diagnose(&timer(NOW - 120_000));
    assert_eq!((late.kind, late.needs_attention()), (Kind::OverdueTimer, true));
}

#[test]
fn what_needs_somebody_is_told_before_what_does_not() {
    let mut records =
        records(&[json!({"type": "TimerCreated", "fire_at_ms": NOW + 5000}), scheduled()]);
    let gone = json!({"lock_token": "t", "locked_until": NOW - 1});
    records.worker_queue =
        vec![row(gone, json!({"ActivityExecute": {"instance": "p", "id": 2, "name": "work"}}))];
    assert_eq!(diagnose(&records).kind, Kind::LeaseExpired);
}

#[test]
fn a_start_that_nobody_takes_is_told_by_its_version() {
    let start = |version: Value| json!({"StartOrchestration": {"instance": "p", "orchestration": "x::create", "version": version}});
    let given_back = json!({"attempt_count": 3, "visible_at": at(NOW + 5000)});
    for (version, expected) in
        [(json!("9.9.9"), Kind::UnsupportedVersion), (json!(null), Kind::Unregistered)]
    {
        let mut records = records(&[]);
        records.orchestrator_queue = vec![row(given_back.clone(), start(version))];
        assert_eq!(diagnose(&records).kind, expected);
    }
}

#[test]
fn a_cancel_request_is_told_with_what_holds_it() {
    let records = records(&[
        json!({"type": "ExternalSubscribed", "name": "go"}),
        json!({"type": "OrchestrationCancelRequested", "reason": "why"}),
    ]);
    let diagnosis = diagnose(&records);
    assert_eq!(diagnosis.kind, Kind::CancelRequested);
    assert!(diagnosis.summary.contains("why") && diagnosis.summary.contains("`go`"));
}

#[test]
fn nothing_known_is_said_to_be_unknown() {
    assert_eq!(diagnose(&records(&[])).kind, Kind::Unknown);
}

#[test]
fn the_root_cause_is_the_failure_that_the_end_speaks_of() {
    let records = records(&[
        json!({"type": "SubOrchestrationScheduled", "name": "c", "instance": "sub::1"}),
        json!({"type": "SubOrchestrationFailed", "source_event_id": 1, "details": "disk full"}),
        scheduled(),
        json!({"type": "ActivityFailed", "source_event_id": 3, "details": "clean-up failed"}),
    ]);
    assert_eq!(root_cause(&records, "child: disk full"), FailedChild::In("p::sub::1".to_owned()));
    let FailedChild::Here(here) = root_cause(&records, "something else") else { panic!() };
    assert!(here.summary.contains("clean-up failed"));
}
