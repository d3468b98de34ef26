//! `workers` as people read it.

use super::facts::{Facts, Lease, Place};
use serde_json::{Value, json};
use toygres_plugin_api::report::{Block, Column, Field, Kind, Rows, State, Table, Tone};
use toygres_plugin_api::{Report, Result};

/// The whole report.
///
/// # Errors
/// When it cannot be written as JSON.
pub(crate) fn report(facts: &Facts) -> Result<Report> {
    let mut report = Report::data(facts)?
        .block(Block::heading("Duroxide Workers"))
        .block(Block::Table(table(facts)))
        .text(summary(facts));
    if let Some(lost) = lost(facts) {
        report = report.block(lost);
    }
    if facts.recent.as_ref().is_some_and(|recent| !recent.is_empty()) {
        report = report.block(recent(facts));
    }
    report = report.block(queue(facts));
    if !facts.queue.kinds.is_empty() {
        report = report.block(kinds());
    }
    if let Some(reason) = &facts.workers_reason {
        report = report
            .warning(format!("{reason}: workers, idle or lost, and what they did are not known"));
    }
    Ok(report)
}

/// A line for each place of each worker, and for each lease that is nobody's.
fn table(facts: &Facts) -> Table {
    let mut rows: Vec<Value> = facts.places.iter().flatten().map(line).collect();
    let nobodys = facts.leases.iter().filter(|lease| lease.worker_id.is_none());
    // Turns take milliseconds: they are told once nobody ends them.
    let told = nobodys.filter(|lease| lease.kind == "activity" || lease.expired);
    rows.extend(told.map(nobody));
    let states = vec![
        State::new("active", "Active", Tone::Plain),
        State::new("idle", "Idle", Tone::Plain),
        State::new("serving", "Serving", Tone::Plain),
        State::new("lost", "Lost", Tone::Bad),
        State::new("unattributed", "Unattributed", Tone::Warn),
        State::new("expired", "Expired", Tone::Bad),
    ];
    let columns = vec![
        Column::new("worker_id", "WORKER ID"),
        Column::new("status", "STATUS").kind(Kind::Status(states)),
        Column::new("activity", "CURRENT ACTIVITY").shrink(),
        Column::new("duration_ms", "DURATION").kind(Kind::Duration),
        Column::new("instance", "INSTANCE").shrink(),
        Column::new("lease", "LEASE").shrink(),
    ];
    Table { columns, rows: Rows::Inline(rows), empty: Some("No worker, and no lease".to_owned()) }
}

fn line(place: &Place) -> Value {
    json!({
        "worker_id": place.id,
        "status": place.status,
        "activity": place.activity,
        "duration_ms": place.duration_ms,
        "instance": place.instance,
        "lease": place.lease_left_ms.map(lease),
    })
}

fn nobody(held: &Lease) -> Value {
    json!({
        "worker_id": null,
        "status": if held.expired { "expired" } else { "unattributed" },
        "activity": held.activity.as_deref().unwrap_or(&held.kind),
        "duration_ms": null,
        "instance": held.instance.as_deref().or(held.orchestration.as_deref()),
        "lease": lease(held.left_ms),
    })
}

/// How long a lease lasts, or since when it has not.
fn lease(left_ms: i64) -> String {
    if left_ms < 0 {
        format!("expired {} ago", words(-left_ms))
    } else {
        format!("for another {}", words(left_ms))
    }
}

/// The processes that disappeared without shutting down, and when each was seen last.
fn lost(facts: &Facts) -> Option<Block> {
    let lost = facts.workers.iter().flatten().filter(|worker| worker.status == "lost");
    let lines: Vec<Field> = lost
        .map(|worker| {
            let seen = format!("last seen {} ago on {}", words(worker.age_ms), worker.host);
            Field::new(&worker.worker_id, format!("{seen} (process {})", worker.pid))
        })
        .collect();
    (!lines.is_empty()).then(|| Block::section("Lost Workers", [Block::fields(lines)]))
}

/// As the durations of tables: `48ms`, `0.8s`, `1m 30s`.
fn short(ms: i64) -> String {
    match ms {
        ..100 => format!("{}ms", ms.max(0)),
        100..60_000 => {
            let tenths = (ms as f64 / 100.0).round() / 10.0;
            format!("{tenths}s")
        }
        _ => words(ms),
    }
}

fn words(ms: i64) -> String {
    toygres_model::time::words(ms)
}

fn summary(facts: &Facts) -> String {
    let (Some(active), Some(idle)) = (facts.active, facts.idle) else {
        return "Workers: not known".to_owned();
    };
    let plural = if active == 1 { "" } else { "s" };
    let mut text = format!("{active} worker{plural} active, {idle} idle");
    if let Some(lost) = facts.lost.filter(|lost| *lost > 0) {
        text.push_str(&format!(", {lost} lost"));
    }
    text
}

fn recent(facts: &Facts) -> Block {
    let rows = facts.recent.iter().flatten().map(|one| {
        json!({
            "worker": format!("{}:", one.worker_id),
            "what": format!("{} ({})", one.activity, short(one.duration_ms)),
            "succeeded": one.succeeded,
        })
    });
    let columns = vec![
        Column::new("worker", ""),
        Column::new("what", ""),
        Column::new("succeeded", "").kind(Kind::Check),
    ];
    let table = Table { columns, rows: Rows::Inline(rows.collect()), empty: None };
    Block::section("Recent Completions (Last 10)", [Block::Table(table)])
}

fn queue(facts: &Facts) -> Block {
    Block::section(
        "Queue",
        [Block::fields([
            Field::new("Pending Activities", facts.queue.pending_activities),
            Field::new("Pending Timers", facts.queue.pending_timers),
            Field::new("Pending Messages", facts.queue.pending_messages),
        ])],
    )
}

fn kinds() -> Block {
    let columns = vec![
        Column::new("kind", "KIND"),
        Column::new("due", "DUE").kind(Kind::Number),
        Column::new("held", "HELD").kind(Kind::Number),
        Column::new("later", "LATER").kind(Kind::Number),
        Column::new("oldest_ms", "OLDEST").kind(Kind::Duration),
    ];
    Block::section("By Kind", [Block::table_at("/queue/kinds", columns)])
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn durations_follow_the_rule_of_tables() {
        let shown: Vec<String> = [0, 48, 200, 1249, 2000, 90_000].map(short).into();
        assert_eq!(shown, ["0ms", "48ms", "0.2s", "1.2s", "2s", "1m 30s"]);
    }
}
