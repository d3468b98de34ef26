//! `--history` and `--timeline`.

use serde_json::{Value, json};
use toygres_model::results::{CheckResult, PollResult};
use toygres_model::steps::{Step, StepKind, StepState};
use toygres_model::time;
use toygres_plugin_api::report::{Block, Column, Kind, Rows, Span, State, Table, Timeline, Tone};

/// One step as machines read it.
pub(crate) fn row(number: usize, step: &Step) -> Value {
    json!({
        "number": number,
        "event_id": step.event_id,
        "event_type": step.event,
        "kind": step.kind.name(),
        "name": step.name,
        "sub_orchestration": step.instance,
        "started_at": step.started.and_then(time::rfc3339),
        "ended_at": step.ended.and_then(time::rfc3339),
        "duration_ms": step.duration(),
        "clock_skew_ms": step.clock_skew(),
        "state": step.state.name(),
        "outcome": step.outcome,
        "result": result(step),
        "attempt": attempt(step),
        "fires_at": step.fires.and_then(time::rfc3339),
        "tag": step.tag,
    })
}

/// What an activity returned, as the document that it is; `null` for an error, and for what is no JSON.
fn result(step: &Step) -> Value {
    let text = step.outcome.as_deref().filter(|_| step.state == StepState::Succeeded);
    let document = text.and_then(|text| serde_json::from_str::<Value>(text).ok());
    document.filter(|value| value.is_object() || value.is_array()).unwrap_or(Value::Null)
}

/// Which attempt of a poll it is, where its input counts them.
fn attempt(step: &Step) -> Option<i64> {
    let input: Value = serde_json::from_str(step.input.as_deref()?).ok()?;
    input.get("attempt")?.as_i64().filter(|_| step.kind == StepKind::Activity)
}

/// The table of all steps.
pub(crate) fn block(steps: &[Step]) -> Block {
    let rows = steps.iter().enumerate().map(|(n, step)| shown_row(n + 1, step, shown(step)));
    table(Some(Column::new("number", "#")), rows.collect())
}

/// The table of the last steps, each attempt with its number.
pub(crate) fn last_block(steps: &[Step]) -> Block {
    let rows = steps.iter().map(|step| {
        let attempt = attempt(step).map(|number| format!(" (attempt {number})"));
        shown_row(0, step, format!("{}{}", shown(step), attempt.unwrap_or_default()))
    });
    table(None, rows.collect())
}

fn shown_row(number: usize, step: &Step, shown: String) -> Value {
    let mut row = row(number, step);
    row["shown"] = json!(shown);
    row["told"] = json!(told(step));
    row
}

fn table(number: Option<Column>, rows: Vec<Value>) -> Block {
    Block::Table(Table {
        columns: number
            .into_iter()
            .chain([
                Column::new("started_at", "TIME").kind(Kind::Time),
                Column::new("shown", "EVENT").shrink(),
                Column::new("duration_ms", "DURATION").kind(Kind::Duration),
                Column::new("told", "STATUS").kind(Kind::Text).shrink(),
            ])
            .collect(),
        rows: Rows::Inline(rows),
        empty: Some("No events recorded".to_owned()),
    })
}

/// The table of a monitor's latest checks.
pub(crate) fn checks() -> Block {
    let states = Kind::Status(vec![
        State::new("healthy", "Healthy", Tone::Good),
        State::new("unhealthy", "Unhealthy", Tone::Bad),
        State::new("unknown", "Unknown", Tone::Warn),
    ]);
    let columns = [
        Column::new("execution", "EXECUTION").kind(Kind::Number),
        Column::new("checked_at", "TIME").kind(Kind::Time),
        Column::new("status", "RESULT").kind(states),
        Column::new("response_ms", "RESPONSE").kind(Kind::Duration),
        Column::new("error", "ERROR").shrink(),
    ];
    Block::table_at("/checks", columns)
}

