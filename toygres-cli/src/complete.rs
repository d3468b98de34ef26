//! Completion in shells.
//!
//! A small script in the shell hands over the words before the cursor at every press of the key;
//! here they are read against the manifests of the plugins that are there now. Only where a plugin
//! knows the values of the argument under the cursor is its library opened, that one alone, and
//! only for so long. Nothing is said on stderr, nothing is asked, and whatever goes wrong is no
//! candidate.

pub(crate) mod asked;
mod known;
mod lines;
mod plugin;
mod quote;

pub(crate) use asked::Asked;

use crate::cli::{self, Detail, Early};
use crate::discover::{Catalogue, Folders};
use crate::plugin::exec::{self, Half};
use crate::settings::Environment;
use clap::builder::PossibleValue;
use clap::{Command, ValueEnum};
use clap_complete::engine::CompletionCandidate;
use plugin::Values;
use std::ffi::OsString;
use std::sync::Arc;
use toygres_plugin_api::bundle::Bundled;

/// A shell that toygres knows how to complete in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shell {
    /// Bash, from 3.2 on.
    Bash,
    /// Zsh.
    Zsh,
    /// Fish.
    Fish,
    /// PowerShell.
    Powershell,
    /// Elvish.
    Elvish,
}

impl ValueEnum for Shell {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Bash, Self::Zsh, Self::Fish, Self::Powershell, Self::Elvish]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::Bash => PossibleValue::new("bash"),
            Self::Zsh => PossibleValue::new("zsh"),
            Self::Fish => PossibleValue::new("fish"),
            Self::Powershell => PossibleValue::new("powershell").alias("pwsh"),
            Self::Elvish => PossibleValue::new("elvish"),
        })
    }
}

impl Shell {
    /// The script that the shell reads once.
    #[must_use]
    pub fn script(self) -> &'static str {
        match self {
            Self::Bash => include_str!("complete/scripts/toygres.bash"),
            Self::Zsh => include_str!("complete/scripts/toygres.zsh"),
            Self::Fish => include_str!("complete/scripts/toygres.fish"),
            Self::Powershell => include_str!("complete/scripts/toygres.ps1"),
            Self::Elvish => include_str!("complete/scripts/toygres.elv"),
        }
    }
}

/// What a shell is to offer, as the text that its script reads.
#[must_use]
pub(crate) fn answer(asked: &Asked, bundled: &'static [Bundled]) -> String {
    let typed = asked.typed();
    let words: Vec<OsString> = typed.iter().map(OsString::from).collect();
    let early = Early::read(&words);
    let environment = Environment::read(early.trust_home);
    let folders = crate::runner::folders(&early, &environment, bundled);
    let catalogue = Arc::new(Catalogue::read(&folders));
    let line = |typed: &[String], catalogue: &Arc<Catalogue>| {
        candidates(typed, catalogue, &environment, &folders)
    };
    let found = match (named_command(&typed), exec::half(&typed, &catalogue, &folders)) {
        // Words that name a command are completed as the command itself would be.
        (Some(words), _) => only_commands(line(&words, &catalogue)),
        (None, Some(Half::Command(commands))) => {
            let offered = |(name, about): (String, String)| {
                CompletionCandidate::new(name).help(Some(about.into()))
            };
            commands.into_iter().map(offered).collect()
        }
        (None, Some(Half::Behind(words, alone))) => line(&words, &Arc::new(alone)),
        (None, None) => line(&typed, &catalogue),
    };
    lines::written(asked, found)
}

/// `help a b`, `man a b` and `plugin which a b` complete like `a b`.
fn named_command(typed: &[String]) -> Option<Vec<String>> {
    let words: Vec<&str> = typed.iter().skip(1).map(String::as_str).collect();
    let rest = match words.as_slice() {
        ["help" | "man", rest @ ..] | ["plugin", "which", rest @ ..] => rest,
        _ => return None,
    };
    let plain = !rest.is_empty() && rest.iter().all(|word| !word.starts_with('-'));
    plain.then(|| {
        let words = rest.iter().map(|word| (*word).to_owned());
        typed.iter().take(1).cloned().chain(words).collect()
    })
}

fn only_commands(mut found: Vec<CompletionCandidate>) -> Vec<CompletionCandidate> {
    found.retain(|one| one.get_id().is_some_and(|id| id.starts_with("command::")));
    found
}

/// What may stand for the last word.
fn candidates(
    typed: &[String],
    catalogue: &Arc<Catalogue>,
    environment: &Environment,
    folders: &Folders,
) -> Vec<CompletionCandidate> {
    let Some((begun, before)) = typed.split_last() else { return Vec::new() };
    let root = cli::root(catalogue, Detail::Typed(typed));
    let values = Values::new(&root, before, catalogue, environment, folders);
    let root = known::complete(root, catalogue, environment);
    let mut root = values.complete(root);
    let words: Vec<OsString> = typed.iter().map(OsString::from).collect();
    let (last, here) = (words.len() - 1, std::env::current_dir().ok());
    let found = clap_complete::engine::complete(&mut root, words, last, here.as_deref());
    let found = found.unwrap_or_default();
    if begun.is_empty() { without_options(found, values.were_asked()) } else { found }
}

/// Where nothing is typed yet, options would drown what belongs there; they are what is offered
/// where nothing else is.
fn without_options(
    mut found: Vec<CompletionCandidate>,
    value_belongs_here: bool,
) -> Vec<CompletionCandidate> {
    let is_option =
        |one: &CompletionCandidate| one.get_id().is_some_and(|id| id.starts_with("arg::"));
    if value_belongs_here || found.iter().any(|one| !is_option(one)) {
        found.retain(|one| !is_option(one));
    }
    found
}

/// Walks through a command and all below it, with the path of each.
fn at_every_depth(
    command: Command,
    path: &[String],
    change: &impl Fn(Command, &[String]) -> Command,
) -> Command {
    let below: Vec<String> =
        command.get_subcommands().map(|below| below.get_name().to_owned()).collect();
    let changed = below.into_iter().fold(command, |command, name| {
        let path: Vec<String> = path.iter().cloned().chain([name.clone()]).collect();
        command.mut_subcommand(name, |below| at_every_depth(below, &path, change))
    });
    change(changed, path)
}
