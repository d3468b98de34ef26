//! `workers` as people read it.

use super::facts::{Facts, Lease, Worker};
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

/// A line for each activity of each worker, and for each lease that is nobody's.
fn table(facts: &Facts) -> Table {
    let mut rows: Vec<Value> = facts.workers.iter().flatten().flat_map(lines).collect();
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
        Column::new("activity", "CURRENT ACTIVITY"),
        Column::new("duration_ms", "DURATION").kind(Kind::Duration),
        Column::new("instance", "INSTANCE"),
        Column::new("lease", "LEASE").shrink(),
    ];
    Table { columns, rows: Rows::Inline(rows), empty: Some("No worker, and no lease".to_owned()) }
}

fn lines(worker: &Worker) -> Vec<Value> {
    let seen = (worker.status == "lost")
        .then(|| format!("last seen {} ago on {}", words(worker.age_ms), worker.host));
    if worker.activities.is_empty() {
        return vec![json!({"worker_id": worker.worker_id, "status": worker.status,
            "activity": null, "duration_ms": null, "instance": null, "lease": seen})];
    }
    let line = |activity: &super::facts::Activity| {
        let lease = match (activity.lease_expired, &activity.lease_until) {
            (Some(true), Some(until)) => Some(format!("expired {until}")),
            (Some(false), Some(until)) => Some(format!("until {until}")),
            _ => None,
        };
        let about = [lease, seen.clone()].into_iter().flatten().collect::<Vec<_>>().join(", ");
        json!({
            "worker_id": worker.worker_id,
            "status": worker.status,
            "activity": activity.activity,
            "duration_ms": activity.duration_ms,
            "instance": activity.instance,
            "lease": Some(about).filter(|about| !about.is_empty()),
        })
    };
    worker.activities.iter().map(line).collect()
}

fn nobody(lease: &Lease) -> Value {
    let about = if lease.expired {
        format!("expired {} ago", words(-lease.left_ms))
    } else {
        format!("for another {}", words(lease.left_ms))
    };
    json!({
        "worker_id": null,
        "status": if lease.expired { "expired" } else { "unattributed" },
        "activity": lease.activity.as_deref().unwrap_or(&lease.kind),
        "duration_ms": null,
        "instance": lease.instance.as_deref().or(lease.orchestration.as_deref()),
        "lease": about,
    })
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
