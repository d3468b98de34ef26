//! From manifests to clap.

use super::{help, options, values};
use crate::discover::{Catalogue, Owned};
use clap::builder::PossibleValue;
use clap::{Arg, ArgAction, Command};
use serde_json::Value;
use toygres_plugin_api::manifest::{self, ArgKind, Scope};

/// The whole command line. Only commands whose name was typed get their options: with a hundred
/// plugins, the others would cost more than all the rest of `--help`.
pub(super) fn root(catalogue: &Catalogue, typed: &[String]) -> Command {
    // Whatever the file is called: hints and pages name `toygres`.
    let mut root = Command::new("toygres")
        .bin_name("toygres")
        .about("See into a PostgreSQL-as-a-service control plane: metadata, workflows, Kubernetes")
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .args(
            super::options::output(false)
                .into_iter()
                .filter(|arg| arg.get_id() == "host.plugin-dir"),
        )
        .subcommand(group(
            "server",
            "Manage and diagnose the control plane",
            Scope::Server,
            catalogue,
            typed,
        ))
        .subcommand(crate::plugin::command())
        .subcommand(
            Command::new("version")
                .about("Show the version of toygres and of its plugin border")
                .args(options::output(false)),
        );
    if catalogue.commands(Scope::Local).next().is_some() {
        let about = "Run everything on this machine";
        root = root.subcommand(group("local", about, Scope::Local, catalogue, typed));
    }
    for owned in catalogue.commands(Scope::Top) {
        root = root.subcommand(leaf(&owned, typed));
    }
    root
}

/// `toygres server`: its help is grouped by category.
fn group(
    name: &'static str,
    about: &'static str,
    scope: Scope,
    catalogue: &Catalogue,
    typed: &[String],
) -> Command {
    let mut group = Command::new(name)
        .about(about)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true);
    if typed.iter().any(|word| word == name) {
        group = group.override_help(help::grouped(name, about, scope, catalogue));
    }
    catalogue.commands(scope).fold(group, |group, owned| group.subcommand(leaf(&owned, typed)))
}

/// One command of a plugin.
fn leaf(owned: &Owned<'_>, typed: &[String]) -> Command {
    let command = owned.command;
    let mut leaf = Command::new(command.name.clone())
        .about(command.about.clone())
        .visible_aliases(command.aliases.clone())
        .hide(command.hidden);
    let named = |word: &String| *word == command.name || command.aliases.contains(word);
    if !typed.iter().any(named) {
        return leaf;
    }
    leaf = leaf.long_about(command.long_about.clone()).after_help(help::footer(owned));
    if command.args.iter().any(|arg| arg.short == Some('h')) {
        let help = Arg::new("help").long("help").help("Print help").action(ArgAction::Help);
        leaf = leaf.disable_help_flag(true).arg(help);
    }
    leaf.args(command.args.iter().map(argument)).args(options::for_command(command))
}

/// One argument of a plugin's command.
fn argument(declared: &manifest::Arg) -> Arg {
    let mut arg = Arg::new(declared.id.clone())
        .help(declared.help.clone())
        .hide(declared.hidden)
        .conflicts_with_all(declared.conflicts.clone());
    for other in &declared.requires {
        arg = arg.requires(other.clone());
    }
    if !declared.positional {
        arg = arg.short(declared.short);
        if let Some(long) = &declared.long {
            arg = arg.long(long.clone());
        }
    }
    if declared.kind == ArgKind::Flag {
        return arg.action(ArgAction::SetTrue);
    }
    let name = declared.value_name.clone();
    arg = arg.value_name(name.unwrap_or_else(|| declared.id.to_uppercase()));
    arg = arg.required(declared.required);
    if let Some(default) = &declared.default {
        arg = arg.default_value(default.clone());
    }
    if declared.multiple {
        arg = arg.action(ArgAction::Append);
        if declared.kind == ArgKind::Enum {
            arg = arg.value_delimiter(',');
        }
    }
    if declared.kind == ArgKind::Integer || declared.kind == ArgKind::Float {
        arg = arg.allow_negative_numbers(true);
    }
    if declared.kind == ArgKind::Enum {
        let names: Vec<PossibleValue> = declared
            .values
            .iter()
            .map(|value| PossibleValue::new(value.name.clone()).help(value.help.clone()))
            .collect();
        let parser = clap::builder::PossibleValuesParser::new(names);
        return arg.value_parser(clap::builder::TypedValueParser::map(parser, Value::from));
    }
    let declared = declared.clone();
    arg.value_parser(move |typed: &str| {
        values::parse(declared.kind, typed).and_then(|value| values::within(&declared, value))
    })
}
