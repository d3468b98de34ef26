//! Answers too large to hold.

use serde::Deserialize;
use toygres_plugin_api::report::{StreamColumn, StreamKind};
use toygres_plugin_api::{Args, Context, Report, Result};

// region: stream
/// List every backup that was ever made.
#[derive(Args)]
#[command(category = "Backups", list)]
pub(crate) struct BackupLog;

pub(crate) async fn backup_log(ctx: &Context, _: BackupLog) -> Result<Report> {
    let sql = "SELECT database, finished_at, size_bytes FROM acme.backups ORDER BY finished_at";
    let rows = ctx.db().query(sql).stream().await?;
    Ok(Report::stream(rows.into_ref()))
}
// endregion

// region: writer
/// List the sizes of all backups, added up.
#[derive(Args)]
#[command(category = "Backups", list)]
pub(crate) struct BackupSizes;

#[derive(Deserialize)]
struct Backup {
    database: String,
    size_bytes: i64,
}

pub(crate) async fn backup_sizes(ctx: &Context, _: BackupSizes) -> Result<Report> {
    let column =
        |name: &str, kind| StreamColumn { name: name.to_owned(), type_name: String::new(), kind };
    let columns =
        vec![column("database", StreamKind::Text), column("total_bytes", StreamKind::Integer)];
    let mut out = ctx.stream(columns).await?;
    let report = Report::stream(out.reference());
    let sql = "SELECT database, size_bytes FROM acme.backups ORDER BY finished_at";
    let mut rows = ctx.db().query(sql).stream().await?;
    let mut total = 0;
    while let Some(batch) = rows.next_batch().await? {
        for n in 0..batch.rows() {
            let row: Backup = rows.read(&batch, n)?;
            total += row.size_bytes;
            if !out.push(&[Some(&row.database), Some(&total.to_string())]).await {
                return Ok(report);
            }
        }
    }
    out.finish().await;
    Ok(report)
}
// endregion
