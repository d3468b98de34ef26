//! `toygres plugin enable` and `toygres plugin disable`.

use super::manage::{Manager, name, name_of, unknown};
use crate::cli;
use clap::{ArgMatches, Command};
use serde_json::json;
use toygres_plugin_api::report::{Block, Tone};
use toygres_plugin_api::{Error, Report, Result};

/// What was asked for.
#[derive(Debug, Clone)]
pub struct Enable {
    name: String,
    wanted: bool,
}

/// Their part of the command line.
pub(super) fn commands() -> [Command; 2] {
    [
        Command::new("enable").about("Use a plugin again that was disabled"),
        Command::new("disable").about("Keep a plugin, wherever it lies, but do not use it"),
    ]
    .map(|command| command.arg(name()).args(cli::Options::of_details()))
}

impl Enable {
    pub(super) fn read(command: &str, matches: &ArgMatches) -> Self {
        Self { name: name_of(matches), wanted: command == "enable" }
    }

    pub(super) fn run(&self, manager: &Manager<'_>) -> Result<Report> {
        let mut store = manager.store()?;
        let disabled = store.lock().disabled.contains(&self.name);
        let found = manager.catalogue.plugins.iter().find(|found| found.name() == self.name);
        if found.is_none() && !disabled {
            return Err(unknown(manager.catalogue, &self.name));
        }
        if self.wanted && !disabled && found.is_some_and(|found| found.disabled) {
            return Err(Error::refused(format!(
                "the plugin `{}` is disabled on this machine, not by you",
                self.name
            ))
            .hint("the owner of the machine enables it, in the lock file of the system"));
        }
        let changed = disabled == self.wanted;
        store.set_disabled(&self.name, !self.wanted)?;
        let state = if self.wanted { "enabled" } else { "disabled" };
        let data = json!({ "name": self.name, "enabled": self.wanted, "changed": changed });
        let already = if changed { "" } else { " already" };
        let said = format!("The plugin {} is{already} {state}.", self.name);
        Ok(Report::data(data)?.block(Block::remark(Tone::Good, said)))
    }
}
