//! `toygres plugin install`: trust first, then what the library is, then one change.

use super::examine::examine;
use super::lock::{Kept, is_digest};
use super::manage::Manager;
use super::signature::{self, Signed};
use super::source::{Offered, Source};
use super::store::{New, Store};
use crate::cli;
use crate::discover::OPENS_LIBRARIES;
use crate::fault::Fault;
use clap::{Arg, ArgMatches, Command};
use serde::Serialize;
use std::cmp::Ordering;
use std::path::{Path, PathBuf};
use toygres_plugin_api::manifest::{Manifest, Scope};
use toygres_plugin_api::report::{Column, Kind, State, Tone};
use toygres_plugin_api::shell::ShellCommand;
use toygres_plugin_api::{Error, Report, Result};

/// What was asked for.
#[derive(Debug, Clone)]
pub struct Install {
    source: String,
    sha256: Option<String>,
    keys: Vec<String>,
}

/// Its part of the command line.
pub(super) fn command() -> Command {
    let long = |id: &'static str, value: &'static str, help: &'static str| {
        Arg::new(id).long(id).value_name(value).help(help)
    };
    Command::new("install")
        .about("Install a plugin, or a newer version of one, and lock it by its digest")
        .long_about(
            "Install a plugin, or a newer version of one, and lock it by its digest.\n\nA folder's \
             libraries are installed all together or not at all. What comes from elsewhere needs \
             a signature of a pinned key, or its digest. The version before is kept: see `toygres \
             plugin rollback`.",
        )
        .arg(
            Arg::new("source")
                .required(true)
                .value_name("FILE|FOLDER|URL")
                .help("The library, a folder of libraries, or an https URL"),
        )
        .arg(long("sha256", "DIGEST", "The digest that the file has to have"))
        .arg(
            long(
                "key",
                "KEY",
                "A minisign public key that has to have signed it (may be repeated)",
            )
            .action(clap::ArgAction::Append),
        )
        .arg(cli::Options::confirmation(
            "Install it beside a plugin that has the same commands, or although it is older",
        ))
        .args(cli::Options::of_lists())
        .after_help(
            "Examples:\n  toygres plugin install target/release/libacme_backups.so\n  \
             toygres plugin install https://plugins.acme.example/backups-1.2.0.so --key RW…\n  \
             toygres plugin install ./backups.so --sha256 9f86d081884c7d65…",
        )
}

/// A library that may be installed.
struct Accepted {
    offered: Offered,
    manifest: Manifest,
    signed: Option<Signed>,
    /// The key that signed it is pinned for its source.
    pinned: bool,
}

/// One plugin, as it was installed.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    version: String,
    /// `installed`, `upgraded`, `downgraded`, `replaced` or `unchanged`.
    action: &'static str,
    replaced_version: Option<String>,
    commands: Vec<String>,
    sha256: String,
    size_bytes: u64,
    source: String,
    signer: Option<String>,
    /// What the signer says of the file.
    signer_comment: Option<String>,
    path: String,
}

impl Install {
    pub(super) fn read(matches: &ArgMatches) -> Self {
        let text = |id: &str| matches.get_one::<String>(id).cloned();
        let keys = matches.get_many::<String>("key").into_iter().flatten().cloned();
        Self {
            source: text("source").unwrap_or_default(),
            sha256: text("sha256").map(|digest| digest.to_ascii_lowercase()),
            keys: keys.collect(),
        }
    }

    pub(super) fn run(&self, manager: &Manager<'_>) -> Result<Report> {
        self.check_usage()?;
        let source = Source::of(&self.source, self.sha256.is_some())?;
        let owners = manager.folders.owners();
        let offered = source.read(self.sha256.is_none().then_some(owners), manager.environment)?;
        if self.sha256.is_some() && offered.len() > 1 {
            return Err(Error::usage("a digest is that of one file")
                .hint("give one library instead of the folder"));
        }
        let accepted = offered.into_iter().map(|offered| self.accept(offered, manager));
        let accepted = accepted.collect::<Result<Vec<_>>>()?;
        check_names(&accepted)?;
        if !manager.force {
            check_commands(&accepted, manager)?;
        }
        let mut store = manager.store()?;
        let rows = self.put(&accepted, &mut store, manager)?;
        Ok(report(rows, &accepted, manager))
    }

