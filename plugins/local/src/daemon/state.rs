//! What the daemon says of itself in a file, which `up`, `down` and `status` read.

use crate::files;
use crate::folders::Folders;
use crate::process::Identity;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use toygres_plugin_api::{Error, Result};

/// How far a daemon is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    /// Not everything is up yet.
    Starting,
    /// Everything is up.
    Ready,
    /// It takes everything down.
    Stopping,
    /// It could not bring everything up, and ended.
    Failed,
}

/// One daemon.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct State {
    /// Its process.
    pub(crate) identity: Identity,
    /// When it began, RFC 3339.
    pub(crate) since: String,
    /// How far it is.
    pub(crate) phase: Phase,
    /// What it does now, for people who wait.
    pub(crate) step: String,
    /// Why it failed.
    pub(crate) error: Option<Error>,
}

impl State {
    /// That of this process, at its beginning.
    pub(crate) fn own() -> Result<Self> {
        let identity = Identity::own()
            .ok_or_else(|| Error::failed("this process cannot be found among the others"))?;
        Ok(Self {
            identity,
            since: Timestamp::now().to_string(),
            phase: Phase::Starting,
            step: "starting".to_owned(),
            error: None,
        })
    }

    /// What the last daemon said; one that died may have said that it is ready.
    pub(crate) fn read(folders: &Folders) -> Result<Option<Self>> {
        files::read_json(&path(folders))
    }

    /// Says it.
    pub(crate) fn write(&self, folders: &Folders) -> Result<()> {
        files::write_json(&path(folders), self)
    }

    /// Says that it does something else now.
    pub(crate) fn step(&mut self, folders: &Folders, step: &str) -> Result<()> {
        step.clone_into(&mut self.step);
        self.write(folders)
    }

    /// Removes what was said.
    pub(crate) fn remove(folders: &Folders) -> Result<()> {
        files::remove_file(&path(folders))
    }
}

fn path(folders: &Folders) -> PathBuf {
    folders.local().join("daemon.json")
}
