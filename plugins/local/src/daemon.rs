//! The process that keeps everything up: it runs the private PostgreSQL, serves the stand-in for
//! Kubernetes and runs its pods.

mod answers;
mod database;
mod launch;
mod leftovers;
mod log;
mod overview;
mod serve;
mod state;
mod stop;

pub(crate) use answers::Answers;
pub(crate) use database::DatabaseStatus;
pub(crate) use launch::launch;
pub(crate) use leftovers::{Leftover, leftovers};
pub(crate) use log::Log;
pub(crate) use overview::Overview;
pub(crate) use serve::serve;
pub(crate) use state::{Phase, State};
pub(crate) use stop::{Stopped, stop};

use crate::folders::Folders;
use crate::lock::Lock;
use std::path::PathBuf;
use tokio::time::Instant;
use toygres_plugin_api::Result;

/// Held by the daemon for as long as it lives.
fn life_lock(folders: &Folders) -> PathBuf {
    folders.local().join("daemon.lock")
}

/// Whether a daemon lives.
pub(crate) fn is_alive(folders: &Folders) -> Result<bool> {
    Lock::is_held(&life_lock(folders))
}

/// Lets one `up` or `down` at a time work on a home folder; others wait.
pub(crate) async fn one_at_a_time(folders: &Folders, deadline: Instant) -> Result<Lock> {
    let path = folders.local().join("change.lock");
    Lock::take(&path, deadline, "another `toygres local up` or `down`").await
}