    fn check_usage(&self) -> Result<()> {
        if !OPENS_LIBRARIES {
            return Err(Error::refused(
                "this toygres has its plugins linked in and opens no others",
            )
            .hint("install the toygres that opens libraries"));
        }
        if let Some(digest) = self.sha256.as_ref().filter(|digest| !is_digest(digest)) {
            return Err(Error::usage(format!("`{digest}` is no SHA-256 digest"))
                .hint("it has 64 hexadecimal digits, as `sha256sum FILE` prints them"));
        }
        self.keys.iter().try_for_each(|key| signature::public(key).map(|_| ()))
    }

    /// Who answers for it comes before what it is.
    fn accept(&self, offered: Offered, manager: &Manager<'_>) -> Result<Accepted> {
        let path = offered.path.as_path();
        if let Some(expected) = &self.sha256 {
            let found = crate::digest::of(&offered.bytes);
            if *expected != found {
                return Err(Fault::not_as_asked(path, expected, &found).into());
            }
        }
        let pinned = manager.policy().keys_for(&offered.source)?;
        let mut keys: Vec<&str> = pinned.iter().map(|pinned| pinned.key.as_str()).collect();
        keys.extend(self.keys.iter().map(String::as_str));
        let signed = match keys.is_empty() {
            true => None,
            false => {
                let text = offered.signature.as_ref().map_err(Clone::clone)?.as_deref();
                Some(signature::check(path, &offered.bytes, text, &keys)?)
            }
        };
        if signed.is_none() && self.sha256.is_none() {
            may_be_unsigned(&offered, manager)?;
        }
        let is_pinned = |signed: &Signed| pinned.iter().any(|pinned| pinned.key == signed.key);
        let pinned = signed.as_ref().is_some_and(is_pinned);
        let manifest = examine(path, &offered.bytes).map_err(Fault::of_source)?;
        Ok(Accepted { offered, manifest, signed, pinned })
    }

    fn put(
        &self,
        accepted: &[Accepted],
        store: &mut Store,
        manager: &Manager<'_>,
    ) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        let mut new = Vec::new();
        for accepted in accepted {
            let kept = accepted.kept();
            let before = store.lock().get(&accepted.manifest.name).map(|locked| &locked.current);
            if self.sha256.is_none() {
                check_signer(accepted, before)?;
                if !manager.force {
                    check_age(accepted, before, manager)?;
                }
            }
            rows.push(accepted.row(before, &kept, store));
            new.push(New { name: &accepted.manifest.name, bytes: &accepted.offered.bytes, kept });
        }
        store.install(&new)?;
        Ok(rows)
    }
}

impl Accepted {
    fn kept(&self) -> Kept {
        Kept {
            version: self.manifest.version.clone(),
            file: PathBuf::new(),
            sha256: crate::digest::of(&self.offered.bytes),
            size: self.offered.bytes.len() as u64,
            source: Some(self.offered.source.clone()),
            signer: self.signed.as_ref().map(|signed| signed.key.clone()),
            pinned: self.pinned,
            target: Some(self.manifest.target.clone()),
            installed_at: Some(jiff::Timestamp::now().strftime("%FT%TZ").to_string()),
        }
    }

    fn row(&self, before: Option<&Kept>, kept: &Kept, store: &Store) -> Row {
        let manifest = &self.manifest;
        Row {
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            action: action(before, kept),
            replaced_version: before.map(|before| before.version.clone()),
            commands: manifest.commands.iter().map(|command| command.name.clone()).collect(),
            sha256: kept.sha256.clone(),
            size_bytes: kept.size,
            source: self.offered.source.clone(),
            signer: kept.signer.clone(),
            signer_comment: self.signed.as_ref().map(|signed| signed.comment.clone()),
            path: store.path_of(&manifest.name, &kept.sha256).display().to_string(),
        }
    }
}

