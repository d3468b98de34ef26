//! `--pending`: what it waits for now.

use crate::read::records::{Found, is_pending};
use serde_json::{Value, json};
use toygres_model::steps::{Step, StepKind};
use toygres_model::time;
use toygres_plugin_api::report::{Block, Tone};

/// What is pending, as machines read it.
pub(crate) fn data(found: &Found) -> Value {
    let of = |kind: StepKind| -> Vec<&Step> {
        found.records.steps.iter().filter(|step| step.kind == kind && is_pending(step)).collect()
    };
    let since = |step: &Step| step.started.and_then(time::rfc3339);
    json!({
        "activities": of(StepKind::Activity).iter().map(|step| activity(found, step)).collect::<Vec<_>>(),
        "timers": of(StepKind::Timer).iter().map(|step| json!({
            "name": step.name,
            "fires_at": step.fires.and_then(time::rfc3339),
            "fires_in_ms": step.fires.map(|fires| fires - found.records.now),
        })).collect::<Vec<_>>(),
        "external_events": of(StepKind::External).iter().map(|step| json!({
            "name": step.name, "since": since(step),
        })).collect::<Vec<_>>(),
        "sub_orchestrations": of(StepKind::SubOrchestration).iter().map(|step| json!({
            "type": step.name, "id": step.instance, "since": since(step),
        })).collect::<Vec<_>>(),
        "queued_messages": found.records.orchestrator_queue.iter().map(|row| json!({
            "kind": row.kind,
            "queued_at": row.created_at().and_then(time::rfc3339),
            "visible_at": row.visible_at().and_then(time::rfc3339),
            "attempts": row.attempts(),
        })).collect::<Vec<_>>(),
    })
}

fn activity(found: &Found, step: &Step) -> Value {
    let row = found.records.worker_queue.iter().find(|row| row.number("id") == Some(step.event_id));
    json!({
        "name": step.name,
        "scheduled_at": step.started.and_then(time::rfc3339),
        "attempt": row.map(toygres_model::queue::QueueRow::attempts),
        "lease_until": row.and_then(|row| row.locked_until()).and_then(time::rfc3339),
        "visible_at": row.and_then(|row| row.visible_at()).and_then(time::rfc3339),
        "tag": step.tag,
        // How often the same activity ran before in this execution: a poll counts up.
        "call": found.records.steps.iter().filter(|other| {
            other.kind == StepKind::Activity && other.name == step.name && other.event_id <= step.event_id
        }).count(),
    })
}

/// The same for people.
pub(crate) fn blocks(data: &Value, steps: &[Step]) -> Vec<Block> {
    let list = |key: &str| data[key].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let mut blocks = vec![Block::heading("Current State")];
    for activity in list("activities") {
        let call = activity["call"].as_u64().filter(|call| *call > 1);
        let call = call.map(|call| format!(" (call {call})")).unwrap_or_default();
        let mut lines = vec![
            Block::text(format!("{}{call}", text(&activity["name"]))),
            Block::text(format!("Scheduled: {}", text(&activity["scheduled_at"]))),
        ];
        if let Some(until) = activity["lease_until"].as_str() {
            lines.push(Block::text(format!(
                "Attempt: {}, lease until {until}",
                activity["attempt"].as_i64().unwrap_or(1)
            )));
        }
        blocks.push(Block::section("Current Activity", lines));
    }
    let timers = list("timers").into_iter().map(|timer| {
        let fires = timer["fires_in_ms"].as_i64();
        let fires = fires.map_or_else(
            || "fires at a time that no record says".to_owned(),
            |ms| match ms {
                1.. => format!("Fires in {}", time::words(ms)),
                _ => format!("Due {} ago", time::words(-ms)),
            },
        );
        Block::text(format!("{}: {fires}", text(&timer["name"])))
    });
    section(&mut blocks, "Pending Timers", timers.collect());
    let events = list("external_events").into_iter().map(|event| {
        Block::text(format!("{}: waiting since {}", text(&event["name"]), text(&event["since"])))
    });
    section(&mut blocks, "Pending Events", events.collect());
    let children = list("sub_orchestrations")
        .into_iter()
        .map(|child| Block::text(format!("{}: {}", text(&child["type"]), text(&child["id"]))));
    section(&mut blocks, "Pending Sub-orchestrations", children.collect());
    let messages = list("queued_messages").into_iter().map(|message| {
        Block::text(format!(
            "{}: visible at {}",
            text(&message["kind"]),
            text(&message["visible_at"])
        ))
    });
    section(&mut blocks, "Queued Messages", messages.collect());
    if blocks.len() == 1 {
        blocks.push(Block::remark(Tone::Muted, "Nothing is pending"));
    }
    if !steps.is_empty() {
        let last = &steps[steps.len().saturating_sub(3)..];
        blocks.push(Block::section(
            "Last 3 Events",
            [super::history::block_of(last, steps.len() - last.len())],
        ));
    }
    blocks
}

fn section(blocks: &mut Vec<Block>, title: &str, lines: Vec<Block>) {
    if !lines.is_empty() {
        blocks.push(Block::section(title, lines));
    }
}
