//! `cancel`.

use super::clear;
use super::orchestration::not_found;
use crate::complete;
use crate::read::records::{self, Found};
use crate::read::schema::Schema;
use crate::view::detail;
use crate::view::status::states;
use serde_json::{Value, json};
use std::time::Duration;
use toygres_model::diagnosis::Diagnosis;
use toygres_plugin_api::report::{Block, Field, Kind, Tone};
use toygres_plugin_api::shell::ShellCommand;
use toygres_plugin_api::{Args, Confirmation, Context, Error, ErrorKind, Report, Result};

/// Cancel a running orchestration.
///
/// Cancelling is cooperative: without `--wait` the answer is that it was requested. Cancelling what
/// has already ended changes nothing. Where an execution is recorded of what was never started, its
/// record is cleared, since no worker could stop it.
#[derive(Args)]
#[command(
    category = "Orchestrations (Duroxide Diagnostics)",
    mutating,
    route = "/orchestrations/{id}/cancel",
    examples = [
        "toygres server cancel create-testdb1-b2c3d4e5 --reason 'wrong size' --wait",
        "toygres server cancel health-proddb-a1b2c3d4 --force"
    ]
)]
pub(crate) struct Cancel {
    /// The orchestration's id
    #[arg(positional, value_name = "ORCHESTRATION_ID", complete = complete::live)]
    id: String,
    /// Recorded with the request
    #[arg(long, value_name = "TEXT", default = "cancelled by an operator")]
    reason: String,
    /// Wait for its terminal record
    #[arg(long)]
    wait: bool,
    /// With --wait: give up after this long
    #[arg(long, value_name = "DURATION", default = "60s")]
    timeout: Duration,
}

const LOOK_AGAIN: Duration = Duration::from_millis(250);

pub(crate) async fn cancel(ctx: &Context, args: Cancel) -> Result<Report> {
    let (found, diagnosis) = match look(ctx, &args.id).await {
        Err(error) if error.kind == ErrorKind::NotFound => {
            return clear::was_cleared(ctx, &args.id).await?.ok_or(error);
        }
        looked => looked?,
    };
    let data = detail::data(&found, diagnosis.as_ref());
    if let Some(unstarted) = &found.unstarted {
        return clear::clear(ctx, &found, unstarted, &data, &args.reason).await;
    }
    if found.is_terminal() {
        return ended(
            &args.id,
            &data,
            "already_terminal",
            format!("Already {}: nothing was changed", found.status),
        );
    }
    let confirmed = ctx
        .ui()
        .confirm(Confirmation::new("Are you sure you want to cancel?").preview(preview(&data)?))
        .await?;
    ctx.workflows().cancel(&confirmed, &args.id, &args.reason).await?;
    if !args.wait {
        return ended(
            &args.id,
            &data,
            "cancel_requested",
            "Cancel requested; the orchestration stops at its next turn".to_owned(),
        );
    }
    wait(ctx, &args).await
}

async fn look(ctx: &Context, id: &str) -> Result<(Found, Option<Diagnosis>)> {
    let session = ctx.db().snapshot().await?;
    let schema = Schema::look(ctx, &session).await?;
    let Some(found) = records::find(&session, &schema, id, None).await? else {
        return Err(not_found(&session, &schema, id).await?);
    };
    let diagnosis = records::explain(&session, &schema, &found).await?;
    session.rollback().await?;
    Ok((found, diagnosis))
}

/// What would happen.
fn preview(data: &Value) -> Result<Report> {
    let fields = [
        Field::new("ID", data["id"].clone()),
        Field::new("Type", data["type"].clone()),
        Field::new("Instance", data["instance"].clone()),
        Field::new("Status", data["status"].clone()).kind(states()),
        Field::new("Duration", data["duration_ms"].clone()).kind(Kind::Duration),
    ];
    let now = data["diagnosis"]["summary"].as_str().unwrap_or_default();
    Ok(Report::data(data)?
        .block(Block::remark(Tone::Warn, "Cancel Orchestration"))
        .block(Block::fields(fields))
        .block(Block::text(format!("Now: {now}")))
        .lines(consequences(data)))
}

/// What becomes of the orchestration and of its instance.
fn consequences(data: &Value) -> Vec<&'static str> {
    let incomplete = "The instance may be in an incomplete state.";
    let mut lines = vec!["This will stop the orchestration at its next turn."];
    lines.extend(match data["type"].as_str() {
        Some("create-instance") => vec![
            incomplete,
            "The control plane then marks it as failed and removes what was made of it.",
        ],
        Some("delete-instance") => vec![
            incomplete,
            "The control plane then marks it as failed, and it can be deleted again.",
        ],
        Some("health-monitor") => vec![
            "Nobody checks the health of the instance then, until `toygres server drift --auto-resolve`",
            "starts a monitor again.",
        ],
        _ => vec![incomplete],
    });
    lines
}

/// Waits for the terminal record.
async fn wait(ctx: &Context, args: &Cancel) -> Result<Report> {
    let deadline = tokio::time::Instant::now() + args.timeout;
    loop {
        let (found, diagnosis) = look(ctx, &args.id).await?;
        let data = detail::data(&found, diagnosis.as_ref());
        if found.is_terminal() {
            let said = match found.status.as_str() {
                "cancelled" => "Orchestration cancelled".to_owned(),
                other => format!("It ended before the cancellation: {other}"),
            };
            return ended(&args.id, &data, &found.status, said);
        }
        if tokio::time::Instant::now() >= deadline {
            let blocks = diagnosis.map(|diagnosis| diagnosis.summary).unwrap_or_default();
            return Err(Error::timed_out(format!(
                "`{}` has not ended within {} s; the cancellation stays requested",
                args.id,
                args.timeout.as_secs_f32()
            ))
            .cause(blocks)
            .hint(format!("watch it with `{}`", follow(&args.id))));
        }
        ctx.ui().progress(format!("waiting for `{}` to stop", args.id)).await;
        tokio::select! {
            () = tokio::time::sleep(LOOK_AGAIN) => {}
            () = ctx.cancelled() => {
                return Err(Error::new(ErrorKind::Interrupted, "interrupted"));
            }
        }
    }
}

/// The command that follows an orchestration.
fn follow(id: &str) -> ShellCommand {
    ShellCommand::new("toygres server orchestration").arg(id).flag("--follow")
}

/// The answer: what became of it.
pub(super) fn ended(id: &str, before: &Value, result: &str, said: String) -> Result<Report> {
    let data = json!({
        "id": id,
        "result": result,
        "type": before["type"],
        "instance": before["instance"],
        "status": before["status"],
        "message": said,
    });
    let tone = if result.starts_with("already_") { Tone::Plain } else { Tone::Good };
    let mut report = Report::data(data)?.block(Block::remark(tone, said));
    let changed = !matches!(result, "cleared" | "already_cleared");
    if let Some(instance) = before["instance"].as_str().filter(|_| changed) {
        let get = ShellCommand::new("toygres get").arg(instance);
        report = report.hint(format!("Check instance state with: {get}"));
        if result != "already_terminal" {
            report = match before["type"].as_str() {
                Some("create-instance") => report.note(
                    "the control plane removes what was made of the instance; until then, for about a \
                     minute, it is still told as creating",
                ),
                Some("health-monitor") => report.note(
                    "nobody checks the health of the instance any more: a monitor is started again with \
                     `toygres server drift --auto-resolve`",
                ),
                _ => report,
            };
        }
    }
    Ok(report)
}
