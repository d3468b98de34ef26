//! `toygres plugin list`.

use super::lock::{Lock, Locked};
use crate::discover::locked::lock_path;
use crate::discover::opening::open_library;
use crate::discover::{Catalogue, Folders, Found, Origin, needs};
use crate::load::running_glibc;
use object::ReadCache;
use serde::Serialize;
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use toygres_plugin_api::Report;
use toygres_plugin_api::report::{Block, Column, Kind, State, Tone};

/// One library file.
#[derive(Debug, Serialize)]
struct Row {
    name: Option<String>,
    version: Option<String>,
    /// `ok`, `disabled`, `shadowed` or `refused`.
    status: &'static str,
    /// `locked`, `changed` since, `unlocked` (in no lock file) or `bundled`.
    lock: &'static str,
    commands: Vec<String>,
    path: String,
    origin: &'static str,
    abi: Option<String>,
    sdk: Option<String>,
    /// The digest in the lock file.
    sha256: Option<String>,
    /// Where it was installed from.
    source: Option<String>,
    /// The minisign key that signed it.
    signer: Option<String>,
    installed_at: Option<String>,
    /// The versions that can be gone back to, the latest first.
    kept: Vec<String>,
    /// What is wrong, by a stable word.
    fault: Option<&'static str>,
    message: Option<String>,
    hint: Option<String>,
}

pub(super) fn report(catalogue: &Catalogue, folders: &Folders) -> Report {
    let locks = Locks::read(folders);
    let rows: Vec<Row> =
        catalogue.plugins.iter().map(|found| Row::of(&with_glibc(found), &locks)).collect();
    let states = vec![
        State::new("ok", "OK", Tone::Good),
        State::new("disabled", "Disabled", Tone::Muted),
        State::new("shadowed", "Shadowed", Tone::Muted),
        State::new("refused", "Refused", Tone::Bad),
    ];
    let places: Vec<String> = folders.paths().map(|path| path.display().to_string()).collect();
    let mut report = Report::list(&rows)
        .columns([
            Column::new("name", "PLUGIN"),
            Column::new("version", "VERSION"),
            Column::new("status", "STATUS").kind(Kind::Status(states)),
            Column::new("commands", "COMMANDS").shrink(),
            Column::new("path", "PATH").shrink(),
            Column::new("origin", "ORIGIN").wide(),
            Column::new("lock", "LOCK").wide(),
            Column::new("sha256", "SHA256").wide(),
            Column::new("source", "SOURCE").wide(),
            Column::new("signer", "SIGNER").wide(),
            Column::new("installed_at", "INSTALLED").kind(Kind::Time).wide(),
            Column::new("kept", "KEPT").wide(),
            Column::new("abi", "ABI").wide(),
            Column::new("sdk", "SDK").wide(),
            Column::new("fault", "FAULT").wide(),
        ])
        .empty(format!("No plugin found in {}", places.join(", ")))
        .heading("Plugins");
    for row in rows.iter().filter(|row| row.message.is_some()) {
        let message = row.message.clone().unwrap_or_default();
        let hint = row.hint.clone().unwrap_or_default();
        report =
            report.block(Block::remark(Tone::Bad, message)).block(Block::text(format!("  {hint}")));
    }
    for wrong in folders.policy().warnings() {
        report = report.warning(wrong.clone());
    }
    for (_, _, fault) in catalogue.clashes() {
        report = report.warning(format!("{}; {}", fault.message, fault.hint));
    }
    report
}

/// The same with what is asked of a library only when it is opened: whether the machine's C library
/// is as new as it needs.
fn with_glibc(found: &Found) -> Cow<'_, Found> {
    if found.linked.is_some() || !found.is_used() {
        return Cow::Borrowed(found);
    }
    let needed = open_library(&found.path, &found.owners).and_then(|library| {
        needs::check(&found.path, &ReadCache::new(&library.file), running_glibc())
    });
    match needed {
        Ok(()) => Cow::Borrowed(found),
        Err(fault) => {
            let fault = found.manifest.as_ref().map_or(fault.clone(), |said| fault.claiming(said));
            Cow::Owned(Found { manifest: Err(fault), ..found.clone() })
        }
    }
}

/// What the lock files say; a broken one is a row of its own among the plugins.
struct Locks(Vec<(PathBuf, Locked)>);

impl Locks {
    fn read(folders: &Folders) -> Self {
        let locked = folders.places().filter(|(origin, _)| origin.has_lock());
        let plugins = locked.flat_map(|(_, folder)| {
            let lock = Lock::read(&lock_path(folder), folders.owners()).unwrap_or_default();
            let with_path = |locked: Locked| (folder.join(&locked.current.file), locked);
            lock.plugins.into_iter().map(with_path).collect::<Vec<_>>()
        });
        Self(plugins.collect())
    }

    fn of(&self, path: &Path) -> Option<&Locked> {
        self.0.iter().find(|(of, _)| of == path).map(|(_, locked)| locked)
    }
}

impl Row {
    fn of(found: &Found, locks: &Locks) -> Self {
        let locked = locks.of(&found.path);
        let current = locked.map(|locked| &locked.current);
        let manifest = found.manifest.as_ref().ok();
        let fault = found.manifest.as_ref().err();
        let shadow = found
            .shadowed_by
            .as_ref()
            .map(|path| format!("{} in an earlier folder has the same name", path.display()));
        let status = match (&fault, &shadow) {
            _ if found.disabled => "disabled",
            (Some(_), _) => "refused",
            (None, Some(_)) => "shadowed",
            (None, None) => "ok",
        };
        let lock = match (&found.locked, &fault) {
            _ if found.origin == Origin::Bundled => "bundled",
            (Some(_), Some(fault)) if matches!(fault.code, "digest" | "missing") => "changed",
            (Some(_), _) => "locked",
            (None, _) => "unlocked",
        };
        let commands = manifest.into_iter().flat_map(|manifest| &manifest.commands);
        Self {
            name: Some(found.name()),
            version: manifest
                .map(|manifest| manifest.version.clone())
                .or_else(|| current.map(|current| current.version.clone())),
            status,
            lock,
            commands: commands.map(|command| command.name.clone()).collect(),
            path: found.path.display().to_string(),
            origin: found.origin.name(),
            abi: manifest.map(|manifest| manifest.abi.clone()),
            sdk: manifest.map(|manifest| manifest.sdk.clone()),
            sha256: current.map(|current| current.sha256.clone()),
            source: current.and_then(|current| current.source.clone()),
            signer: current.and_then(|current| current.signer.clone()),
            installed_at: current.and_then(|current| current.installed_at.clone()),
            kept: locked
                .map(|locked| locked.previous.iter().map(|kept| kept.version.clone()).collect())
                .unwrap_or_default(),
            fault: fault.map(|fault| fault.code),
            message: fault.map(|fault| fault.message.clone()).or(shadow),
            hint: fault.map(|fault| fault.hint.clone()),
        }
    }
}
