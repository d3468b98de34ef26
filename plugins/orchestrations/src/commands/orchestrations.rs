//! `orchestrations`.

use crate::complete;
use crate::read::list::{self, Cursor, Filter, GroupBy as By, Row};
use crate::read::records;
use crate::read::schema::Schema;
use crate::read::stuck;
use crate::view::status::states;
use serde::Serialize;
use serde_json::json;
use std::collections::HashMap;
use toygres_model::{names, time};
use toygres_plugin_api::context::Session;
use toygres_plugin_api::report::{Block, Column, Kind};
use toygres_plugin_api::shell::quote_option;
use toygres_plugin_api::{
    Args, Context, RecordTime, Report, Result, Schema as ResultSchema, ValueEnum,
};

/// List orchestrations with filters.
///
/// Latest first. Cancelled ones are those whose terminal record says so; pending ones lie in the
/// queue and have not begun.
#[derive(Args)]
#[command(
    category = "Orchestrations (Duroxide Diagnostics)",
    watchable,
    rows = OrchestrationRow,
    also = [Counted, Vec<Group>],
    examples = [
        "toygres server orchestrations --status failed --since 1d",
        "toygres server orchestrations --stuck",
        "toygres server orchestrations --group-by error",
        "toygres server orchestrations -o json | jq '.[] | select(.status == \"failed\")'"
    ]
)]
pub(crate) struct Orchestrations {
    /// Only these states (may be repeated)
    #[arg(long, short = 's', value_name = "STATUS")]
    status: Vec<Status>,
    /// Only these types, such as create-instance (may be repeated)
    #[arg(
        long = "type",
        short = 't',
        value_name = "TYPE",
        complete_values = [
            "create-instance - Make a database",
            "delete-instance - Unmake a database",
            "health-monitor - Ask a database again and again whether it answers"
        ]
    )]
    types: Vec<String>,
    /// Only those of this database instance, by either of its names
    #[arg(long, short = 'i', value_name = "NAME", complete = complete::instances)]
    instance: Option<String>,
    /// Only those that started since then
    #[arg(long, value_name = "TIME")]
    since: Option<RecordTime>,
    /// Only those that started before then
    #[arg(long, value_name = "TIME")]
    until: Option<RecordTime>,
    /// Only those that need somebody: no worker takes them, a lease expired, poisoned, a timer overdue,
    /// nothing will move them on
    #[arg(long)]
    stuck: bool,
    /// Only failed ones whose error contains this, in any case
    #[arg(long, value_name = "TEXT")]
    error_contains: Option<String>,
    /// Count by this instead of listing
    #[arg(long, value_name = "KEY", conflicts = ["count", "cursor"])]
    group_by: Option<GroupBy>,
    /// Only count
    #[arg(long, conflicts = ["cursor"])]
    count: bool,
    /// Show at most this many; 0 shows all
    #[arg(long, short = 'l', value_name = "N", default = "20")]
    limit: u64,
    /// Go on behind the end of an earlier list
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
}

/// A state of an orchestration.
#[derive(ValueEnum, Clone, Copy)]
enum Status {
    /// Begun, without a terminal record
    Running,
    /// Ended well
    Completed,
    /// Ended badly
    Failed,
    /// Ended by a cancellation
    Cancelled,
    /// Queued, not begun
    Pending,
}

/// What to count by.
#[derive(ValueEnum, Clone, Copy)]
enum GroupBy {
    /// The last part of the orchestration's name
    Type,
    /// The state
    Status,
    /// The error, its numbers left out
    Error,
}

/// The answer of `--count`.
#[derive(Serialize, ResultSchema)]
struct Counted {
    count: i64,
}

/// A row of `--group-by`: what was counted by stands under its own name.
#[derive(ResultSchema)]
#[allow(dead_code, reason = "only its schema is used: the first key depends on what was asked")]
struct Group {
    count: i64,
}

/// One orchestration.
#[derive(Serialize, ResultSchema)]
pub(crate) struct OrchestrationRow {
    id: String,
    #[serde(rename = "type")]
    kind: Option<String>,
    name: Option<String>,
    version: Option<String>,
    status: String,
    instance: Option<String>,
    k8s_name: Option<String>,
    execution: Option<i64>,
    parent_id: Option<String>,
    created_at: String,
    started_at: Option<String>,
    /// When its present execution began; a health monitor has a new one for each check.
    execution_started_at: Option<String>,
    completed_at: Option<String>,
    duration_ms: Option<i64>,
    /// By how much its end lies before its start, where the clock of a worker was off; its duration is
    /// not known then.
    clock_skew_ms: Option<i64>,
    cancel_requested: bool,
    error: Option<String>,
    /// Why it needs somebody; only with `--stuck`.
    stuck_reason: Option<String>,
}

