//! One orchestration: who, when, with what, how it went, and why it is where it is.

use super::status::states;
use crate::read::records::Found;
use serde_json::{Value, json};
use toygres_model::diagnosis::{Diagnosis, cancel_requested};
use toygres_model::steps::Summary;
use toygres_model::{names, time};
use toygres_plugin_api::document;
use toygres_plugin_api::report::{Block, Field, Kind, Tone};

/// A text that holds JSON as that; any other as it is.
pub(crate) fn parsed(text: Option<&str>) -> Value {
    let Some(text) = text else { return Value::Null };
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
}

/// The same with its digits and keys, to be passed on.
fn verbatim(text: Option<&str>) -> Value {
    let Some(text) = text else { return Value::Null };
    document::parse(text).unwrap_or_else(|| Value::from(text))
}

/// The data of a detail, without what its options add.
pub(crate) fn data(found: &Found, diagnosis: Option<&Diagnosis>) -> Value {
    let records = &found.records;
    let input = parsed(found.input.as_deref());
    let k8s_name = names::k8s_name(&records.id, &input);
    let user_name = k8s_name.as_deref().map(|name| names::user_name(name, &input).to_owned());
    let summary = Summary::of(&records.steps);
    let (started, completed) = times(found);
    json!({
        "id": records.id,
        "status": found.status,
        "type": records.name.as_deref().map(names::short),
        "name": records.name,
        "version": records.version,
        "instance": user_name,
        "k8s_name": k8s_name,
        "parent_id": found.parent,
        "execution": found.execution,
        "latest_execution": found.latest,
        "created_at": found.created_at,
        "started_at": started,
        "completed_at": completed,
        "duration_ms": duration(found),
        "clock_skew_ms": clock_skew(found),
        "custom_status": found.custom_status,
        "cancel_requested": !found.is_terminal() && cancel_requested(records).is_some(),
        "input": verbatim(found.input.as_deref()),
        "output": verbatim(found.output.as_deref()),
        "error": found.error,
        "summary": {
            "activities_executed": summary.executed,
            "activities_succeeded": summary.succeeded,
            "activities_failed": summary.failed,
            "retries": summary.retries,
            "timers": summary.timers,
            "timer_wait_ms": summary.timer_wait,
            "sub_orchestrations": summary.sub_orchestrations,
        },
        "diagnosis": diagnosis.map(Diagnosis::json),
    })
}

fn times(found: &Found) -> (Option<String>, Option<String>) {
    // One that no worker has taken yet has been created, and has not started.
    if found.status == "pending" {
        return (None, None);
    }
    let shown = found.shown();
    let started = shown.and_then(|execution| execution.started_at.clone());
    let completed = shown.and_then(|execution| execution.completed_at.clone());
    (started.or_else(|| found.created_at.clone()), completed.or_else(|| continued(found)))
}

/// When the execution went on as the next one: its row does not say that it ended, its last event
/// does.
fn continued(found: &Found) -> Option<String> {
    let event = "OrchestrationContinuedAsNew";
    let last = found.records.steps.iter().rev().find(|step| step.event == event)?;
    last.ended.or(last.started).and_then(time::rfc3339)
}

/// From start to end; so far, where it has not ended. None where it has not started.
pub(crate) fn duration(found: &Found) -> Option<i64> {
    let (started, completed) = times(found);
    let started = time::parse(&started?)?;
    let ended = completed.as_deref().and_then(time::parse).unwrap_or(found.records.now);
    Some((ended - started).max(0)).filter(|_| clock_skew(found).is_none())
}

/// By how much its end, or this moment, lies before its start: the clock of a worker was off.
fn clock_skew(found: &Found) -> Option<i64> {
    let (started, completed) = times(found);
    let started = time::parse(&started?)?;
    let ended = completed.as_deref().and_then(time::parse).unwrap_or(found.records.now);
    (started - ended > CLOCK_TOLERANCE_MS).then_some(started - ended)
}

/// Clocks that differ by less are taken for the same.
const CLOCK_TOLERANCE_MS: i64 = 1_000;

