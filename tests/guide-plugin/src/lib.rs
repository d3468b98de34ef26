//! The plugin of `docs/guide.md`. Each `region` here is a block there; the suite `guide` compares
//! both, and runs what the guide types.

mod checks;
mod forget;
mod log;
mod owner;
mod pods;
mod stale;
mod story;

use checks::{BackupChecks, backup_checks};
use forget::{ForgetBackup, forget_backup};
use log::{BackupLog, BackupSizes, backup_log, backup_sizes};
use owner::{BackupOwner, backup_owner};
use pods::{DatabasePods, database_pods};
use stale::{StaleBackups, stale_backups};
use story::{DatabaseStory, database_story};

// region: plugin
toygres_plugin_api::plugin! {
    name: "acme-backups",
    description: "What Acme knows of its databases' backups",
    needs: ["db", "kube", "workflows", "ui", "streams"],
    commands: [
        backup_owner,
        stale_backups,
        backup_log,
        backup_sizes,
        forget_backup,
        database_pods,
        database_story,
        backup_checks,
    ],
}
// endregion
