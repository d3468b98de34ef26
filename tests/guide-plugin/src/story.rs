//! What duroxide says of a workflow.

// region: story
use serde_json::json;
use toygres_plugin_api::protocol::WorkflowStatus;
use toygres_plugin_api::report::{Block, Tone};
use toygres_plugin_api::{Args, Context, Error, Report, Result};

/// Say how a database came to be.
#[derive(Args)]
#[command(category = "Databases")]
pub(crate) struct DatabaseStory {
    /// Its name in Kubernetes
    #[arg(positional)]
    name: String,
}

pub(crate) async fn database_story(ctx: &Context, args: DatabaseStory) -> Result<Report> {
    let workflow = format!("create-{}", args.name);
    let (tone, end) = match ctx.workflows().status(&workflow).await? {
        WorkflowStatus::NotFound => {
            return Err(Error::not_found(format!("nobody made a database `{}`", args.name))
                .hint("see them with `toygres list`"));
        }
        WorkflowStatus::Completed { .. } => (Tone::Good, "it was made"),
        WorkflowStatus::Failed { .. } => (Tone::Bad, "it could not be made"),
        _ => (Tone::Active, "it is being made"),
    };
    let events = ctx.workflows().history(&workflow, None).await?;
    let data = json!({"name": args.name, "workflow": workflow, "events": events.len()});
    Ok(Report::data(data)?.block(Block::remark(tone, end)))
}
// endregion
