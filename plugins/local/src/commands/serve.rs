//! `local serve`: what `local up` starts in the background.

use crate::daemon;
use crate::folders::Folders;
use crate::process::account;
use toygres_plugin_api::{Args, Context, Report, Result};

/// Run what `toygres local up` starts, in the foreground.
#[derive(Args)]
#[command(scope = "local", category = "Local", hidden, grace = "120s")]
pub(crate) struct Serve {
    /// Major version of the private PostgreSQL, where it has to be made
    #[arg(long, value_name = "MAJOR")]
    postgres_version: Option<u32>,
}

pub(crate) async fn serve(ctx: &Context, args: Serve) -> Result<Report> {
    let folders = Folders::lent(ctx).await?;
    folders.prepare(account::for_servers()?.as_ref())?;
    daemon::serve(ctx, folders, args.postgres_version).await?;
    Report::data(serde_json::json!({ "result": "stopped" }))
}