/// The blocks of a detail.
pub(crate) fn blocks(data: &Value, found: &Found, diagnosis: Option<&Diagnosis>) -> Vec<Block> {
    let mut blocks = vec![who(data, found), timeline(data, found)];
    for (key, title) in [("input", "Input"), ("output", "Output")] {
        if !data[key].is_null() {
            let shown = if key == "input" { input(&data[key]) } else { data[key].clone() };
            blocks.push(Block::section(title, [value(&shown)]));
        }
    }
    blocks.push(summary(&data["summary"]));
    if let Some(error) = &found.error {
        blocks.push(Block::section("Error", [Block::text(error.as_str())]));
    }
    if let Some(diagnosis) = diagnosis {
        let tone = match found.status.as_str() {
            "failed" => Tone::Bad,
            _ if diagnosis.needs_attention() => Tone::Warn,
            _ => Tone::Active,
        };
        let tone = if found.status == "cancelled" { Tone::Muted } else { tone };
        let title = if found.status == "failed" { "Root Cause" } else { "Diagnosis" };
        blocks.push(Block::section(title, [Block::remark(tone, capital(&diagnosis.summary))]));
    }
    blocks
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn who(data: &Value, found: &Found) -> Block {
    let mut fields = vec![
        Field::new("Status", data["status"].clone()).kind(states()),
        Field::new("Type", data["type"].clone()),
        Field::new("Version", data["version"].clone()),
    ];
    if data["cancel_requested"] == json!(true) {
        fields[0] = fields[0].clone().remark("cancel requested");
    }
    if let (Some(user), Some(k8s)) = (data["instance"].as_str(), data["k8s_name"].as_str()) {
        fields.push(Field::new("Instance", format!("{user} ({k8s})")));
    }
    if !data["parent_id"].is_null() {
        fields.push(Field::new("Parent", data["parent_id"].clone()));
    }
    if found.latest.is_some_and(|latest| latest > 1) {
        let of = format!("{} of {}", found.execution.unwrap_or(1), found.latest.unwrap_or(1));
        fields.push(Field::new("Execution", of));
    }
    if !data["custom_status"].is_null() && !found.is_terminal() {
        fields.push(Field::new("Progress", data["custom_status"].clone()));
    }
    Block::fields(fields)
}

fn timeline(data: &Value, found: &Found) -> Block {
    if data["started_at"].is_null() {
        let created = Field::new("Created", data["created_at"].clone()).kind(Kind::TimeAgo);
        let started = Field::new("Started", "not yet");
        return Block::section("Timeline", [Block::fields([created, started])]);
    }
    let ended = match found.status.as_str() {
        "completed" => "Completed",
        "continued_as_new" => "Continued",
        _ => "Ended",
    };
    let mut fields = Vec::new();
    // An orchestration that continues as new began long before its present execution.
    if found.latest.is_some_and(|latest| latest > 1) {
        fields.push(Field::new("Created", data["created_at"].clone()).kind(Kind::TimeAgo));
    }
    fields.push(Field::new("Started", data["started_at"].clone()).kind(Kind::TimeAgo));
    if !data["completed_at"].is_null() {
        fields.push(Field::new(ended, data["completed_at"].clone()).kind(Kind::Time));
    }
    let mut duration = Field::new("Duration", data["duration_ms"].clone()).kind(Kind::Duration);
    if let Some(skew) = data["clock_skew_ms"].as_i64() {
        let skew = time::words(skew);
        duration =
            duration.remark(format!("unknown: a worker's clock was ahead by at least {skew}"));
    } else if data["completed_at"].is_null() {
        duration = duration.remark("so far");
    }
    fields.push(duration);
    Block::section("Timeline", [Block::fields(fields)])
}

/// What an operator asks for first of an instance's input, in this order; the rest follows.
const FIRST_INPUTS: &[&str] =
    &["user_name", "k8s_name", "dns_label", "version", "storage", "load_balancer"];

/// An input as people read it: what describes the instance first, and storage with its unit.
fn input(input: &Value) -> Value {
    let Some(object) = input.as_object() else { return input.clone() };
    let mut named: Vec<(String, Value)> = object
        .iter()
        .map(|(key, value)| match (key.as_str(), value.as_i64()) {
            ("storage_gb", Some(gb)) => ("storage".to_owned(), json!(format!("{gb} GB"))),
            _ => (key.clone(), value.clone()),
        })
        .collect();
    let place = |key: &str| FIRST_INPUTS.iter().position(|first| *first == key);
    named.sort_by_key(|(key, _)| place(key).unwrap_or(FIRST_INPUTS.len()));
    Value::Object(named.into_iter().collect())
}

/// How long timers waited together; up to two minutes in seconds, as their names have it.
fn waited(ms: i64) -> String {
    match ms {
        1_000..120_000 => format!("{}s", ms / 1000),
        _ => time::words(ms),
    }
}

/// An object as fields, anything else as it is.
fn value(value: &Value) -> Block {
    match value.as_object() {
        Some(object) if !object.is_empty() && document::text(value).is_none() => {
            Block::fields(object.iter().map(|(key, value)| Field::new(key.as_str(), value.clone())))
        }
        _ => Block::fields([Field::new("value", value.clone())]),
    }
}

fn summary(summary: &Value) -> Block {
    let number = |key: &str| summary[key].as_u64().unwrap_or(0);
    let wait = summary["timer_wait_ms"].as_i64().unwrap_or(0);
    let mut fields = vec![
        Field::new(
            "Activities",
            format!(
                "{} executed, {} succeeded, {} failed",
                number("activities_executed"),
                number("activities_succeeded"),
                number("activities_failed")
            ),
        ),
        Field::new("Timers", format!("{} (total wait: {})", number("timers"), waited(wait))),
        Field::new("Retries", number("retries").to_string()),
    ];
    if number("sub_orchestrations") > 0 {
        fields.push(Field::new("Sub-orchestrations", number("sub_orchestrations").to_string()));
    }
    Block::section("Execution Summary", [Block::fields(fields)])
}
