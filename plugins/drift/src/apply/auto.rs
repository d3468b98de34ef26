//! `drift --auto-resolve`: the simple part of a plan.

use super::{Applying, answering, failure};
use crate::commands::sync;
use crate::plan;
use crate::read::Sides;
use crate::settings::Settings;
use toygres_model::drift::Finding;
use toygres_model::instance::State;
use toygres_plugin_api::shell::ShellCommand;
use toygres_plugin_api::{Confirmation, Context, Result};

/// Brings the CMS up to the truth and monitors back, after a confirmation.
///
/// # Errors
/// `refused` where nobody confirms; what a step fails with.
pub(crate) async fn resolve(
    ctx: &Context,
    settings: &Settings,
    sides: &Sides,
    findings: &[Finding],
) -> Result<()> {
    let kept = sides.records.iter().filter(|record| record.state != State::Deleted);
    let mut plan = plan::resolve(ctx, settings, findings, kept.count()).await?.simple();
    for left in answering::keep_answering(&mut plan).await {
        ctx.ui().note(left).await;
    }
    if plan.steps.is_empty() && findings.is_empty() {
        return Ok(());
    }
    if plan.steps.is_empty() {
        ctx.ui().note("nothing of it is simple; see `toygres server sync --dry-run`").await;
        return Ok(());
    }
    let plan = plan::decided_again(ctx, settings, plan).await?;
    let question = sync::question(&plan);
    let question = Confirmation::new(question).preview(sync::told(&plan, true, None)?);
    let confirmed = ctx.ui().confirm(question).await.map_err(|error| {
        // Whatever else `sync` would do was not asked for.
        let force =
            ShellCommand::new("toygres server drift").flag("--auto-resolve").flag("--force");
        error.hint(format!("answer on a terminal, or use `{force}`"))
    })?;
    let applying = Applying { ctx, settings, confirmed: &confirmed, password: None };
    let done = applying.all(&plan).await?;
    for (step, became) in plan.steps.iter().zip(&done) {
        ctx.ui().note(format!("{}: {}", sync::word(became), step.text())).await;
    }
    match failure(&plan, &done) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}
