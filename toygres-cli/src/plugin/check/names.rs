//! Whose names the plugin takes.

use super::row::{Outcome, Row};
use crate::discover::Catalogue;
use std::collections::BTreeSet;
use std::path::Path;
use toygres_plugin_api::manifest::{Command, Manifest};

/// Names within the plugin, and names that other plugins here have.
pub(super) fn check(manifest: &Manifest, file: &Path, catalogue: &Catalogue) -> Vec<Row> {
    vec![within(manifest), installed(manifest, file, catalogue)]
}

fn within(manifest: &Manifest) -> Row {
    let mut seen = BTreeSet::new();
    let mut findings = Vec::new();
    for command in &manifest.commands {
        for name in names(command) {
            if !is_name(name) {
                findings.push(format!("`{name}` cannot be typed as the name of a command"));
            }
            if !seen.insert((command.scope as u8, name)) {
                findings.push(format!("`{name}` is there twice"));
            }
        }
    }
    if manifest.commands.is_empty() {
        findings.push("it has no command".to_owned());
    }
    let well = format!("{} commands", manifest.commands.len());
    let hint = "give each command a name of its own: lower case letters, digits and dashes";
    Row::of_findings("commands", Outcome::Failed, &findings, well, hint)
}

/// Another file of the same plugin, such as an older version of it, is no clash.
fn installed(manifest: &Manifest, file: &Path, catalogue: &Catalogue) -> Row {
    let file = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    let mut findings = Vec::new();
    for command in &manifest.commands {
        for name in names(command) {
            let Ok(Some(owned)) = catalogue.find(command.scope, name) else { continue };
            let same = owned.plugin.path.canonicalize().is_ok_and(|path| path == file);
            if !same && owned.manifest.name != manifest.name {
                let owner = &owned.manifest.name;
                findings.push(format!("plugin `{owner}` has the command `{name}` here"));
            }
        }
    }
    let hint = "where both are installed neither runs; give the command another name";
    let well = "no other plugin here has them";
    Row::of_findings("clashes", Outcome::Warning, &findings, well, hint)
}

fn names(command: &Command) -> impl Iterator<Item = &str> {
    std::iter::once(command.name.as_str()).chain(command.aliases.iter().map(String::as_str))
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c))
}
