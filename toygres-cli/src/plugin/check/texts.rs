//! What people read.

use super::row::{Outcome, Row};
use toygres_plugin_api::manifest::{ArgKind, Manifest};

/// A line of a list of commands, on a terminal of usual width.
const ABOUT: usize = 80;
const DESCRIPTION: usize = 120;
const HELP: usize = 400;

/// Commands and arguments that say nothing of themselves.
pub(super) fn help(manifest: &Manifest) -> Row {
    let mut silent = Vec::new();
    if manifest.description.is_empty() {
        silent.push("the plugin has no description".to_owned());
    }
    for command in &manifest.commands {
        let name = &command.name;
        if command.about.is_empty() {
            silent.push(format!("`{name}` has no help"));
        }
        for arg in command.args.iter().filter(|arg| !arg.hidden) {
            if arg.help.is_empty() {
                silent.push(format!("`{}` of `{name}` has no help", arg.id));
            }
            let values = arg.values.iter().filter(|_| arg.kind == ArgKind::Enum);
            let silent_values = values.filter(|value| value.help.is_empty());
            silent.extend(
                silent_values.map(|value| format!("`{}` of `{name}` has no help", value.name)),
            );
        }
    }
    let hint = "a doc comment is the help of what it stands on; `description` is in `plugin!`";
    Row::of_findings("help", Outcome::Warning, &silent, "everything says what it is", hint)
}

/// Texts that are too long for where they are shown.
pub(super) fn lengths(manifest: &Manifest) -> Row {
    let mut long = Vec::new();
    let mut measure = |what: String, text: &str, most: usize| {
        let length = text.chars().count();
        if length > most {
            long.push(format!("{what} has {length} letters of {most}"));
        }
        if text.chars().any(|c| c.is_control() && c != '\n') {
            long.push(format!("{what} has control characters"));
        }
    };
    measure("the description".to_owned(), &manifest.description, DESCRIPTION);
    for command in &manifest.commands {
        measure(format!("the first line of `{}`", command.name), &command.about, ABOUT);
        for arg in &command.args {
            measure(format!("the help of `{}` of `{}`", arg.id, command.name), &arg.help, HELP);
        }
    }
    let hint = "the first paragraph of a doc comment is one line; what is longer goes below it";
    Row::of_findings("texts", Outcome::Warning, &long, "all fit where they are shown", hint)
}