/// The event as people read it.
fn shown(step: &Step) -> String {
    match step.kind {
        StepKind::Timer => format!("Timer: {}", step.name),
        StepKind::External => format!("Event: {}", step.name),
        StepKind::SubOrchestration => format!("Sub-orchestration: {}", step.name),
        StepKind::Lifecycle | StepKind::Other | StepKind::Activity => step.name.clone(),
    }
}

/// How it ended, with a short result: `✓ (not ready)`.
fn told(step: &Step) -> Option<String> {
    let short = short(step);
    let said = |glyph: &str| match (short.as_deref(), step.kind) {
        (Some(text), kind) if kind != StepKind::Lifecycle => format!("{glyph} ({text})"),
        _ => glyph.to_owned(),
    };
    if let Some(skew) = step.clock_skew() {
        return Some(format!(
            "{} (it ended {} before it began: a worker's clock was off)",
            if step.state == StepState::Failed { "❌" } else { "✓" },
            time::words(skew)
        ));
    }
    match step.state {
        StepState::Succeeded => Some(said("✓")),
        StepState::Failed => Some(match &step.outcome {
            Some(error) => format!("❌ {error}"),
            None => "❌".to_owned(),
        }),
        StepState::Pending => Some("⟳ In progress".to_owned()),
        StepState::Cancelled => Some("○ Cancelled".to_owned()),
        StepState::None => None,
    }
}

/// A result that is short enough to stand beside its mark. Of an object, what a person waits for: whether
/// it was ready, and what a health check found.
fn short(step: &Step) -> Option<String> {
    let text = step.outcome.as_deref().filter(|text| !text.is_empty())?;
    if step.kind != StepKind::Activity {
        return (text.len() <= 60 && !text.starts_with(['{', '['])).then(|| text.to_owned());
    }
    if let Some(poll) = PollResult::read(text) {
        return match (&poll.waiting_for, poll.done) {
            (_, true) => (poll.key == "ready" && !poll.has_more).then(|| "ready!".to_owned()),
            (Some(why), false) if poll.failing => Some(format!("{}: {why}", poll.state())),
            (Some(what), false) if poll.key == "gone" => Some(what.clone()),
            _ => Some(poll.state()),
        };
    }
    if let Some(check) = CheckResult::read(text) {
        return Some(check.finding());
    }
    (text.len() <= 60 && !text.starts_with(['{', '['])).then(|| text.to_owned())
}

/// The line below the table.
pub(crate) fn total(steps: &[Step], duration: Option<i64>) -> String {
    let count = |kind: StepKind| steps.iter().filter(|step| step.kind == kind).count();
    let (activities, timers) = (count(StepKind::Activity), count(StepKind::Timer));
    let plural =
        |n: usize, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
    let duration = duration.map(|ms| format!(", {} duration", time::words(ms))).unwrap_or_default();
    format!(
        "Total: {}, {}{duration}",
        plural(activities, "activity", "activities"),
        plural(timers, "timer", "timers"),
    )
}

/// The steps on one time axis.
pub(crate) fn timeline(steps: &[Step], now: i64) -> Option<Block> {
    let spans: Vec<&Step> = steps
        .iter()
        .filter(|step| !matches!(step.kind, StepKind::Lifecycle | StepKind::Other))
        .filter(|step| step.started.is_some())
        .collect();
    let from = steps.iter().filter_map(|step| step.started).min()?;
    let open = spans.iter().any(|step| step.state == StepState::Pending);
    let last = steps.iter().filter_map(|step| step.ended.or(step.started)).max()?;
    let to = if open { now.max(last) } else { last };
    let spans = spans.into_iter().filter_map(|step| {
        Some(Span {
            label: shown(step),
            from: time::rfc3339(step.started?)?,
            to: step.ended.and_then(time::rfc3339),
            tone: match step.state {
                StepState::Succeeded => Tone::Good,
                StepState::Failed => Tone::Bad,
                StepState::Pending => Tone::Active,
                StepState::Cancelled | StepState::None => Tone::Muted,
            },
            remark: None,
        })
    });
    Some(Block::Timeline(Timeline {
        from: time::rfc3339(from)?,
        to: time::rfc3339(to)?,
        spans: spans.collect(),
    }))
}
