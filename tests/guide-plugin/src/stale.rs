//! Rows of the database, for what was typed.

use serde::{Deserialize, Serialize};
use std::time::Duration;
use toygres_plugin_api::report::{Column, Kind};
use toygres_plugin_api::{Args, Candidate, Context, Report, Result, Schema, ValueEnum};

// region: arguments
/// List databases whose last backup is too old.
///
/// A database that was never backed up is not known here.
#[derive(Args)]
#[command(
    category = "Backups",
    watchable,
    rows = Backup,
    examples = ["toygres server stale-backups --older-than 2d --sort size"]
)]
pub(crate) struct StaleBackups {
    /// Only this database
    #[arg(positional, complete = databases)]
    database: Option<String>,
    /// Report backups older than this
    #[arg(long, default = "24h")]
    older_than: Duration,
    /// What comes first
    #[arg(long, default = "age")]
    sort: Sort,
}

#[derive(ValueEnum, PartialEq)]
pub(crate) enum Sort {
    /// The oldest backup
    Age,
    /// The largest backup
    Size,
}
// endregion

// region: rows
/// One row of the answer, and of the query.
#[derive(Serialize, Deserialize, Schema)]
struct Backup {
    database: String,
    finished_at: String,
    size_bytes: i64,
}

const STALE: &str = "
    SELECT database, max(finished_at) AS finished_at,
           (array_agg(size_bytes ORDER BY finished_at DESC))[1] AS size_bytes
    FROM acme.backups
    WHERE $1::text IS NULL OR database = $1
    GROUP BY database
    HAVING max(finished_at) < now() - $2::interval
    ORDER BY 2";

pub(crate) async fn stale_backups(ctx: &Context, args: StaleBackups) -> Result<Report> {
    let query = ctx.db().query(STALE).bind(args.database).bind(args.older_than);
    let mut rows: Vec<Backup> = query.fetch().await?;
    if args.sort == Sort::Size {
        rows.sort_by_key(|row| std::cmp::Reverse(row.size_bytes));
    }
    Ok(Report::list(rows).empty("Every backup is fresh").columns([
        Column::new("database", "DATABASE"),
        Column::new("finished_at", "LAST BACKUP").kind(Kind::Time),
        Column::new("size_bytes", "SIZE").kind(Kind::Bytes),
    ]))
}
// endregion

// region: completion
async fn databases(ctx: &Context, begun: &str) -> Result<Vec<Candidate>> {
    #[derive(Deserialize)]
    struct Known {
        database: String,
        backups: i64,
    }
    let sql = "SELECT database, count(*) AS backups FROM acme.backups \
               WHERE starts_with(database, $1) GROUP BY database ORDER BY database";
    let known: Vec<Known> = ctx.db().query(sql).bind(begun).fetch().await?;
    let candidate = |known: Known| {
        let help = format!("{} backups", known.backups);
        Candidate::new(known.database, help)
    };
    Ok(known.into_iter().map(candidate).collect())
}
// endregion