fn action(before: Option<&Kept>, kept: &Kept) -> &'static str {
    let Some(before) = before else { return "installed" };
    if before.sha256 == kept.sha256 {
        return "unchanged";
    }
    match compare_versions(&kept.version, &before.version) {
        Ordering::Greater => "upgraded",
        Ordering::Less => "downgraded",
        Ordering::Equal => "replaced",
    }
}

/// Which is the newer one; what is no version of semver is compared by its numbers alone.
fn compare_versions(one: &str, other: &str) -> Ordering {
    match (semver::Version::parse(one), semver::Version::parse(other)) {
        (Ok(one), Ok(other)) => one.cmp_precedence(&other),
        _ => numbers(one).cmp(&numbers(other)),
    }
}

fn numbers(version: &str) -> Vec<u64> {
    let plain = version.split(['-', '+']).next().unwrap_or_default();
    plain.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

/// A signature tells who built it, not that it is the latest: whoever can choose what is offered
/// could bring back a version with a known hole.
fn check_age(accepted: &Accepted, before: Option<&Kept>, manager: &Manager<'_>) -> Result<()> {
    let Some(signed) = &accepted.signed else { return Ok(()) };
    let (name, version) = (&accepted.manifest.name, &accepted.manifest.version);
    let there = manager.catalogue.plugins.iter().filter(|found| found.is_used());
    let there = there.filter_map(|found| found.manifest.as_ref().ok());
    let there = there.filter(|manifest| manifest.name == *name);
    let used = before.map(|before| &before.version).into_iter();
    let used = used.chain(there.map(|manifest| &manifest.version));
    let newer = |used: &&String| compare_versions(used, version) == Ordering::Greater;
    let Some(used) = used.into_iter().find(newer) else { return Ok(()) };
    Err(Error::refused(format!("`{name}` {version} is older than {used}, which is in use"))
        .cause(format!("{} signed it, but does not say that it is the latest", signed.key))
        .hint(format!(
            "to go back to a version that is kept, run: {}; to install this one all the same, add \
             `--force`",
            ShellCommand::new("toygres plugin rollback").arg(name)
        )))
}

/// Nobody answers for it but where it lies.
fn may_be_unsigned(offered: &Offered, manager: &Manager<'_>) -> Result<()> {
    let what = offered.path.display();
    if offered.remote {
        return Err(Error::refused(format!("nobody answers for what is at {what}"))
            .cause("neither is a key pinned for that source, nor was its digest given")
            .hint(
                "give its digest with `--sha256 DIGEST` or its signer's key with `--key KEY`, or \
                 pin the key: [[plugins.keys]] in config.toml",
            ));
    }
    match manager.folders.why_strict() {
        None => Ok(()),
        Some(why) => Err(Error::refused(format!("nobody answers for {what}"))
            .cause(format!("only what is signed or named by its digest is installed ({why})"))
            .hint("give its digest with `--sha256 DIGEST`, or its signer's key with `--key KEY`")),
    }
}

/// What was signed is not replaced by what nobody signed.
fn check_signer(accepted: &Accepted, before: Option<&Kept>) -> Result<()> {
    let signer = before.and_then(|before| before.signer.as_ref());
    match (signer, &accepted.signed) {
        (Some(signer), None) => {
            let name = &accepted.manifest.name;
            Err(Error::refused(format!("the plugin `{name}` was signed, and this one is not"))
                .cause(format!("the one in use is signed by {signer}"))
                .hint(format!(
                    "check it with `--key {signer}`, or say which file you mean with `--sha256 \
                     DIGEST`"
                )))
        }
        _ => Ok(()),
    }
}

/// A name is that of one library.
fn check_names(accepted: &[Accepted]) -> Result<()> {
    for (n, second) in accepted.iter().enumerate() {
        let name = &second.manifest.name;
        if let Some(first) = accepted[..n].iter().find(|first| first.manifest.name == *name) {
            let fault = Fault::same_name(name, &first.offered.path, &second.offered.path);
            return Err(fault.of_source().into());
        }
    }
    Ok(())
}

/// Of two plugins with one command neither could be used by it.
fn check_commands(accepted: &[Accepted], manager: &Manager<'_>) -> Result<()> {
    let new = |name: &str| accepted.iter().any(|accepted| accepted.manifest.name == name);
    let there = manager.catalogue.plugins.iter().filter(|found| found.is_used());
    let there =
        there.filter_map(|found| Some((found.manifest.as_ref().ok()?, found.path.as_path())));
    let mut owners: Vec<(&Manifest, &Path)> =
        there.filter(|(manifest, _)| !new(&manifest.name)).collect();
    for accepted in accepted {
        let own = (&accepted.manifest, accepted.offered.path.as_path());
        for command in &accepted.manifest.commands {
            if let Some(owner) =
                owners.iter().find(|(manifest, _)| has(manifest, command.scope, &command.name))
            {
                let (new, owner) = ((own.0.name.as_str(), own.1), (owner.0.name.as_str(), owner.1));
                return Err(Fault::taken(new, &command.name, owner).into());
            }
        }
        owners.push(own);
    }
    Ok(())
}

fn has(manifest: &Manifest, scope: Scope, name: &str) -> bool {
    manifest.commands.iter().any(|command| command.scope == scope && command.name == name)
}

fn report(rows: Vec<Row>, accepted: &[Accepted], manager: &Manager<'_>) -> Report {
    let states = ["installed", "upgraded", "downgraded", "replaced", "unchanged"];
    let states = states.map(|state| State::new(state, state, Tone::Good));
    let mut report = Report::list(&rows).columns([
        Column::new("name", "PLUGIN"),
        Column::new("version", "VERSION"),
        Column::new("action", "ACTION").kind(Kind::Status(states.into())),
        Column::new("replaced_version", "BEFORE"),
        Column::new("commands", "COMMANDS").shrink(),
        Column::new("sha256", "SHA256").shrink(),
        Column::new("signer", "SIGNER").wide(),
        Column::new("source", "SOURCE").wide(),
        Column::new("path", "PATH").wide(),
    ]);
    for (row, accepted) in rows.iter().zip(accepted) {
        let name = &row.name;
        match &accepted.signed {
            Some(signed) => {
                // minisign puts tabs between the parts of its own comment.
                let comment: Vec<&str> = signed.comment.split_whitespace().collect();
                report = report.note(format!(
                    "`{name}` is signed by {}, which says: {}",
                    signed.key,
                    comment.join(" ")
                ));
            }
            None if matches!(accepted.offered.signature, Ok(Some(_))) => {
                report = report.warning(format!(
                    "the signature of `{name}` was not checked: no key is pinned for {}",
                    row.source
                ));
            }
            None => {}
        }
        if row.action == "downgraded" {
            let before = row.replaced_version.as_deref().unwrap_or_default();
            report = report.warning(format!(
                "`{name}` {} is older than {before}, which was in use",
                row.version
            ));
        }
        if let Some(earlier) = earlier(name, manager) {
            report = report
                .warning(format!("`{name}` is not used: {} goes before it", earlier.display()));
        }
        if manager.catalogue.plugins.iter().any(|found| found.disabled && found.name() == *name) {
            let enable = ShellCommand::new("toygres plugin enable").arg(name);
            report = report.warning(format!("`{name}` is disabled; enable it: {enable}"));
        }
    }
    report
}

/// A plugin of this name in a folder that is looked into before the home folder.
fn earlier<'a>(name: &str, manager: &Manager<'a>) -> Option<&'a Path> {
    let first = manager
        .catalogue
        .plugins
        .iter()
        .find(|found| found.manifest.as_ref().is_ok_and(|manifest| manifest.name == name))?;
    first.origin.is_before_home().then_some(first.path.as_path())
}

#[cfg(test)]
mod tests {
    use super::compare_versions;
    use std::cmp::Ordering;

    #[test]
    fn versions_are_compared_as_numbers() {
        for (newer, older) in
            [("1.10.0", "1.9.9"), ("2.0.0-rc.1", "1.9.9"), ("2.0.0", "2.0.0-rc.1"), ("1.10", "1.9")]
        {
            assert_eq!(compare_versions(newer, older), Ordering::Greater, "{newer}, {older}");
            assert_eq!(compare_versions(older, newer), Ordering::Less, "{newer}, {older}");
        }
        assert_eq!(compare_versions("1.2.3+build", "1.2.3"), Ordering::Equal);
    }
}
