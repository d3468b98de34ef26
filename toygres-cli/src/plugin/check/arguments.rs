//! What may be typed.

use super::row::{Outcome, Row};
use crate::cli;
use std::collections::BTreeSet;
use toygres_plugin_api::manifest::{Arg, ArgKind, Command, Manifest};
use toygres_plugin_api::typed::values;

/// Arguments that cannot all be typed, and defaults that could not be.
pub(super) fn check(manifest: &Manifest) -> Row {
    let findings: Vec<String> = manifest.commands.iter().flat_map(of_command).collect();
    let hint = "each argument has a name of its own, and a default that could be typed";
    Row::of_findings("arguments", Outcome::Failed, &findings, "all of them can be typed", hint)
}

fn of_command(command: &Command) -> Vec<String> {
    let mut findings = Vec::new();
    let (mut longs, mut shorts) = (BTreeSet::new(), BTreeSet::new());
    let mut say = |what: String| findings.push(format!("`{}`: {what}", command.name));
    for arg in &command.args {
        if let Some(long) = arg.long.as_deref().filter(|long| !longs.insert(*long)) {
            say(format!("`--{long}` is there twice"));
        }
        if let Some(short) = arg.short.filter(|short| !shorts.insert(*short)) {
            say(format!("`-{short}` is there twice"));
        }
        if arg.long.as_deref() == Some("help") {
            say("`--help` is the host's".to_owned());
        }
        if let Some(cause) = arg.default.as_ref().and_then(|text| wrong_default(arg, text)) {
            say(format!("the default of `{}`: {cause}", arg.id));
        }
    }
    for (arg, text) in positionals_behind(&command.args) {
        say(format!("`{}` {text}", arg.id));
    }
    findings
}

fn wrong_default(arg: &Arg, text: &str) -> Option<String> {
    if arg.kind == ArgKind::Enum {
        let known = arg.values.iter().any(|value| value.name == text);
        return (!known).then(|| format!("`{text}` is none of its values"));
    }
    let read = values::parse(arg.kind, text).and_then(|value| values::within(arg, value));
    read.err()
}

/// Positional arguments that nobody could reach.
fn positionals_behind(args: &[Arg]) -> Vec<(&Arg, &'static str)> {
    let mut found = Vec::new();
    let (mut optional, mut multiple) = (false, false);
    for arg in args.iter().filter(|arg| arg.positional) {
        if multiple {
            found.push((arg, "stands behind one that takes all the rest"));
        } else if optional && arg.required {
            found.push((arg, "must be given, but stands behind one that may be left out"));
        }
        optional |= !arg.required;
        multiple |= arg.multiple;
    }
    found
}

/// Options of the host that the command takes the name of: an operator loses the host's.
pub(super) fn host_options(manifest: &Manifest) -> Row {
    let mut findings = Vec::new();
    for command in &manifest.commands {
        let bare = Command { args: Vec::new(), ..command.clone() };
        for option in cli::Options::of_command(&bare) {
            let taken = |arg: &&Arg| arg.long.as_deref() == option.get_long();
            if let (Some(long), Some(_)) = (option.get_long(), command.args.iter().find(taken)) {
                findings.push(format!("`{}` takes the host's `--{long}`", command.name));
            }
        }
    }
    let hint = "the host leaves its own option away there; give the command's another name";
    let well = "none of the host's is taken";
    Row::of_findings("host-options", Outcome::Warning, &findings, well, hint)
}
