//! `db-status`.

use crate::status::facts::Facts;
use crate::status::{probe, view};
use toygres_plugin_api::{Args, Context, Report, Result};

/// Check the metadata database's health and statistics.
///
/// Row counts of small tables are exact, those of large ones PostgreSQL's estimates; each figure
/// says which. A figure that this role may not see, or that cannot be asked for over SQL, is left
/// open with the reason. Exit code 1 where the disk is full, 4 where a table may not be read.
#[derive(Args)]
#[command(
    category = "Database",
    watchable,
    detail = Facts,
    examples = ["toygres server db-status --verbose", "toygres server db-status -o json | jq .schemas"]
)]
pub(crate) struct DbStatus {
    /// Show indexes, dead rows, vacuum, long transactions, standbys, migrations and extensions
    #[arg(long, short)]
    verbose: bool,
}

pub(crate) async fn db_status(ctx: &Context, args: DbStatus) -> Result<Report> {
    let config = ctx.config();
    let cms = config.get("database.cms_schema").await?.unwrap_or_default();
    let duroxide = config.get("database.duroxide_schema").await?.unwrap_or_default();
    let facts = probe::facts(ctx, [&cms, &duroxide], args.verbose).await?;
    view::report(&facts, &cms)
}
