//! How everything is, in a file that the daemon keeps up to date.

use super::DatabaseStatus;
use crate::files;
use crate::folders::Folders;
use crate::kubelet::{Kubelet, PodStatus};
use crate::postgres::running;
use crate::process::Identity;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use toygres_plugin_api::{Error, Result};

/// Changes come in bursts; the file is written at most so often.
const PAUSE: Duration = Duration::from_millis(50);

/// A file that could not be written is tried again after so long.
const RETRY: Duration = Duration::from_secs(1);

/// How everything is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Overview {
    /// The daemon's process.
    pub(crate) pid: i32,
    /// Since when it runs, RFC 3339.
    pub(crate) since: String,
    /// The private PostgreSQL.
    pub(crate) database: DatabaseStatus,
    /// Every pod.
    pub(crate) pods: Vec<PodStatus>,
}

impl Overview {
    /// What the daemon that lives wrote.
    pub(crate) fn read(folders: &Folders) -> Result<Self> {
        files::read_json(&path(folders))?.ok_or_else(|| {
            Error::unavailable("the daemon of `toygres local` has not told how everything is")
                .hint("start it anew: toygres local down && toygres local up")
        })
    }
}

impl Overview {
    /// The server that it tells of and that is no more: a daemon that hangs does not notice.
    pub(crate) fn lost(&self, folders: &Folders) -> Option<i32> {
        let pid = self.database.pid?;
        let lives = Identity::of(pid).is_some();
        // Its file tells it from another process of its number, once it has written one.
        let its_own =
            || running(&folders.database()).is_some_and(|running| running.identity.pid == pid);
        (!lives || (self.database.ready && !its_own())).then_some(pid)
    }
}

/// Keeps the file.
pub(super) struct Keeper {
    pub(super) folders: Folders,
    pub(super) pid: i32,
    pub(super) since: String,
    pub(super) database: watch::Receiver<DatabaseStatus>,
    pub(super) kubelet: Arc<Kubelet>,
}

impl Keeper {
    /// Writes it now.
    pub(super) fn write(&self) -> Result<Overview> {
        let overview = self.look();
        files::write_fleeting(&path(&self.folders), &overview)?;
        Ok(overview)
    }

    /// Writes it whenever something changed.
    pub(super) async fn run(mut self, mut written: Overview) {
        let mut pods = self.kubelet.changes();
        loop {
            tokio::time::sleep(PAUSE).await;
            let now = self.look();
            if now != written && self.write().is_ok() {
                written = now.clone();
            }
            let unwritten = now != written;
            tokio::select! {
                // It could not be written (a full disk).
                () = tokio::time::sleep(RETRY), if unwritten => {}
                changed = pods.changed() => if changed.is_err() { return },
                changed = self.database.changed() => if changed.is_err() { return },
            }
        }
    }

    fn look(&self) -> Overview {
        Overview {
            pid: self.pid,
            since: self.since.clone(),
            database: self.database.borrow().clone(),
            pods: self.kubelet.pods(),
        }
    }
}

fn path(folders: &Folders) -> PathBuf {
    folders.local().join("overview.json")
}
