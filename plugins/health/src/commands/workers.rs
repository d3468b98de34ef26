//! `workers`.

use crate::gather::Settings;
use crate::workers::{facts, view};
use toygres_plugin_api::{Args, Context, Report, Result};

/// Show workers: what they do, hold and did, and what waits for them.
///
/// A process works on several activities at once and is as many workers; it writes heartbeats, and is
/// considered lost after two missed ones. Lost ones are shown for 15 minutes.
/// Leases are duroxide's own: it records no worker on them, so each is given to the worker whose
/// heartbeat tells of the same activity, and to nobody where none does. What cannot be known is
/// `null` in machine formats, with the reason.
#[derive(Args)]
#[command(
    category = "System Health",
    watchable,
    detail = facts::Facts,
    examples = [
        "toygres server workers --watch",
        "toygres server workers -o json | jq '.workers[] | select(.status == \"lost\")'",
    ]
)]
pub(crate) struct Workers {}

pub(crate) async fn workers(ctx: &Context, _: Workers) -> Result<Report> {
    let settings = Settings::read(ctx).await?;
    view::report(&facts::gather(ctx, settings).await?)
}
