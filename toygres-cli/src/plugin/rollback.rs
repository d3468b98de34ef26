//! `toygres plugin rollback`: a version that is kept becomes the one in use.

use super::examine::{examine, read};
use super::lock::{Kept, Locked};
use super::manage::{Manager, name, name_of, unknown};
use super::signer;
use crate::cli;
use crate::fault::Fault;
use crate::trusted::TrustedOwners;
use clap::{Arg, ArgMatches, Command};
use serde_json::json;
use std::path::Path;
use toygres_plugin_api::report::{Block, Field};
use toygres_plugin_api::shell::ShellCommand;
use toygres_plugin_api::{Error, Report, Result};

/// What was asked for.
#[derive(Debug, Clone)]
pub struct Rollback {
    name: String,
    to: Option<String>,
}

/// Its part of the command line.
pub(super) fn command() -> Command {
    Command::new("rollback")
        .about("Use the version of a plugin again that was in use before")
        .arg(name())
        .arg(
            Arg::new("to")
                .long("to")
                .value_name("VERSION|DIGEST")
                .help("A version that is kept, or the beginning of its digest"),
        )
        .arg(cli::Options::confirmation(
            "Use it even if the key that signed it is not pinned any more",
        ))
        .args(cli::Options::of_details())
}

impl Rollback {
    pub(super) fn read(matches: &ArgMatches) -> Self {
        Self { name: name_of(matches), to: matches.get_one::<String>("to").cloned() }
    }

    pub(super) fn run(&self, manager: &Manager<'_>) -> Result<Report> {
        let mut store = manager.store()?;
        let locked = store
            .lock()
            .get(&self.name)
            .cloned()
            .ok_or_else(|| unknown(manager.catalogue, &self.name))?;
        let wanted = self.wanted(&locked)?.clone();
        let path = store.path(&wanted);
        self.check(&path, &wanted, manager.folders.owners())
            .map_err(|fault| fault.of_kept(&others(&locked, &wanted)))?;
        let objection = match manager.force {
            true => None,
            false => signer::objection_to(manager.policy(), &wanted, &locked.current)?,
        };
        if let Some(objection) = objection {
            let (name, digest) = (&self.name, &wanted.sha256[..12]);
            let again = ShellCommand::new("toygres plugin rollback").arg(name);
            let again = again.option("--to", digest).flag("--force");
            return Err(objection.refuse(name, &wanted.version, &again));
        }
        store.switch(&self.name, &wanted.sha256)?;
        let data = json!({
            "name": self.name,
            "version": wanted.version,
            "sha256": wanted.sha256,
            "path": path.display().to_string(),
            "replaced_version": locked.current.version,
            "replaced_sha256": locked.current.sha256,
        });
        Ok(Report::data(data)?.block(Block::fields([
            Field::new("Plugin", self.name.as_str()),
            Field::new("Version", wanted.version.as_str()),
            Field::new("SHA256", wanted.sha256.as_str()),
            Field::new("Instead of", locked.current.version.as_str()),
        ])))
    }

    /// The bytes are what was kept, and this host would take them.
    fn check(&self, path: &Path, wanted: &Kept, owners: &TrustedOwners) -> Result<(), Fault> {
        if matches!(path.try_exists(), Ok(false)) {
            return Err(Fault::missing(&self.name, path, false));
        }
        let bytes = read(path, owners)?;
        let found = crate::digest::of(&bytes);
        if found != wanted.sha256 {
            return Err(Fault::digest(&self.name, path, &wanted.sha256, &found, false));
        }
        examine(path, &bytes).map(|_| ())
    }

    fn wanted<'a>(&self, locked: &'a Locked) -> Result<&'a Kept> {
        let Some(to) = &self.to else {
            return locked.previous.first().ok_or_else(|| {
                Error::not_found(format!(
                    "no version of `{}` before {} is kept",
                    self.name, locked.current.version
                ))
                .hint("install the one you want: toygres plugin install FILE")
            });
        };
        let named = |kept: &&Kept| {
            kept.version == *to || (to.len() >= 6 && kept.sha256.starts_with(to.as_str()))
        };
        locked.previous.iter().find(named).ok_or_else(|| {
            let kept: Vec<String> = locked.previous.iter().map(shown).collect();
            let kept = if kept.is_empty() { "none".to_owned() } else { kept.join(", ") };
            Error::not_found(format!("no version `{to}` of `{}` is kept", self.name))
                .hint(format!("kept are: {kept}"))
        })
    }
}

/// What else is kept.
fn others(locked: &Locked, wanted: &Kept) -> Vec<String> {
    let others = locked.previous.iter().filter(|kept| kept.sha256 != wanted.sha256);
    others.map(shown).collect()
}

fn shown(kept: &Kept) -> String {
    format!("{} ({})", kept.version, &kept.sha256[..12])
}
