//! `orchestration`.

use crate::complete;
use crate::read::checks::{self, Check};
use crate::read::records::{self, Found};
use crate::read::schema::Schema;
use crate::read::similar;
use crate::view::{detail, history, pending, status};
use serde_json::{Value, json};
use std::pin::Pin;
use std::time::Duration;
use toygres_model::diagnosis::Diagnosis;
use toygres_model::names;
use toygres_plugin_api::context::Session;
use toygres_plugin_api::report::{Block, TreeNode, Verdict};
use toygres_plugin_api::{Args, Context, Error, Report, Result};

/// Get details of a specific orchestration.
///
/// What has not ended comes with the reason why it is where it is; what failed with the root cause,
/// down through failed sub-orchestrations to the activity and its error.
#[derive(Args)]
#[command(
    category = "Orchestrations (Duroxide Diagnostics)",
    watchable,
    route = "/orchestrations/{id}",
    examples = [
        "toygres server orchestration create-proddb-a1b2c3d4 --history",
        "toygres server orchestration create-testdb1-b2c3d4e5 --pending",
        "toygres server orchestration create-testdb1-b2c3d4e5 --follow"
    ]
)]
pub(crate) struct Orchestration {
    /// The orchestration's id, or the beginning of one that no other id has
    #[arg(positional, value_name = "ID", complete = complete::orchestrations)]
    id: String,
    /// Show full execution history
    #[arg(long, short = 'h')]
    history: bool,
    /// Show pending activities and timers
    #[arg(long, short = 'p')]
    pending: bool,
    /// Draw what overlapped on one time axis
    #[arg(long)]
    timeline: bool,
    /// Show the tree of its sub-orchestrations
    #[arg(long)]
    tree: bool,
    /// Show this execution instead of the latest
    #[arg(long, value_name = "N")]
    execution: Option<u32>,
    /// Show it again and again until it ends; exit code 1 where it fails
    #[arg(long, follows, conflicts = ["execution"])]
    follow: bool,
}

/// Between two looks of `--follow`.
const LOOK_AGAIN: Duration = Duration::from_millis(1000);

pub(crate) async fn orchestration(ctx: &Context, args: Orchestration) -> Result<Report> {
    let (mut report, mut found) = look(ctx, &args).await?;
    if !args.follow {
        return Ok(report);
    }
    while !found.is_terminal() {
        ctx.ui().show(&report).await?;
        tokio::select! {
            () = tokio::time::sleep(LOOK_AGAIN) => {}
            () = ctx.cancelled() => return Err(Error::new(toygres_plugin_api::ErrorKind::Interrupted, "interrupted")),
        }
        (report, found) = look(ctx, &args).await?;
    }
    let verdict = if found.status == "completed" { Verdict::Clean } else { Verdict::Negative };
    Ok(report.verdict(verdict))
}

/// One look: all that was asked for, at one moment.
async fn look(ctx: &Context, args: &Orchestration) -> Result<(Report, Found)> {
    let session = ctx.db().snapshot().await?;
    let schema = Schema::look(ctx, &session).await?;
    let execution = args.execution.map(i64::from);
    let found = match records::find(&session, &schema, &args.id, execution).await? {
        Some(found) => found,
        None => by_prefix(&session, &schema, &args.id, execution).await?,
    };
    if execution.is_some() && found.shown().is_none() {
        let latest = found.latest.unwrap_or(1);
        return Err(Error::not_found(format!(
            "`{}` has no execution {}",
            found.records.id,
            execution.unwrap_or_default()
        ))
        .hint(format!("its executions are 1 to {latest}")));
    }
    let diagnosis = records::explain(&session, &schema, &found).await?;
    let tree = if args.tree { Some(tree(&session, &schema, &found, 0).await?) } else { None };
    let checks = match found.execution.filter(|_| args.history && found.latest > Some(1)) {
        Some(last) => checks::checks(&session, &schema, &found.records.id, last).await?,
        None => Vec::new(),
    };
    session.rollback().await?;
    Ok((report(args, &found, diagnosis.as_ref(), tree, &checks)?, found))
}

/// The one orchestration whose id begins as typed.
async fn by_prefix(
    session: &Session,
    schema: &Schema,
    typed: &str,
    execution: Option<i64>,
) -> Result<Found> {
    if let Some(id) = similar::by_prefix(session, schema, typed).await?
        && let Some(found) = records::find(session, schema, &id, execution).await?
    {
        return Ok(found);
    }
    Err(not_found(session, schema, typed).await?)
}

