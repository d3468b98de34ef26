//! `toygres plugin enable` and `toygres plugin disable`.

use super::manage::{Manager, name, name_of, unknown};
use super::signer;
use super::store::Store;
use crate::cli;
use clap::{ArgMatches, Command};
use serde_json::json;
use toygres_plugin_api::report::{Block, Tone};
use toygres_plugin_api::shell::ShellCommand;
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
    .map(|command| match command.get_name() {
        "enable" => command.arg(cli::Options::confirmation(
            "Enable it even if the key that signed it is not pinned any more",
        )),
        _ => command,
    })
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
        if self.wanted && changed && !manager.force {
            self.check_signer(manager, &store)?;
        }
        store.set_disabled(&self.name, !self.wanted)?;
        let state = if self.wanted { "enabled" } else { "disabled" };
        let data = json!({ "name": self.name, "enabled": self.wanted, "changed": changed });
        let already = if changed { "" } else { " already" };
        let said = format!("The plugin {} is{already} {state}.", self.name);
        Ok(Report::data(data)?.block(Block::remark(Tone::Good, said)))
    }

    /// What would not be installed any more is not taken into use again either.
    fn check_signer(&self, manager: &Manager<'_>, store: &Store) -> Result<()> {
        let Some(locked) = store.lock().get(&self.name) else { return Ok(()) };
        match signer::objection(manager.policy(), &locked.current)? {
            Some(objection) => {
                let again =
                    ShellCommand::new("toygres plugin enable").arg(&self.name).flag("--force");
                Err(objection.refuse(&self.name, &locked.current.version, &again))
            }
            None => Ok(()),
        }
    }
}
