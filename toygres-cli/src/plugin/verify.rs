//! `toygres plugin verify`: every file against the lock file that names it.

use super::lock::{Kept, Lock};
use super::manage::{Manager, unknown};
use crate::cli;
use crate::discover::{Origin, locked::lock_path, ownership};
use clap::{Arg, ArgMatches, Command};
use serde::Serialize;
use std::fs::File;
use std::path::Path;
use toygres_plugin_api::report::{Column, Kind, State, Tone, Verdict};
use toygres_plugin_api::{Report, Result};

/// What was asked for.
#[derive(Debug, Clone)]
pub struct Verify {
    name: Option<String>,
}

/// Its part of the command line.
pub(super) fn command() -> Command {
    Command::new("verify")
        .about("Compare every file with its digest in the lock file; exit 1 where one differs")
        .arg(Arg::new("name").value_name("PLUGIN").help("This plugin only"))
        .args(cli::Options::of_lists())
}

/// One file.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    version: Option<String>,
    /// `used`, or `kept` to go back to.
    role: &'static str,
    /// `ok`, `changed`, `missing`, `refused` (others may write it), or `unlocked`: in no lock file.
    status: &'static str,
    expected_sha256: Option<String>,
    found_sha256: Option<String>,
    reason: Option<String>,
    source: Option<String>,
    signer: Option<String>,
    path: String,
}

impl Verify {
    pub(super) fn read(matches: &ArgMatches) -> Self {
        Self { name: matches.get_one::<String>("name").cloned() }
    }

    pub(super) fn run(&self, manager: &Manager<'_>) -> Result<Report> {
        let mut rows = Vec::new();
        for (origin, folder) in manager.folders.places() {
            if origin.has_lock() {
                rows.extend(locked(folder, &Lock::read(&lock_path(folder))?));
            }
        }
        rows.extend(unlocked(manager));
        if let Some(name) = &self.name {
            rows.retain(|row| row.name == *name);
            if rows.is_empty() {
                return Err(unknown(manager.catalogue, name));
            }
        }
        Ok(report(&rows, manager.folders.why_strict().is_some()))
    }
}

fn locked(folder: &Path, lock: &Lock) -> Vec<Row> {
    let rows = lock.plugins.iter().flat_map(|locked| {
        locked.versions().enumerate().map(|(n, kept)| {
            let role = if n == 0 { "used" } else { "kept" };
            row(&locked.name, role, kept, &folder.join(&kept.file))
        })
    });
    rows.collect()
}

fn row(name: &str, role: &'static str, kept: &Kept, path: &Path) -> Row {
    let found = File::open(path).and_then(crate::digest::of_reader);
    let (status, found, reason) = match found {
        Err(error) => ("missing", None, Some(error.to_string())),
        Ok((found, _)) if found != kept.sha256 => ("changed", Some(found), None),
        Ok((found, _)) => match ownership::check(path) {
            Ok(_) => ("ok", Some(found), None),
            Err(fault) => ("refused", Some(found), Some(fault.message)),
        },
    };
    Row {
        name: name.to_owned(),
        version: Some(kept.version.clone()),
        role,
        status,
        expected_sha256: Some(kept.sha256.clone()),
        found_sha256: found,
        reason,
        source: kept.source.clone(),
        signer: kept.signer.clone(),
        path: path.display().to_string(),
    }
}

/// What is used although no lock file says anything of it.
fn unlocked(manager: &Manager<'_>) -> Vec<Row> {
    let files = manager.catalogue.plugins.iter().filter(|found| found.origin != Origin::Bundled);
    let unlocked = files.filter(|found| found.locked.is_none() && found.shadowed_by.is_none());
    let rows = unlocked.map(|found| {
        let digest = File::open(&found.path).and_then(crate::digest::of_reader).ok();
        Row {
            name: found.name(),
            version: found.manifest.as_ref().ok().map(|manifest| manifest.version.clone()),
            role: "used",
            status: "unlocked",
            expected_sha256: None,
            found_sha256: digest.map(|(digest, _)| digest),
            reason: found.manifest.as_ref().err().map(|fault| fault.message.clone()),
            source: None,
            signer: None,
            path: found.path.display().to_string(),
        }
    });
    rows.collect()
}

fn report(rows: &[Row], strict: bool) -> Report {
    let states = vec![
        State::new("ok", "OK", Tone::Good),
        State::new("unlocked", "Unlocked", Tone::Muted),
        State::new("changed", "Changed", Tone::Bad),
        State::new("missing", "Missing", Tone::Bad),
        State::new("refused", "Refused", Tone::Bad),
    ];
    let good = |row: &&Row| row.status == "ok" || (row.status == "unlocked" && !strict);
    let bad = rows.iter().filter(|row| !good(row)).count();
    let mut report = Report::list(rows)
        .columns([
            Column::new("name", "PLUGIN"),
            Column::new("version", "VERSION"),
            Column::new("role", "ROLE"),
            Column::new("status", "STATUS").kind(Kind::Status(states)),
            Column::new("expected_sha256", "EXPECTED").shrink(),
            Column::new("found_sha256", "FOUND").shrink(),
            Column::new("reason", "REASON").wide(),
            Column::new("signer", "SIGNER").wide(),
            Column::new("source", "SOURCE").wide(),
            Column::new("path", "PATH").wide(),
        ])
        .empty("No plugin is installed")
        .heading("Plugins against their lock file");
    if bad > 0 {
        let files = if bad == 1 { "1 file differs" } else { &format!("{bad} files differ") };
        report = report.verdict(Verdict::Negative).warning(format!(
            "{files} from the lock file; install those plugins again, or go back with `toygres \
             plugin rollback`"
        ));
    }
    report
}
