//! Rows for `toygres server health`.

// region: checks
use serde_json::{Value, json};
use toygres_plugin_api::{Args, Context, Report, Result};

/// Check that every database has a backup of this week.
#[derive(Args)]
#[command(category = "Backups", checks, list, hidden)]
pub(crate) struct BackupChecks;

pub(crate) async fn backup_checks(ctx: &Context, _: BackupChecks) -> Result<Report> {
    let sql = "SELECT database FROM acme.backups GROUP BY database \
               HAVING max(finished_at) < now() - interval '7 days' ORDER BY database";
    let late: Vec<Value> = ctx.db().query(sql).fetch().await?;
    let names: Vec<&str> = late.iter().filter_map(|row| row["database"].as_str()).collect();
    let summary = match names.len() {
        0 => "all are fresh".to_owned(),
        late => format!("{late} databases have none"),
    };
    Ok(Report::list([json!({
        "code": "AB0001",
        "category": "Backups",
        "component": "Acme",
        "description": "every database has a backup of this week",
        "severity": "warning",
        "outcome": if names.is_empty() { "ok" } else { "warning" },
        "summary": summary,
        "evidence": {"databases": names},
        "fix": ["toygres server stale-backups --older-than 7d"],
        "docs": null,
    })]))
}
// endregion
