//! The smallest command.

// region: owner
use toygres_plugin_api::{Args, Context, Report, Result};

/// Say who looks after the backups.
#[derive(Args)]
pub(crate) struct BackupOwner;

pub(crate) async fn backup_owner(_: &Context, _: BackupOwner) -> Result<Report> {
    Report::detail(serde_json::json!({"team": "Acme databases", "phone": "555-0100"}))
}
// endregion