pub(crate) async fn orchestrations(ctx: &Context, args: Orchestrations) -> Result<Report> {
    let cursor = args.cursor.as_deref().map(Cursor::parse).transpose()?;
    let session = ctx.db().snapshot().await?;
    let schema = Schema::look(ctx, &session).await?;
    let mut filter = Filter {
        statuses: args.status.iter().map(|status| status.name().to_owned()).collect(),
        types: args.types.iter().map(|name| names::short(name).to_owned()).collect(),
        instance: args.instance.clone(),
        since: resolved(&session, args.since.as_ref()).await?,
        until: resolved(&session, args.until.as_ref()).await?,
        error_contains: args.error_contains.clone(),
        ids: None,
    };
    let reasons = if args.stuck { stuck_reasons(&session, &schema).await? } else { HashMap::new() };
    if args.stuck {
        filter.ids = Some(reasons.keys().cloned().collect());
    }
    let report = if args.count {
        count(&session, &schema, &filter).await?
    } else if let Some(by) = args.group_by {
        groups(&session, &schema, &filter, by).await?
    } else {
        page(&session, &schema, &filter, &args, cursor.as_ref(), &reasons).await?
    };
    session.rollback().await?;
    Ok(report)
}

/// A bound by the clock of the database that holds the records.
async fn resolved(session: &Session, bound: Option<&RecordTime>) -> Result<Option<String>> {
    match bound {
        Some(bound) => Ok(Some(bound.resolve_in(session).await?.to_string())),
        None => Ok(None),
    }
}

/// Those that need somebody, each with why.
async fn stuck_reasons(session: &Session, schema: &Schema) -> Result<HashMap<String, String>> {
    let mut reasons = HashMap::new();
    let mut candidates = stuck::candidates(session, schema).await?;
    candidates.extend(stuck::failing(session, schema).await?);
    candidates.sort_unstable();
    candidates.dedup();
    for id in candidates {
        let Some(found) = records::find(session, schema, &id, None).await? else { continue };
        if found.is_terminal() {
            continue;
        }
        let diagnosis = records::explain(session, schema, &found).await?;
        if let Some(diagnosis) =
            diagnosis.filter(toygres_model::diagnosis::Diagnosis::needs_attention)
        {
            reasons.insert(id, diagnosis.summary);
        }
    }
    for id in stuck::immobile(session, schema).await? {
        if reasons.contains_key(&id) {
            continue;
        }
        let Some(found) = records::find(session, schema, &id, None).await? else { continue };
        let diagnosis = records::explain(session, schema, &found).await?;
        reasons.insert(id, diagnosis.map(|diagnosis| diagnosis.summary).unwrap_or_default());
    }
    Ok(reasons)
}

async fn page(
    session: &Session,
    schema: &Schema,
    filter: &Filter,
    args: &Orchestrations,
    cursor: Option<&Cursor>,
    reasons: &HashMap<String, String>,
) -> Result<Report> {
    let mut found = list::page(session, schema, filter, args.limit, cursor).await?;
    let total = found.first().and_then(|row| row.total);
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let more = args.limit > 0 && found.len() > limit;
    if more {
        found.truncate(limit);
    }
    let next = found.last().filter(|_| more).map(Cursor::after);
    let shown = found.len();
    let rows: Vec<OrchestrationRow> = found.into_iter().map(|row| told(row, reasons)).collect();
    let columns = [
        // An id is there to be copied: the others give way first.
        Column::new("id", "ID"),
        Column::new("type", "TYPE").shrink(),
        Column::new("status", "STATUS").kind(states()),
        Column::new("instance", "INSTANCE").shrink(),
        Column::new("started_at", "STARTED").kind(Kind::Ago),
        Column::new("duration_ms", "DURATION").kind(Kind::Duration),
        Column::new("version", "VERSION").wide(),
        Column::new("execution", "EXECUTION").wide(),
        Column::new("k8s_name", "K8S NAME").wide().shrink(),
        Column::new("completed_at", "COMPLETED").kind(Kind::Ago).wide(),
        Column::new("cancel_requested", "CANCEL REQUESTED").kind(Kind::Check).wide(),
        Column::new("parent_id", "PARENT").wide().shrink(),
        Column::new("error", "ERROR").wide().shrink(),
    ];
    let columns = if args.stuck { with_reason(columns.into()) } else { columns.into() };
    let mut report = Report::list(&rows).columns(columns).heading("Orchestrations");
    report = if rows.is_empty() {
        report.empty("No orchestrations found")
    } else {
        report
            .block(Block::text(counted(shown, total.filter(|_| more || cursor.is_some()), more)))
            .hint("Use 'toygres server orchestration <ID>' for details")
    };
    let skewed = rows.iter().filter_map(|row| row.clock_skew_ms.map(|ms| (row, ms)));
    if let Some((worst, ms)) = skewed.max_by_key(|(_, ms)| *ms) {
        report = report.warning(format!(
            "the end of `{}` lies {} before its start: the clock of a worker was off, and how long it \
             took is not known",
            worst.id,
            time::words(ms)
        ));
    }
    if let Some(next) = next {
        let of = total.map(|total| format!(" of {total}")).unwrap_or_default();
        report = report.note(format!(
            "showing {shown}{of}; see all with `--limit 0`, or go on with `{}`",
            quote_option("--cursor", next.text())
        ));
    }
    Ok(report)
}

