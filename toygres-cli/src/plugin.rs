//! `toygres plugin …`: what is installed, from where, and what is wrong with it. Nothing here opens a
//! library, but for `exec`, and for `check` in a process of its own.

mod check;
mod disk;
mod enable;
pub mod examine;
pub(crate) mod exec;
mod fetch;
mod info;
mod install;
mod list;
pub mod lock;
pub(crate) mod manage;
mod new;
pub mod policy;
mod remove;
mod rollback;
mod signature;
mod signer;
mod source;
pub mod store;
mod verify;
mod which;

use crate::cli;
use clap::{Arg, ArgMatches, Command};
use manage::Manager;
use toygres_plugin_api::{Report, Result};

/// What was asked of the manager.
#[derive(Debug, Clone)]
pub enum Action {
    /// `plugin list`.
    List,
    /// `plugin info NAME`.
    Info(String),
    /// `plugin which COMMAND…`.
    Which(Vec<String>),
    /// What changes or verifies what is installed.
    Change(manage::Change),
    /// `plugin new NAME`.
    New(new::New),
    /// `plugin check FILE`.
    Check(check::Check),
}

/// The manager's part of the command line.
pub(crate) fn command() -> Command {
    let name = |name: &'static str, help: &'static str| Arg::new(name).required(true).help(help);
    Command::new("plugin")
        .about("Install plugins, list them, and choose which are used")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommand(
            Command::new("list")
                .about("List every plugin found, with what is wrong with those not used")
                .arg(cli::Options::wide())
                .args(cli::Options::of_lists()),
        )
        .subcommand(
            Command::new("info")
                .about("Show what a plugin says of itself and its commands")
                .arg(
                    name("name", "The plugin's name, or the path of its library")
                        .value_name("PLUGIN"),
                )
                .args(cli::Options::of_details()),
        )
        .subcommand(
            Command::new("which")
                .about("Show which plugin owns a command, and its file")
                .arg(
                    name("command", "The command, such as `server orchestrations`")
                        .value_name("COMMAND")
                        .num_args(1..=2),
                )
                .args(cli::Options::of_details()),
        )
        .subcommands(manage::commands())
        .subcommand(new::command())
        .subcommand(check::command())
}

impl Action {
    /// What clap found.
    pub(crate) fn read(name: &str, matches: &ArgMatches) -> Self {
        let words = |id: &str| -> Vec<String> {
            matches.get_many::<String>(id).into_iter().flatten().cloned().collect()
        };
        if let Some(change) = manage::Change::read(name, matches) {
            return Self::Change(change);
        }
        match name {
            "info" => Self::Info(words("name").concat()),
            "which" => Self::Which(words("command")),
            "new" => Self::New(new::New::read(matches)),
            "check" => Self::Check(check::Check::read(matches)),
            _ => Self::List,
        }
    }

    /// Whether it changes what is installed, or compares it with the lock file.
    pub(crate) fn changes(&self) -> bool {
        matches!(self, Self::Change(_))
    }

    /// The answer.
    ///
    /// # Errors
    /// When there is no such plugin or command.
    pub(crate) fn report(&self, manager: &Manager<'_>) -> Result<Report> {
        let catalogue = manager.catalogue;
        match self {
            Self::List => Ok(list::report(catalogue, manager.folders)),
            Self::Change(change) => change.run(manager),
            Self::Info(name) => info::report(catalogue, name),
            Self::Which(words) => which::report(catalogue, words),
            Self::New(new) => new.report(manager.catalogue),
            Self::Check(check) => check.report(catalogue, manager.folders),
        }
    }
}
