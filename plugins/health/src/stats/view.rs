//! `stats` as people read it.

use super::facts::{Activities, Facts, Orchestrations, Type};
use serde_json::json;
use toygres_model::time::words;
use toygres_plugin_api::report::{Bar, Block, Column, Field, Kind};
use toygres_plugin_api::{Report, Result};

/// How many of the slowest activities are told.
const SLOWEST: usize = 3;

/// The whole report.
///
/// # Errors
/// When it cannot be written as JSON.
pub(crate) fn report(facts: &Facts) -> Result<Report> {
    let last = last(facts.window_ms);
    let mut report = Report::data(facts)?.block(Block::heading("Toygres System Statistics"));
    for block in instances(facts) {
        report = report.block(block);
    }
    report = report
        .block(Block::section(
            format!("Orchestrations ({last})"),
            [orchestrations(&facts.orchestrations)],
        ))
        .block(Block::section(format!("By Type ({last})"), [types(&facts.orchestrations)]))
        .block(Block::section(format!("Activities ({last})"), activities(&facts.activities)));
    if !facts.activities.by_activity.is_empty() {
        report = report.block(Block::section("Durations by Activity", [durations()]));
    }
    if let Some(storage) = facts.storage {
        let provisioned = format!(
            "{} GB across {}",
            storage.provisioned_gb,
            counted(storage.instances, "instance")
        );
        let average = storage.average_gb.map(|gb| format!("{gb} GB"));
        report = report.block(Block::section(
            "Resource Usage",
            [values([
                Field::new("Storage (provisioned)", provisioned),
                Field::new("Average per instance", json!(average)),
            ])],
        ));
    }
    report = report.block(workers(facts)).block(database(facts)).block(Block::fields([
        Field::new("Last Updated", facts.at.as_str()).kind(Kind::TimeAgo),
        Field::new("Source", source(facts)),
    ]));
    if let Some(bounds) = &facts.sources.bounds {
        report = report.warning(bounds.as_str());
    }
    if let Some(reason) = &facts.instances_reason {
        report = report.warning(format!("instances are not known: {reason}"));
    }
    Ok(report)
}

/// Where values begin, as amounts of bars do.
const VALUE_COLUMN: usize = 21;

fn values(fields: impl IntoIterator<Item = Field>) -> Block {
    Block::fields(fields).at_column(VALUE_COLUMN)
}

/// `Last 24h`.
fn last(window_ms: i64) -> String {
    // The window was fixed a moment before the database was asked.
    let minutes = (window_ms + 30_000) / 60_000;
    let text = match minutes {
        0 => words(window_ms),
        minutes if minutes % 60 == 0 && minutes <= 48 * 60 => format!("{}h", minutes / 60),
        minutes => words(minutes * 60_000),
    };
    format!("Last {text}")
}

fn bar(label: &str, amount: i64, whole: i64) -> Bar {
    Bar { label: label.to_owned(), amount: amount as f64, whole: whole as f64, kind: Kind::Number }
}

fn instances(facts: &Facts) -> Vec<Block> {
    let (Some(states), Some(health)) = (facts.instances, facts.health) else {
        return Vec::new();
    };
    let total = states.total;
    let running = states.running;
    vec![
        Block::section(
            "Instances",
            [Block::bars([
                bar("Total", total, 0),
                bar("Running", states.running, total),
                bar("Creating", states.creating, total),
                bar("Deleting", states.deleting, total),
                bar("Failed", states.failed, total),
            ])],
        ),
        Block::section(
            "Health Status",
            [Block::bars([
                bar("Healthy", health.healthy, running),
                bar("Unhealthy", health.unhealthy, running),
                bar("Unknown", health.unknown, running),
            ])],
        ),
    ]
}

fn share(label: &str, amount: i64, whole: i64) -> Field {
    let field = Field::new(label, amount).kind(Kind::Number);
    if whole == 0 {
        return field;
    }
    field.remark(format!("{:.1}%", amount as f64 / whole as f64 * 100.0))
}

fn orchestrations(found: &Orchestrations) -> Block {
    let whole = found.total_started;
    values([
        Field::new("Total Started", whole).kind(Kind::Number),
        share("Completed", found.completed, whole),
        share("Running", found.running, whole),
        share("Failed", found.failed, whole),
        share("Cancelled", found.cancelled, whole),
    ])
}