pub(crate) async fn not_found(session: &Session, schema: &Schema, id: &str) -> Result<Error> {
    let similar = similar::nearest(session, schema, id).await?;
    let hint = if similar.is_empty() {
        "see what there is with `toygres server orchestrations`".to_owned()
    } else {
        format!(
            "did you mean {}?",
            similar.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(" or ")
        )
    };
    Ok(Error::not_found(format!("there is no orchestration `{id}`")).hint(hint))
}

fn report(
    args: &Orchestration,
    found: &Found,
    diagnosis: Option<&Diagnosis>,
    tree: Option<(TreeNode, Value)>,
    checks: &[Check],
) -> Result<Report> {
    let steps = &found.records.steps;
    let mut data = detail::data(found, diagnosis);
    let mut blocks = detail::blocks(&data, found, diagnosis);
    if args.history {
        data["history"] =
            steps.iter().enumerate().map(|(n, step)| history::row(n + 1, step)).collect();
        blocks.push(Block::heading("Execution History:"));
        blocks.push(history::block(steps));
        blocks.push(Block::text(history::total(steps, detail::duration(found))));
        data["checks"] = checks.iter().map(Check::json).collect();
        if !checks.is_empty() {
            blocks.push(Block::section("Latest Checks", [history::checks()]));
        }
    }
    if args.pending {
        data["pending"] = pending::data(found);
        data["next_steps"] = json!(pending::next(diagnosis));
        data["last_events"] = pending::last_events(steps);
        blocks.extend(pending::blocks(&data, steps, found.records.now));
    }
    if args.timeline
        && let Some(timeline) = history::timeline(steps, found.records.now)
    {
        if data.get("history").is_none() {
            data["history"] =
                steps.iter().enumerate().map(|(n, step)| history::row(n + 1, step)).collect();
        }
        blocks.push(Block::heading("Timeline"));
        blocks.push(timeline);
    }
    if let Some((root, tree)) = tree {
        data["tree"] = tree;
        blocks.push(Block::heading("Sub-orchestrations"));
        blocks.push(Block::Tree { roots: vec![root] });
    }
    let mut report = Report::data(data)?;
    report.view = blocks;
    if found.latest.is_some_and(|latest| latest > 1) && args.execution.is_none() {
        report = report.hint("Use '--execution N' to see an earlier execution");
    }
    if !args.history {
        report = report.hint("Use '--history' to see full execution timeline");
    }
    Ok(report.heading(format!("Orchestration: {}", found.records.id)))
}

type Growing<'a> = Pin<Box<dyn Future<Output = Result<(TreeNode, Value)>> + 'a>>;

/// How deep and how wide the tree is drawn.
const DEEPEST: usize = 16;
const WIDEST: usize = 200;

/// The orchestration with those below it, for people and for machines.
fn tree<'a>(
    session: &'a Session,
    schema: &'a Schema,
    found: &'a Found,
    depth: usize,
) -> Growing<'a> {
    Box::pin(async move {
        let (mut nodes, mut data) = (Vec::new(), Vec::new());
        if depth < DEEPEST {
            for (step, id) in records::children(found).into_iter().take(WIDEST) {
                match records::find(session, schema, &id, None).await? {
                    Some(child) => {
                        let (node, value) = tree(session, schema, &child, depth + 1).await?;
                        nodes.push(node);
                        data.push(value);
                    }
                    None => {
                        nodes.push(TreeNode {
                            label: format!("{id}  {}", step.name),
                            remark: Some("no record of it".to_owned()),
                            ..leaf()
                        });
                        data.push(json!({"id": id, "type": step.name, "status": null, "error": null, "children": []}));
                    }
                }
            }
        }
        let records = &found.records;
        let kind = records.name.as_deref().map(names::short).unwrap_or("-");
        let node = TreeNode {
            tone: status::tone(&found.status),
            label: format!("{}  {kind}", records.id),
            remark: found.error.clone().or_else(|| Some(found.status.clone())),
            children: nodes,
        };
        let value = json!({
            "id": records.id, "type": kind, "status": found.status, "error": found.error, "children": data,
        });
        Ok((node, value))
    })
}

fn leaf() -> TreeNode {
    TreeNode {
        tone: toygres_plugin_api::report::Tone::Muted,
        label: String::new(),
        remark: None,
        children: Vec::new(),
    }
}
