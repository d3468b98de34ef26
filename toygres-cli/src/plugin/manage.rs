//! What the manager's commands that change something share: what they are given, and how they ask.

use super::policy::Policy;
use super::store::Store;
use super::{enable, install, remove, rollback, verify};
use crate::discover::{Catalogue, Folders, Found, OPENS_LIBRARIES};
use crate::lend::ui::ask_here;
use crate::output::Output;
use crate::settings::Environment;
use clap::{Arg, ArgMatches, Command};
use std::sync::Arc;
use toygres_plugin_api::protocol::Confirm;
use toygres_plugin_api::report::NoteLevel;
use toygres_plugin_api::{Error, Report, Result};

/// What a command of the manager is given.
#[derive(Debug)]
pub(crate) struct Manager<'a> {
    pub(crate) catalogue: &'a Catalogue,
    pub(crate) folders: &'a Folders,
    pub(crate) output: &'a Arc<Output>,
    /// Names the proxies of downloads.
    pub(crate) environment: &'a Environment,
    /// `--force`: no question is asked.
    pub(crate) force: bool,
}

/// A command that changes what is installed, or compares it with the lock file.
#[derive(Debug, Clone)]
pub enum Change {
    /// `plugin install`.
    Install(install::Install),
    /// `plugin remove`.
    Remove(remove::Remove),
    /// `plugin enable` and `plugin disable`.
    Enable(enable::Enable),
    /// `plugin rollback`.
    Rollback(rollback::Rollback),
    /// `plugin verify`.
    Verify(verify::Verify),
}

/// Why nothing can be installed into a binary that is linked statically.
fn opens_none() -> Error {
    Error::refused("this toygres is one static binary, which opens no plugin from a file")
        .cause("its plugins were linked in when it was built: see `toygres plugin list`")
        .hint(
            "install the toygres that is not static, or have one built with the plugin: \
             docs/packaging.md",
        )
}

/// Their part of the command line.
pub(super) fn commands() -> Vec<Command> {
    let mut commands = vec![install::command(), remove::command()];
    commands.extend(enable::commands());
    commands.extend([rollback::command(), verify::command(), super::exec::command()]);
    commands
}

impl Change {
    /// What clap found, where the command is one of these.
    pub(super) fn read(name: &str, matches: &ArgMatches) -> Option<Self> {
        Some(match name {
            "install" => Self::Install(install::Install::read(matches)),
            "remove" => Self::Remove(remove::Remove::read(matches)),
            "enable" | "disable" => Self::Enable(enable::Enable::read(name, matches)),
            "rollback" => Self::Rollback(rollback::Rollback::read(matches)),
            "verify" => Self::Verify(verify::Verify::read(matches)),
            _ => return None,
        })
    }

    pub(super) fn run(&self, manager: &Manager<'_>) -> Result<Report> {
        match self {
            Self::Install(_) | Self::Rollback(_) if !OPENS_LIBRARIES => Err(opens_none()),
            Self::Install(install) => install.run(manager),
            Self::Remove(remove) => remove.run(manager),
            Self::Enable(enable) => enable.run(manager),
            Self::Rollback(rollback) => rollback.run(manager),
            Self::Verify(verify) => verify.run(manager),
        }
    }
}

impl Manager<'_> {
    pub(super) fn policy(&self) -> &Policy {
        self.folders.policy()
    }

    /// The home folder's store.
    pub(super) fn store(&self) -> Result<Store> {
        let folder = self.folders.home().ok_or_else(|| {
            Error::usage("there is no home folder to install into")
                .hint("set HOME, or TOYGRES_HOME to the folder to use")
        })?;
        Store::open(folder, self.folders.owners(), || {
            self.output.remark(NoteLevel::Info, "another `toygres plugin` is at work; waiting");
        })
    }

    /// Asks before something is done that cannot be undone.
    ///
    /// # Errors
    /// `refused` when the operator declines or there is no terminal to ask on.
    pub(super) fn confirm(&self, preview: Report, question: String) -> Result<()> {
        if self.force {
            return Ok(());
        }
        let question = Confirm { preview, question, type_name: None };
        crate::runner::runtime()?.block_on(ask_here(self.output, &question))
    }
}

/// The argument `NAME`.
pub(super) fn name() -> Arg {
    Arg::new("name").required(true).value_name("PLUGIN").help("The plugin's name")
}

/// What was given for it.
pub(super) fn name_of(matches: &ArgMatches) -> String {
    matches.get_one::<String>("name").cloned().unwrap_or_default()
}

/// There is no such plugin among these; the nearest was perhaps meant.
pub(super) fn unknown(catalogue: &Catalogue, name: &str) -> Error {
    let names: Vec<String> = catalogue.plugins.iter().map(Found::name).collect();
    let hint = crate::cli::near_names(name, &names, "see them with `toygres plugin list`");
    Error::not_found(format!("there is no plugin `{name}`")).hint(hint)
}
