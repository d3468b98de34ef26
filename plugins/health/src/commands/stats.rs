//! `stats`.

use crate::gather::Settings;
use crate::stats::{facts, prometheus, view};
use toygres_plugin_api::{Args, Context, RecordTime, Report, Result};

/// Show system-wide statistics and metrics.
///
/// What ended is read from roll-ups that the server keeps, the rest is counted now; both are told
/// apart under `sources`. A deployment without roll-ups gets an answer from a sample where there is
/// too much to count, and its bounds. The durations of activities are how long they ran, as the workers
/// measured it; how long they waited to be run is told apart. A deployment that does not measure them
/// has durations from scheduling to completion.
#[derive(Args)]
#[command(
    category = "System Health",
    watchable,
    detail = facts::Facts,
    formats = ["prometheus"],
    examples = [
        "toygres server stats --watch",
        "toygres server stats --since 1h -o json | jq '.activities.by_activity'",
        "toygres server stats -o prometheus",
    ]
)]
pub(crate) struct Stats {
    /// Count orchestrations that began, and activities that ended, since then
    #[arg(long, default = "24h", value_name = "TIME")]
    since: RecordTime,
}

pub(crate) async fn stats(ctx: &Context, args: Stats) -> Result<Report> {
    let settings = Settings::read(ctx).await?;
    let since = args.since.resolve(&ctx.db()).await?;
    let facts = facts::gather(ctx, settings, since.as_str()).await?;
    let text = prometheus::text(&facts);
    Ok(view::report(&facts)?.ready("prometheus", text))
}