/// `create-instance:   20 started, 18 completed, 2 running`.
fn types(found: &Orchestrations) -> Block {
    let told = |one: &Type| {
        let parts = [
            (one.started, "started"),
            (one.completed, "completed"),
            (one.failed, "failed"),
            (one.cancelled, "cancelled"),
            (one.running_now, "running"),
        ];
        let parts: Vec<String> = parts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
        Field::new(&one.kind, parts.join(", "))
    };
    if found.by_type.is_empty() {
        return Block::text("None");
    }
    values(found.by_type.iter().map(told))
}

fn activities(found: &Activities) -> Vec<Block> {
    let whole = found.total;
    let mut blocks = vec![values([
        Field::new("Total Executed", whole).kind(Kind::Number),
        share("Succeeded", found.succeeded, whole),
        share("Failed", found.failed, whole),
        Field::new("Avg Duration", json!(found.avg_ms)).kind(Kind::Duration),
        Field::new("Avg Wait", json!(found.avg_wait_ms)).kind(Kind::Duration),
    ])];
    let slowest: Vec<Field> = found
        .by_activity
        .iter()
        .take(SLOWEST)
        .map(|one| Field::new(&one.activity, json!(one.avg_ms)).kind(Kind::Duration))
        .collect();
    if !slowest.is_empty() {
        blocks.push(Block::Blank);
        blocks.push(Block::section("Slowest", [values(slowest)]));
    }
    blocks
}

fn durations() -> Block {
    let duration = |key: &str, title: &str| Column::new(key, title).kind(Kind::Duration);
    Block::table_at(
        "/activities/by_activity",
        [
            Column::new("activity", "ACTIVITY"),
            Column::new("count", "COUNT").kind(Kind::Number),
            Column::new("failed", "FAILED").kind(Kind::Number),
            duration("avg_ms", "AVG"),
            duration("p50_ms", "P50"),
            duration("p95_ms", "P95"),
            duration("p99_ms", "P99"),
            duration("max_ms", "MAX"),
            duration("avg_wait_ms", "WAIT"),
        ],
    )
}

fn workers(facts: &Facts) -> Block {
    let workers = &facts.workers;
    let with_reason = |label: &str, value: Option<i64>| {
        let field = Field::new(label, json!(value));
        match (&workers.reason, value) {
            (Some(reason), None) => field.remark(reason.as_str()),
            _ => field,
        }
    };
    let plural = if workers.processing == 1 { "activity" } else { "activities" };
    Block::section(
        "Workers",
        [values([
            with_reason("Active", workers.active),
            with_reason("Idle", workers.idle),
            Field::new("Processing", format!("{} {plural}", workers.processing)),
        ])],
    )
}

fn database(facts: &Facts) -> Block {
    Block::section(
        "Database",
        [values([
            Field::new("Status", "Connected"),
            Field::new("Pool Size", counted(facts.database.pool_size, "connection"))
                .remark("of every toygres process"),
            Field::new("Active Queries", facts.database.active_queries),
        ])],
    )
}

fn counted(count: i64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn source(facts: &Facts) -> String {
    let sources = &facts.sources;
    let from = match sources.method.as_str() {
        "rolled_up" => format!(
            "roll-ups ({} orchestrations, {} activities) and counted now ({} orchestrations, {} \
             activities)",
            sources.rolled_orchestrations,
            sources.rolled_activities,
            sources.live_orchestrations,
            sources.live_activities
        ),
        "sampled" => format!("a sample of {:.2}% of all executions", sources.sampled_part * 100.0),
        _ => "counted now".to_owned(),
    };
    let rollups = match &sources.rollups_reason {
        Some(reason) if sources.method == "counted" => format!(" ({reason})"),
        _ => String::new(),
    };
    // Whatever they are made of, durations are kept in bins.
    let within = (sources.percentiles_within * 100.0).round();
    let durations = match &sources.durations_reason {
        None => "durations are run times, WAIT is what came before".to_owned(),
        Some(reason) => format!("durations go from scheduling to completion ({reason})"),
    };
    format!("{from}{rollups}; {durations}; percentiles are within {within}%")
}

#[cfg(test)]
mod tests {
    use super::{counted, last};

    #[test]
    fn a_window_is_named_as_it_was_typed() {
        for (ms, text) in [
            (86_400_123, "Last 24h"),
            (3_600_000, "Last 1h"),
            (900_040, "Last 15m"),
            (604_800_000, "Last 7d"),
            (5_000, "Last 5s"),
        ] {
            assert_eq!(last(ms), text);
        }
    }

    #[test]
    fn one_is_no_plural() {
        assert_eq!(counted(1, "connection"), "1 connection");
        assert_eq!(counted(0, "connection"), "0 connections");
    }
}
