//! From manifests to clap.

use super::{help, options, own};
use crate::discover::{Catalogue, Owned};
use clap::{Arg, ArgAction, Command};
use toygres_plugin_api::manifest::{self, ArgKind, Scope};
use toygres_plugin_api::typed::argument;

/// Which commands get their options.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Detail<'a> {
    /// Those whose name was typed: with a hundred plugins, the others would cost more than all the
    /// rest of `--help`.
    Typed(&'a [String]),
    /// All of them, for manual pages.
    All,
}

impl Detail<'_> {
    fn wanted(self, named: impl Fn(&str) -> bool) -> bool {
        match self {
            Self::Typed(words) => words.iter().any(|word| named(word)),
            Self::All => true,
        }
    }
}

/// The whole command line.
pub(crate) fn root(catalogue: &Catalogue, detail: Detail<'_>) -> Command {
    // Whatever the file is called: hints and pages name `toygres`.
    let mut root = Command::new("toygres")
        .bin_name("toygres")
        .about("See into a PostgreSQL-as-a-service control plane: metadata, workflows, Kubernetes")
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .args(super::options::plugins())
        .subcommand(group(
            "server",
            "Manage and diagnose the control plane",
            Scope::Server,
            catalogue,
            detail,
        ))
        .subcommand(crate::plugin::command())
        .subcommand(
            Command::new("version")
                .about("Show the version of toygres and of its plugin border")
                .args(options::output(false)),
        );
    if catalogue.commands(Scope::Local).next().is_some() {
        let about = "Run everything on this machine";
        root = root.subcommand(group("local", about, Scope::Local, catalogue, detail));
    }
    for owned in catalogue.commands(Scope::Top) {
        root = root.subcommand(leaf(&owned, detail));
    }
    root.subcommands(own::commands())
}

/// `toygres server`: its help is grouped by category.
fn group(
    name: &'static str,
    about: &'static str,
    scope: Scope,
    catalogue: &Catalogue,
    detail: Detail<'_>,
) -> Command {
    let mut group = Command::new(name)
        .about(about)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true);
    if detail.wanted(|word| word == name) {
        group = group.override_help(help::grouped(name, about, scope, catalogue));
    }
    catalogue.commands(scope).fold(group, |group, owned| group.subcommand(leaf(&owned, detail)))
}

/// One command of a plugin.
fn leaf(owned: &Owned<'_>, detail: Detail<'_>) -> Command {
    let command = owned.command;
    let mut leaf = Command::new(command.name.clone())
        .about(command.about.clone())
        .visible_aliases(command.aliases.clone())
        .hide(command.hidden);
    let named =
        |word: &str| word == command.name || command.aliases.iter().any(|alias| alias == word);
    if !detail.wanted(named) {
        return leaf;
    }
    leaf = leaf.long_about(command.long_about.clone()).after_help(help::footer(owned));
    if command.args.iter().any(|arg| arg.short == Some('h')) {
        let help = Arg::new("help").long("help").help("Print help").action(ArgAction::Help);
        leaf = leaf.disable_help_flag(true).arg(help);
    }
    let is_text_typed = detail.wanted(is_text_with_dash);
    let argument = |declared: &manifest::Arg| {
        let arg = argument(declared);
        let is_text = declared.positional && declared.kind == ArgKind::Text;
        if is_text && is_text_typed { arg.allow_hyphen_values(true) } else { arg }
    };
    leaf.args(command.args.iter().map(argument)).args(options::for_command(command))
}

/// Whether a word begins with a dash and can be no option all the same, since a blank stands where
/// its name would: a statement may begin with a comment (`-- how many`).
fn is_text_with_dash(word: &str) -> bool {
    let Some(name) = word.strip_prefix('-') else { return false };
    let name = match name.strip_prefix('-') {
        Some(long) => long.split('=').next().unwrap_or_default(),
        None => &name[..name.chars().next().map_or(0, char::len_utf8)],
    };
    name.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::is_text_with_dash;

    #[test]
    fn a_comment_is_no_option() {
        for text in ["-- how many\nSELECT 1", "--how many", "--\nSELECT 1", "- item", "-- a=b"] {
            assert!(is_text_with_dash(text), "{text:?}");
        }
        for option in ["--", "-", "--limit", "--param=a b", "-fa b", "-x", "a - b", "--a=\n"] {
            assert!(!is_text_with_dash(option), "{option:?}");
        }
    }
}
