//! `--pending`: what it waits for now.
//!
//! While an activity is polled or retried, a timer is all that is pending for most of the time. The
//! activity that the timer is for stands first then, with its attempt and what the last one found.

use super::history;
use crate::read::records::{Found, is_pending};
use serde_json::{Value, json};
use toygres_model::diagnosis::{AttemptMode, Attempts, Diagnosis};
use toygres_model::steps::{Step, StepKind};
use toygres_model::time;
use toygres_plugin_api::report::{Block, Field, Kind, Tone};

/// How many of the last events are shown.
const LAST_EVENTS: usize = 3;

/// What is pending, as machines read it.
pub(crate) fn data(found: &Found) -> Value {
    let steps = &found.records.steps;
    let now = found.records.now;
    let of = |kind: StepKind| -> Vec<&Step> {
        steps.iter().filter(|step| step.kind == kind && is_pending(step)).collect()
    };
    let since = |step: &Step| step.started.and_then(time::rfc3339);
    json!({
        "activities": of(StepKind::Activity).iter().map(|step| activity(found, step)).collect::<Vec<_>>(),
        "timers": of(StepKind::Timer).iter().map(|step| json!({
            "name": step.name,
            "fires_at": step.fires.and_then(time::rfc3339),
            "fires_in_ms": step.fires.map(|fires| fires - now),
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

/// The last events, as machines read them.
pub(crate) fn last_events(steps: &[Step]) -> Value {
    let first = steps.len().saturating_sub(LAST_EVENTS);
    steps.iter().enumerate().skip(first).map(|(n, step)| history::row(n + 1, step)).collect()
}

/// What comes next, as far as it is known.
pub(crate) fn next(diagnosis: Option<&Diagnosis>) -> Vec<String> {
    let attempts = diagnosis.and_then(|diagnosis| diagnosis.attempts.as_ref());
    attempts.map(|attempts| next_steps(&attempts.0, attempts.1)).unwrap_or_default()
}

/// What the records and the attempts that are known to be left say of what comes next.
fn next_steps(attempts: &Attempts, now: i64) -> Vec<String> {
    let Some(of) = attempts.of.filter(|of| attempts.attempt < *of) else { return Vec::new() };
    let next = attempts.attempt + 1;
    let retry = format!("Retry {} (attempt {next}/{of})", attempts.activity);
    let last = "Continue or schedule next timer".to_owned();
    match attempts.next_at {
        Some(at) if at > now => {
            vec![format!("Timer completes in {}", time::words(at - now)), retry, last]
        }
        Some(_) => vec![retry, last],
        None => Vec::new(),
    }
}

fn activity(found: &Found, step: &Step) -> Value {
    let row = found.records.worker_queue.iter().find(|row| row.number("id") == Some(step.event_id));
    let input = super::detail::parsed(step.input.as_deref());
    json!({
        "name": step.name,
        "scheduled_at": step.started.and_then(time::rfc3339),
        "attempt": row.map(toygres_model::queue::QueueRow::attempts),
        "lease_until": row.and_then(|row| row.locked_until()).and_then(time::rfc3339),
        "visible_at": row.and_then(|row| row.visible_at()).and_then(time::rfc3339),
        "tag": step.tag,
        // Which attempt of how many it is, where its input says so.
        "poll_attempt": input["attempt"].as_i64(),
        "poll_attempts": input["attempts"].as_i64(),
        // How often the same activity ran before in this execution: a poll counts up.
        "call": found.records.steps.iter().filter(|other| {
            other.kind == StepKind::Activity && other.name == step.name && other.event_id <= step.event_id
        }).count(),
    })
}

/// An activity: which attempt of how many, since when, and who holds it until when.
fn current(activity: &Value) -> Vec<Block> {
    let number = |key: &str| activity[key].as_i64();
    let repeated = number("call").filter(|call| *call > 1);
    let attempt = match (number("poll_attempt").or(repeated), number("poll_attempts")) {
        (Some(attempt), Some(attempts)) => format!(" (attempt {attempt}/{attempts})"),
        (Some(attempt), None) => format!(" (attempt {attempt})"),
        (None, _) => String::new(),
    };
    let name = activity["name"].as_str().unwrap_or("-");
    let time = |label: &str, key: &str| Field::new(label, activity[key].clone());
    let fields = if activity["lease_until"].is_null() {
        vec![time("Scheduled", "scheduled_at").kind(Kind::TimeAgo)]
    } else {
        vec![
            time("Started", "scheduled_at").kind(Kind::TimeAgo),
            time("Lease Until", "lease_until").kind(Kind::Time),
            Field::new("Deliveries", number("attempt").unwrap_or(1)),
        ]
    };
    vec![Block::text(format!("{name}{attempt}")), Block::fields(fields)]
}

/// The activity that a timer is for: its last attempt, and what that found.
fn between(attempts: &Value) -> Option<Vec<Block>> {
    // An attempt that is under way is listed as an activity.
    attempts["next_at"].as_str()?;
    let name = attempts["activity"].as_str()?;
    let number = attempts["attempt"].as_i64().unwrap_or(1);
    let of = attempts["attempts"].as_i64().map(|of| format!("/{of}")).unwrap_or_default();
    let polls = attempts["mode"] == AttemptMode::Polling.name();
    let mut fields =
        vec![Field::new("Started", attempts["last_started_at"].clone()).kind(Kind::TimeAgo)];
    if polls {
        fields.push(Field::new("Expected", attempts["last_result"].clone()));
    } else {
        fields.push(Field::new("Last Error", attempts["last_error"].clone()));
    }
    let failures = attempts["consecutive_failures"].as_i64().unwrap_or(0);
    if failures > 0 {
        fields.push(Field::new("Failures", format!("{failures} in a row")));
    }
    Some(vec![Block::text(format!("{name} (attempt {number}{of})")), Block::fields(fields)])
}

/// The same for people; `now` in milliseconds since the epoch, by the database's clock.
pub(crate) fn blocks(data: &Value, steps: &[Step], now: i64) -> Vec<Block> {
    let list = |key: &str| data["pending"][key].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let at = |value: &Value| value.as_str().and_then(time::parse);
    let mut blocks = vec![Block::heading("Current State:")];
    for activity in list("activities") {
        blocks.push(Block::section("Current Activity", current(&activity)));
    }
    if let Some(activity) = between(&data["diagnosis"]["attempts"]) {
        blocks.push(Block::section("Current Activity", activity));
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
        let since = at(&event["since"]).map_or_else(
            || "waiting".to_owned(),
            |since| format!("waiting for {}", time::words(now - since)),
        );
        Block::text(format!("{}: {since}", text(&event["name"])))
    });
    section(&mut blocks, "Pending Events", events.collect());
    let children = list("sub_orchestrations")
        .into_iter()
        .map(|child| Block::text(format!("{}: {}", text(&child["type"]), text(&child["id"]))));
    section(&mut blocks, "Pending Sub-orchestrations", children.collect());
    let messages = list("queued_messages").into_iter().map(|message| {
        let visible = match at(&message["visible_at"]) {
            None => "visible at a time that no record says".to_owned(),
            Some(at) if at > now => format!("visible in {}", time::words(at - now)),
            Some(at) => format!("visible for {}", time::words(now - at)),
        };
        Block::text(format!("{}: {visible}", text(&message["kind"])))
    });
    section(&mut blocks, "Queued Messages", messages.collect());
    if blocks.len() == 1 {
        blocks.push(Block::remark(Tone::Muted, "Nothing is pending"));
    }
    let next = data["next_steps"].as_array().cloned().unwrap_or_default();
    let next = next
        .iter()
        .enumerate()
        .map(|(n, step)| Block::text(format!("{}. {}", n + 1, step.as_str().unwrap_or_default())));
    section(&mut blocks, "Next Steps", next.collect());
    if !steps.is_empty() {
        let last = &steps[steps.len().saturating_sub(LAST_EVENTS)..];
        blocks.push(Block::section("Last 3 Events", [history::last_block(last)]));
    }
    blocks
}

fn section(blocks: &mut Vec<Block>, title: &str, lines: Vec<Block>) {
    if !lines.is_empty() {
        blocks.push(Block::section(title, lines));
    }
}

#[cfg(test)]
mod tests {
    use super::current;
    use serde_json::{Value, json};

    fn first_line(more: Value) -> String {
        let mut activity = json!({"name": "wait-for-ready", "lease_until": null, "call": 3});
        activity.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!(current(&activity)[0])["text"].as_str().unwrap().to_owned()
    }

    #[test]
    fn an_attempt_is_told_with_how_many_there_may_be() {
        let known = json!({"poll_attempt": 15, "poll_attempts": 60});
        assert_eq!(first_line(known), "wait-for-ready (attempt 15/60)");
        assert_eq!(first_line(json!({"poll_attempt": 15})), "wait-for-ready (attempt 15)");
        // An input that does not count is counted by its calls.
        assert_eq!(first_line(json!({})), "wait-for-ready (attempt 3)");
        assert_eq!(first_line(json!({"call": 1})), "wait-for-ready");
    }
}
