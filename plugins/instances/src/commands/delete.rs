//! `delete`.

use crate::api::{self, Found};
use crate::complete;
use crate::instance::{Detail, Instance};
use crate::tell;
use crate::view::{detail, healths, states};
use crate::wait::{self, Goal, now};
use std::time::Duration;
use toygres_plugin_api::report::{Block, Field, Kind, Tone, Verdict};
use toygres_plugin_api::{Args, Confirmation, Context, Error, Report, Result};

/// Delete a database and everything in it.
///
/// Without `--wait` the answer is that it has begun. What is being deleted already is left to that.
#[derive(Args)]
#[command(
    scope = "top",
    category = "Databases",
    mutating,
    detail = Detail,
    examples = ["toygres delete mydb", "toygres delete mydb --force --wait"]
)]
pub(crate) struct Delete {
    /// Either of its names
    #[arg(positional, value_name = "NAME", complete = complete::names)]
    name: String,
    /// Wait until it is gone
    #[arg(long)]
    wait: bool,
    /// With --wait: give up after this long
    #[arg(long, value_name = "DURATION", default = "10m", requires = ["wait"])]
    timeout: Duration,
}

pub(crate) async fn delete(ctx: &Context, args: Delete) -> Result<Report> {
    let found = api::get(ctx, &args.name, false).await?;
    let begun = match found.instance.state.as_str() {
        "deleted" => return Err(gone(&found.instance)),
        "deleting" => {
            ctx.ui().note(format!("`{}` is being deleted already", found.instance.name)).await;
            found
        }
        _ => begin(ctx, &found.instance).await?,
    };
    if !args.wait {
        return detail::report(&begun, None, true, now());
    }
    let ended = wait::until(ctx, &begun.instance, Goal::Deleted, args.timeout).await?;
    ended_as(ctx, &ended)
}

fn gone(instance: &Instance) -> Error {
    let when = instance.deleted_at.as_deref().map(|at| format!(" at {at}")).unwrap_or_default();
    Error::not_found(format!("`{}` is deleted already", instance.name))
        .cause(format!("`{}` was deleted{when}", instance.k8s_name))
        .hint("see deleted ones with `toygres list --all`")
}

/// Asks, and deletes what was shown: by its name in Kubernetes, since its own may by then belong to
/// another.
async fn begin(ctx: &Context, instance: &Instance) -> Result<Found> {
    let question = Confirmation::new(format!("Delete `{}` and all its data?", instance.name))
        .preview(preview(instance)?)
        .type_name(instance.name.as_str());
    let confirmed = ctx.ui().confirm(question).await?;
    api::delete(ctx, &instance.k8s_name, &confirmed).await
}

fn preview(instance: &Instance) -> Result<Report> {
    let text = |label: &str, value: &Option<String>| Field::new(label, value.clone());
    let fields = [
        Field::new("Name", instance.name.as_str()),
        Field::new("Kubernetes name", instance.k8s_name.as_str()),
        Field::new("State", instance.state.as_str()).kind(states()),
        text("Health", &instance.health).kind(healths()),
        Field::new("PostgreSQL", instance.told_version()),
        Field::new("Storage", instance.storage_bytes).kind(Kind::Bytes),
        text("Address", &instance.address),
        text("Created", &instance.created_at).kind(Kind::TimeAgo),
    ];
    Ok(Report::data(instance)?
        .block(Block::remark(Tone::Warn, "Delete Instance"))
        .block(Block::fields(fields))
        .block(Block::text(
            "This will delete the database and everything in it. There is no way back.",
        )))
}

/// What became of it: exit code 1 where it is not gone.
fn ended_as(ctx: &Context, ended: &Found) -> Result<Report> {
    let report = detail::report(ended, None, !tell::draws(ctx), now())?;
    if ended.instance.state == "deleted" {
        return Ok(report);
    }
    let warning = format!("`{}` was not deleted", ended.instance.name);
    Ok(report.verdict(Verdict::Negative).warning(warning))
}

#[cfg(test)]
mod tests;
