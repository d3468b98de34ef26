//! `toygres plugin remove`.

use super::lock::{Kept, Locked};
use super::manage::{Manager, name, name_of, unknown};
use crate::cli;
use crate::discover::{Found, Origin};
use clap::{ArgMatches, Command};
use serde::Serialize;
use std::path::PathBuf;
use toygres_plugin_api::report::{Block, Field};
use toygres_plugin_api::shell::ShellCommand;
use toygres_plugin_api::{Error, Report, Result};

/// What was asked for.
#[derive(Debug, Clone)]
pub struct Remove {
    name: String,
}

/// Its part of the command line.
pub(super) fn command() -> Command {
    Command::new("remove")
        .about("Remove a plugin of the home folder, with the versions kept of it")
        .arg(name())
        .arg(cli::Options::confirmation("Skip the confirmation"))
        .args(cli::Options::of_details())
}

/// What goes.
#[derive(Debug, Serialize)]
struct Removed {
    name: String,
    versions: Vec<String>,
    paths: Vec<String>,
    /// The library that is used from now on: one of the same name in another folder.
    now_used: Option<String>,
}

impl Remove {
    pub(super) fn read(matches: &ArgMatches) -> Self {
        Self { name: name_of(matches) }
    }

    pub(super) fn run(&self, manager: &Manager<'_>) -> Result<Report> {
        let copied = self.copied(manager);
        let mut store = manager.store()?;
        let locked = store.lock().get(&self.name).cloned();
        if locked.is_none() && copied.is_empty() {
            return Err(self.nothing(manager));
        }
        let versions: Vec<&Kept> = locked.iter().flat_map(Locked::versions).collect();
        let files = versions.iter().map(|kept| store.path(kept)).chain(copied.clone());
        let removed = Removed {
            name: self.name.clone(),
            versions: versions.iter().map(|kept| kept.version.clone()).collect(),
            paths: files.map(|path| path.display().to_string()).collect(),
            now_used: self.elsewhere(manager).map(|found| found.path.display().to_string()),
        };
        // Nobody waits for the answer: what is asked about is looked at again afterwards.
        drop(store);
        manager.confirm(preview(&removed)?, format!("Remove the plugin {}?", self.name))?;
        store = manager.store()?;
        if store.lock().get(&self.name) != locked.as_ref() {
            return Err(Error::failed(format!("the plugin `{}` was changed meanwhile", self.name))
                .hint("look at it with `toygres plugin list` and run the command again"));
        }
        store.remove(&self.name)?;
        for path in &copied {
            store.remove_copied(path)?;
        }
        let mut report = preview(&removed)?;
        if let Some(path) = &removed.now_used {
            report = report.note(format!("`{}` is now used from {path}", self.name));
        }
        Ok(report)
    }

    /// The libraries of this name that were copied into the home folder by hand.
    fn copied(&self, manager: &Manager<'_>) -> Vec<PathBuf> {
        let home = manager.catalogue.plugins.iter().filter(|found| found.origin == Origin::Home);
        let by_hand = home.filter(|found| found.locked.is_none() && found.name() == self.name);
        let libraries = by_hand.filter(|found| found.path.parent() == manager.folders.home());
        libraries.map(|found| found.path.clone()).collect()
    }

    fn elsewhere<'a>(&self, manager: &Manager<'a>) -> Option<&'a Found> {
        let mut others =
            manager.catalogue.plugins.iter().filter(|found| found.origin != Origin::Home);
        others.find(|found| found.name() == self.name && found.manifest.is_ok())
    }

    /// It is somewhere that is not the manager's to clear, or nowhere.
    fn nothing(&self, manager: &Manager<'_>) -> Error {
        let Some(found) = self.elsewhere(manager) else {
            return unknown(manager.catalogue, &self.name);
        };
        Error::refused(format!(
            "the plugin `{}` ({}) is not in the home folder",
            self.name,
            found.path.display()
        ))
        .hint(format!(
            "whoever put it there removes it; not to use it, run: {}",
            ShellCommand::new("toygres plugin disable").arg(&self.name)
        ))
    }
}

fn preview(removed: &Removed) -> Result<Report> {
    let mut fields = vec![
        Field::new("Plugin", removed.name.as_str()),
        Field::new("Versions", removed.versions.join(", ")),
    ];
    fields.extend(removed.paths.iter().map(|path| Field::new("File", path.as_str())));
    Ok(Report::data(removed)?.block(Block::fields(fields)))
}