/// How many there are; of a page, also how many are on it.
fn counted(shown: usize, total: Option<i64>, more: bool) -> String {
    let plural = if shown == 1 { "" } else { "s" };
    match total {
        Some(total) => format!("Showing {shown} of {total} orchestrations"),
        None if more => format!("Showing {shown} orchestration{plural}; there are more"),
        None => format!("{shown} orchestration{plural} found"),
    }
}

/// The reason takes the room of what the id tells already.
fn with_reason(columns: Vec<Column>) -> Vec<Column> {
    let told = ["type", "instance", "duration_ms"];
    let mut columns: Vec<Column> = columns
        .into_iter()
        .map(|column| if told.contains(&column.key.as_str()) { column.wide() } else { column })
        .collect();
    let usual = columns.iter().position(|column| column.key == "version").unwrap_or(columns.len());
    columns.insert(usual, Column::new("stuck_reason", "REASON").shrink());
    columns
}

fn told(row: Row, reasons: &HashMap<String, String>) -> OrchestrationRow {
    let k8s_name = row.cms_k8s_name.or_else(|| names::k8s_name(&row.id, &json!(null)));
    let instance = row.cms_user_name.or_else(|| {
        k8s_name.as_deref().map(|name| names::user_name(name, &json!(null)).to_owned())
    });
    let (started, ended) = (row.started_at.as_deref(), row.completed_at.as_deref());
    let duration = started.and_then(time::parse).zip(ended.and_then(time::parse));
    let failed = matches!(row.status.as_str(), "failed" | "cancelled");
    OrchestrationRow {
        kind: row.name.as_deref().map(|name| names::short(name).to_owned()),
        stuck_reason: reasons.get(&row.id).cloned(),
        id: row.id,
        name: row.name,
        version: row.version,
        status: row.status,
        instance,
        k8s_name,
        execution: row.execution_id,
        parent_id: row.parent_id,
        created_at: row.created_at,
        duration_ms: duration.filter(|(started, ended)| ended >= started).map(|(s, e)| e - s),
        clock_skew_ms: duration.filter(|(started, ended)| ended < started).map(|(s, e)| s - e),
        started_at: row.started_at,
        execution_started_at: row.execution_started_at,
        completed_at: row.completed_at,
        cancel_requested: row.cancel_requested,
        error: row.output.filter(|_| failed),
    }
}

async fn count(session: &Session, schema: &Schema, filter: &Filter) -> Result<Report> {
    let groups = list::groups(session, schema, filter, By::Nothing).await?;
    let count: i64 = groups.iter().map(|group| group.count).sum();
    let plural = if count == 1 { "" } else { "s" };
    Ok(Report::data(Counted { count })?.text(format!("{count} orchestration{plural} found")))
}

async fn groups(
    session: &Session,
    schema: &Schema,
    filter: &Filter,
    by: GroupBy,
) -> Result<Report> {
    let (by, key, title) = match by {
        GroupBy::Type => (By::Type, "type", "TYPE"),
        GroupBy::Status => (By::Status, "status", "STATUS"),
        GroupBy::Error => (By::Error, "error", "ERROR"),
    };
    let groups = list::groups(session, schema, filter, by).await?;
    let rows: Vec<serde_json::Value> =
        groups.into_iter().map(|group| json!({key: group.key, "count": group.count})).collect();
    let kind = if by == By::Status { states() } else { Kind::Text };
    Ok(Report::list(rows)
        .columns([
            Column::new(key, title).kind(kind).shrink(),
            Column::new("count", "COUNT").kind(Kind::Number),
        ])
        .empty("No orchestrations found")
        .heading("Orchestrations"))
}
