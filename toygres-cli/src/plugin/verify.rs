//! `toygres plugin verify`: every file against the lock file that names it.

use super::lock::{Kept, Lock};
use super::manage::{Manager, unknown};
use super::signer;
use crate::cli;
use crate::discover::Origin;
use crate::discover::locked::lock_path;
use crate::discover::opening::{open_any_file, open_library};
use crate::fault::Fault;
use crate::trusted::TrustedOwners;
use clap::{Arg, ArgMatches, Command};
use serde::Serialize;
use std::fs::File;
use std::path::Path;
use toygres_plugin_api::report::{Column, Kind, State, Tone, Verdict};
use toygres_plugin_api::shell::ShellCommand;
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
    /// `ok`, `changed`, `missing`, `refused` (others may write it), `unlocked` (in no lock file),
    /// `revoked` (the key that signed it is not pinned for its source any more), or `unsigned` (keys
    /// are pinned for its source).
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
                let lock = Lock::read(&lock_path(folder), manager.folders.owners())?;
                rows.extend(locked(folder, &lock, manager));
            }
        }
        rows.extend(unlocked(manager));
        if let Some(name) = &self.name {
            rows.retain(|row| row.name == *name);
            if rows.is_empty() {
                return Err(unknown(manager.catalogue, name));
            }
        }
        let report = report(&rows, manager.folders.why_strict().is_some());
        Ok(manager.policy().warnings().fold(report, |report, wrong| report.warning(wrong.clone())))
    }
}

fn locked(folder: &Path, lock: &Lock, manager: &Manager<'_>) -> Vec<Row> {
    let rows = lock.plugins.iter().flat_map(|locked| {
        locked.versions().enumerate().map(|(n, kept)| {
            let role = if n == 0 { "used" } else { "kept" };
            row(&locked.name, role, kept, &folder.join(&kept.file), manager)
        })
    });
    rows.collect()
}

/// The digest of a file, and why it is not opened.
struct Seen {
    digest: Option<String>,
    fault: Option<Fault>,
}

/// What is digested is what is checked; of what is refused the digest is told all the same, as far
/// as it is a file.
fn see(path: &Path, owners: &TrustedOwners) -> Seen {
    let digest = |file: &File| crate::digest::of_reader(file).ok().map(|(digest, _)| digest);
    match open_library(path, owners) {
        Ok(library) => Seen { digest: digest(&library.file), fault: None },
        Err(fault) => {
            let file = open_any_file(path).ok();
            Seen { digest: file.as_ref().and_then(digest), fault: Some(fault) }
        }
    }
}

fn row(name: &str, role: &'static str, kept: &Kept, path: &Path, manager: &Manager<'_>) -> Row {
    let Seen { digest: found, fault } = see(path, manager.folders.owners());
    // Which keys are pinned is a warning of its own where that is not known.
    let objection = signer::objection(manager.policy(), kept).ok().flatten();
    let same = found.as_ref() == Some(&kept.sha256);
    let (status, reason) = match (&found, fault, objection) {
        (None, fault, _) => ("missing", fault.map(|fault| fault.message)),
        (Some(_), ..) if !same => ("changed", None),
        (Some(_), Some(fault), _) => ("refused", Some(fault.message)),
        (Some(_), None, Some(objection)) => {
            (objection.code(), Some(format!("it {}", objection.reason())))
        }
        (Some(_), None, None) => ("ok", None),
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
        let Seen { digest, .. } = see(&found.path, &found.owners);
        Row {
            name: found.name(),
            version: found.manifest.as_ref().ok().map(|manifest| manifest.version.clone()),
            role: "used",
            status: "unlocked",
            expected_sha256: None,
            found_sha256: digest,
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
        State::new("revoked", "Revoked", Tone::Bad),
        State::new("unsigned", "Unsigned", Tone::Bad),
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
    let of_signer = |row: &&Row| matches!(row.status, "revoked" | "unsigned");
    let signers: Vec<&Row> = rows.iter().filter(of_signer).collect();
    if bad > 0 {
        report = report.verdict(Verdict::Negative);
    }
    let differ = bad - signers.len();
    if differ > 0 {
        let files = if differ == 1 { "1 file differs" } else { &format!("{differ} files differ") };
        report = report.warning(format!(
            "{files} from the lock file; install those plugins again, or go back with `toygres \
             plugin rollback`"
        ));
    }
    for row in signers {
        let (version, reason) = (row.version.as_deref(), row.reason.as_deref());
        let remove = ShellCommand::new("toygres plugin remove").arg(&row.name);
        report = report.warning(format!(
            "`{}` {} ({}): {}; install a version that a pinned key signed, or remove it: {remove}",
            row.name,
            version.unwrap_or_default(),
            row.role,
            reason.unwrap_or_default(),
        ));
    }
    report
}
