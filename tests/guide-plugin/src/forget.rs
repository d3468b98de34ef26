//! A change, after a confirmation.

// region: forget
use serde::{Deserialize, Serialize};
use toygres_plugin_api::{Args, Bind, Confirmation, Context, Error, Report, Result, Schema, Time};

/// Forget the backups of a database.
#[derive(Args)]
#[command(category = "Backups", mutating, detail = Forgotten)]
pub(crate) struct ForgetBackup {
    /// The database
    #[arg(positional)]
    database: String,
    /// Only what was made before this
    #[arg(long)]
    before: Option<Time>,
}

#[derive(Serialize, Deserialize, Schema)]
struct Forgotten {
    database: String,
    backups: u64,
}

const WHICH: &str = "database = $1 AND ($2::timestamptz IS NULL OR finished_at < $2)";

pub(crate) async fn forget_backup(ctx: &Context, args: ForgetBackup) -> Result<Report> {
    let ForgetBackup { database, before } = args;
    let count = format!("SELECT count(*) AS backups FROM acme.backups WHERE {WHICH}");
    let query = ctx.db().query(count).bind(database.as_str()).bind(before.clone());
    let found: serde_json::Value = query.fetch_one().await?;
    let backups = found["backups"].as_u64().unwrap_or_default();
    if backups == 0 {
        return Err(Error::not_found(format!("there is no such backup of `{database}`"))
            .hint("see them with `toygres server backup-log`"));
    }
    let question = format!("Forget {backups} backups of `{database}`?");
    let confirmed = ctx.ui().confirm(Confirmation::new(question)).await?;

    let session = ctx.db().write(&confirmed).await?;
    let delete = format!("DELETE FROM acme.backups WHERE {WHICH}");
    let binds = vec![Bind::from(database.as_str()), Bind::from(before)];
    let backups = session.execute(&delete, binds).await?;
    session.commit().await?;
    Report::detail(Forgotten { database, backups })
}
// endregion
