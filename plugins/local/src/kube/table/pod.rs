//! Pods.

use super::words::{NONE, age, or_none, since};
use super::{Column, Table, column, count, wide};
use crate::kube::object::{is_terminating, items, number, text};
use serde_json::Value;

const COLUMNS: &[Column] = &[
    column("Ready"),
    column("Status"),
    count("Restarts"),
    column("Age"),
    wide("IP"),
    wide("Node"),
    wide("Nominated Node"),
    wide("Readiness Gates"),
];

/// Pods.
pub(super) const POD: Table = Table { columns: COLUMNS, cells };

fn cells(pod: &Value) -> Vec<Value> {
    let all = items(pod, "/spec/containers").len();
    let statuses = items(pod, "/status/containerStatuses");
    let ready = statuses.iter().filter(|one| one.get("ready") == Some(&Value::Bool(true))).count();
    let restarts: i64 = statuses.iter().filter_map(|one| number(one, "/restartCount")).sum();
    vec![
        format!("{ready}/{all}").into(),
        status(pod).into(),
        restarts_told(restarts, statuses),
        age(pod).into(),
        or_none(text(pod, "/status/podIP")).into(),
        or_none(text(pod, "/spec/nodeName")).into(),
        or_none(text(pod, "/status/nominatedNodeName")).into(),
        NONE.into(),
    ]
}

/// How often it was started again, and when last.
fn restarts_told(restarts: i64, statuses: &[Value]) -> Value {
    let ends = statuses.iter().map(|one| text(one, "/lastState/terminated/finishedAt"));
    match ends.max().filter(|end| restarts > 0 && !end.is_empty()) {
        Some(end) => format!("{restarts} ({} ago)", since(end)).into(),
        None => restarts.into(),
    }
}

/// One word for how it is: why its containers wait or ended, before the phase.
fn status(pod: &Value) -> String {
    if is_terminating(pod) {
        return "Terminating".into();
    }
    let mut word = text(pod, "/status/reason").to_owned();
    if word.is_empty() {
        word = text(pod, "/status/phase").to_owned();
    }
    for container in items(pod, "/status/containerStatuses").iter().rev() {
        let waiting = text(container, "/state/waiting/reason");
        let ended = text(container, "/state/terminated/reason");
        if !waiting.is_empty() {
            waiting.clone_into(&mut word);
        } else if !ended.is_empty() {
            ended.clone_into(&mut word);
        } else if let Some(code) = number(container, "/state/terminated/exitCode") {
            word = format!("ExitCode:{code}");
        }
    }
    word
}
