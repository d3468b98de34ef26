//! `--history` and `--timeline`.

use serde_json::{Value, json};
use toygres_model::steps::{Step, StepKind, StepState};
use toygres_model::time;
use toygres_plugin_api::report::{Block, Column, Kind, Rows, Span, Table, Timeline, Tone};

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
        "state": step.state.name(),
        "outcome": step.outcome,
        "fires_at": step.fires.and_then(time::rfc3339),
        "tag": step.tag,
    })
}

/// The table of all steps.
pub(crate) fn block(steps: &[Step]) -> Block {
    block_of(steps, 0)
}

/// The table of some steps, numbered from `before` + 1.
pub(crate) fn block_of(steps: &[Step], before: usize) -> Block {
    let rows = steps.iter().enumerate().map(|(n, step)| {
        let mut row = row(before + n + 1, step);
        row["shown"] = json!(shown(step));
        row["told"] = json!(told(step));
        row
    });
    Block::Table(Table {
        columns: vec![
            Column::new("number", "#"),
            Column::new("started_at", "TIME").kind(Kind::Time),
            Column::new("shown", "EVENT").shrink(),
            Column::new("duration_ms", "DURATION").kind(Kind::Duration),
            Column::new("told", "STATUS").kind(Kind::Text).shrink(),
        ],
        rows: Rows::Inline(rows.collect()),
        empty: Some("No events recorded".to_owned()),
    })
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

/// A result that is short enough to stand beside its mark. Of an object, what a person waits for:
/// whether it was ready.
fn short(step: &Step) -> Option<String> {
    let text = step.outcome.as_deref().filter(|text| !text.is_empty())?;
    if text.starts_with(['{', '[']) {
        let answer: Value = serde_json::from_str(text).ok()?;
        return match answer["ready"].as_bool()? {
            true => Some("ready!".to_owned()),
            false => Some("not ready".to_owned()),
        };
    }
    (text.len() <= 60).then(|| text.to_owned())
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
