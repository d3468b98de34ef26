//! The pid file: the number alone on its first line, and a line of JSON with everything else.

use super::home;
use super::identity::Identity;
use super::options::{Mode, Typed};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;

/// What a server says of itself. Nothing in it is secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    #[serde(flatten)]
    pub(crate) identity: Identity,
    /// RFC 3339.
    pub(crate) started_at: String,
    /// The server's own.
    pub(crate) version: String,
    pub(crate) mode: Mode,
    /// Where its API is; a worker has none.
    pub(crate) url: Option<String>,
    /// The address that was asked for.
    pub(crate) bind: String,
    /// The port that was asked for; 0 is any.
    pub(crate) port: u16,
    /// Orchestrations and activities that it works on at a time; 0 where it only serves the API.
    pub(crate) workers: u32,
    pub(crate) log_level: String,
    pub(crate) log_file: String,
    /// The context of the configuration file.
    pub(crate) context: Option<String>,
    /// The options that were typed; `restart` keeps them.
    pub(crate) typed: Typed,
    /// Since when it has been ready, RFC 3339; `null` while it is not.
    pub(crate) ready_at: Option<String>,
    /// Why it is not.
    #[serde(default)]
    pub(crate) waits_for: Vec<String>,
    /// It was told to end.
    #[serde(default)]
    pub(crate) stopping: bool,
}

impl Record {
    /// What the file says; `None` where there is none, or not the whole of one.
    ///
    /// # Errors
    /// When a file that is there cannot be read.
    pub(crate) fn read(path: &Path) -> io::Result<Option<Self>> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(text.split_once('\n').and_then(|(_, json)| serde_json::from_str(json).ok()))
    }

    /// Its API has this port.
    pub(crate) fn listens_on(&self, port: u16) -> bool {
        let end = format!(":{port}");
        self.url.as_deref().is_some_and(|url| url.ends_with(&end))
    }

    /// Replaces the file.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        let json = serde_json::to_string(self)?;
        home::replace(path, &format!("{}\n{json}\n", self.identity.pid), 0o644)
    }
}
