//! From manifests to clap, and from what was typed to one command and its arguments.

mod build;
mod help;
mod options;
mod own;
mod refusal;
mod suggest;

pub(crate) use build::{Detail, root};
pub use options::{Early, Options};
pub(crate) use own::words_of;
pub use toygres_plugin_api::typed::values;

use crate::complete::Shell;
use crate::discover::{Catalogue, Found, Owned};
use crate::fault::Fault;
use crate::man::Pages;
use crate::render::style;
use clap::Command;
use clap::error::{ContextKind, ErrorKind as Clap};
use serde_json::{Map, Value};
use std::ffi::OsString;
use toygres_plugin_api::manifest::Scope;
use toygres_plugin_api::typed::arguments;
use toygres_plugin_api::{Error, ErrorKind};

/// What was asked for.
#[derive(Debug)]
pub enum Action<'a> {
    /// A plugin's command.
    Run {
        /// Which.
        owned: Owned<'a>,
        /// Argument id → value.
        args: Map<String, Value>,
    },
    /// `toygres plugin …`.
    Plugins(crate::plugin::Action),
    /// `toygres version`.
    Version,
    /// `toygres completions SHELL`.
    Completions(Shell),
    /// `toygres man …`.
    Man(Pages),
}

/// Why there is nothing to run.
#[derive(Debug)]
pub enum Stop {
    /// Help or a version was asked for: stdout, exit 0.
    Help(String),
    /// Nothing was asked for: help on stderr, exit 2.
    Missing(String),
    /// It was asked wrongly.
    Error(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// Reads what was typed, program name included.
///
/// # Errors
/// Help, or what is wrong and what would have been right.
pub fn parse<'a>(
    argv: &[OsString],
    catalogue: &'a Catalogue,
) -> Result<(Action<'a>, Options), Stop> {
    let typed: Vec<String> = argv.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let mut root = root(catalogue, Detail::Typed(&typed));
    let matches = root.try_get_matches_from_mut(argv);
    let matches = matches.map_err(|error| refuse(error, &root, &typed, catalogue))?;
    let (first, below) =
        matches.subcommand().ok_or_else(|| Error::usage("a command is missing"))?;
    let action = match first {
        "version" => return Ok((Action::Version, Options::read(below)?)),
        "help" => return parse(&own::as_help(argv.first(), own::words_of(below)), catalogue),
        // A script's question that makes no sense has no candidates, and is not answered with a
        // script, which the shell would take for some.
        "completions" if below.contains_id("at") => return Err(Stop::Help(String::new())),
        "completions" => {
            let shell = below.get_one::<Shell>("shell").copied();
            let shell = shell.ok_or_else(|| Error::usage("a shell is missing"))?;
            return Ok((Action::Completions(shell), Options::read(below)?));
        }
        "man" => return Ok((Action::Man(Pages::read(below)), Options::read(below)?)),
        "plugin" => {
            let (name, found) =
                below.subcommand().ok_or_else(|| Error::usage("a command is missing"))?;
            let action = crate::plugin::Action::read(name, found);
            return Ok((Action::Plugins(action), Options::read(found)?));
        }
        "server" => below.subcommand().map(|(name, found)| (Scope::Server, name, found)),
        "local" => below.subcommand().map(|(name, found)| (Scope::Local, name, found)),
        name => Some((Scope::Top, name, below)),
    };
    let (scope, name, found) = action.ok_or_else(|| Error::usage("a command is missing"))?;
    let owned = catalogue.find(scope, name).map_err(Error::from)?;
    let owned = owned.ok_or_else(|| Error::usage(format!("there is no command `{name}`")))?;
    let args = arguments(&owned.command.args, found);
    let mut options = Options::read(found)?;
    options.show_secrets |=
        owned.command.args.iter().any(|arg| arg.reveals && found.get_flag(&arg.id));
    Ok((Action::Run { owned, args }, options))
}

/// Clap's refusal in our words; a command that a broken plugin may own is that plugin's fault.
fn refuse(error: clap::Error, root: &Command, typed: &[String], catalogue: &Catalogue) -> Stop {
    let text = style::page(&error.render().to_string());
    match error.kind() {
        Clap::DisplayHelp | Clap::DisplayVersion => return Stop::Help(text),
        Clap::DisplayHelpOnMissingArgumentOrSubcommand => return Stop::Missing(text),
        Clap::MissingRequiredArgument if asks_help(typed, catalogue) => {
            // `-h` belongs to the command, but without what the command needs it is help.
            let mut long: Vec<OsString> =
                typed.iter().filter(|arg| *arg != "-h").map(OsString::from).collect();
            long.push("--help".into());
            return match parse(&long, catalogue) {
                Err(stop) => stop,
                Ok(_) => Stop::Help(text),
            };
        }
        Clap::InvalidUtf8 => return Stop::Error(not_text(typed)),
        // A group without any command takes what follows for an argument.
        Clap::InvalidSubcommand | Clap::UnknownArgument => {
            let named = error
                .get(ContextKind::InvalidSubcommand)
                .or_else(|| error.get(ContextKind::InvalidArg))
                .map(ToString::to_string)
                .filter(|name| !name.starts_with('-'));
            if let Some(name) = named {
                let said = refusal::error(&error, root, &named_in(root, typed), typed);
                return Stop::Error(no_command(&name, said, root, typed, catalogue));
            }
        }
        _ => {}
    }
    Stop::Error(refusal::error(&error, root, &named_in(root, typed), typed))
}

/// An argument that is not UTF-8, named by its option or its place: the value may be a secret.
fn not_text(typed: &[String]) -> Error {
    let broken = |word: &String| word.contains(char::REPLACEMENT_CHARACTER);
    let place = typed.iter().position(broken).unwrap_or_default();
    let before = place.checked_sub(1).and_then(|before| typed.get(before));
    let option = match typed.get(place).and_then(|word| word.split_once('=')) {
        Some((name, _)) if name.starts_with('-') => Some(name),
        _ => before.map(String::as_str).filter(|word| word.starts_with('-')),
    };
    let subject = match option {
        Some(option) => format!("invalid value of `{option}`"),
        None => format!("invalid argument {place}"),
    };
    Error::usage(format!("{subject}: not UTF-8")).hint("give it in UTF-8")
}

/// The command that was typed, as far as there is one: what stands behind it may be wrong, and is
/// not said again.
fn named_in<'a>(root: &'a Command, typed: &[String]) -> Vec<&'a str> {
    let (mut command, mut named) = (root, Vec::new());
    // Options of toygres itself may stand before the command, and no other.
    let own = |word: &str| {
        word.starts_with("--plugin-dir") || word == "--strict" || word == "--trust-home"
    };
    let other = typed.iter().position(|word| word.starts_with('-') && !own(word));
    for word in suggest::words(&typed[..other.unwrap_or(typed.len())]) {
        let Some(below) = command.find_subcommand(word) else { break };
        named.push(below.get_name());
        command = below;
    }
    named
}

/// Why these words name no command, and which was perhaps meant: as `help` says it.
pub(crate) fn unknown(words: &[String], catalogue: &Catalogue) -> Error {
    match parse(&own::as_help(None, words.to_vec()), catalogue) {
        Err(Stop::Error(error)) => error,
        _ => Error::usage(format!("there is no command `{}`", words.join(" ")))
            .hint("see what there is with `toygres --help`"),
    }
}

/// A hint for a word that is none of these names: those that are near, and where all are listed.
pub(crate) fn near_names(typed: &str, names: &[String], list: &str) -> String {
    meant(&suggest::near_names(typed, names), list)
}

/// The same for a command of a plugin, as `plugin which` takes it.
pub(crate) fn near_commands(words: &[String], catalogue: &Catalogue, list: &str) -> String {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let wrong = words.len().saturating_sub(1);
    meant(&suggest::near(catalogue, &Command::new("toygres"), &words, wrong), list)
}

fn meant(near: &[String], list: &str) -> String {
    match suggest::either(near) {
        Some(meant) => format!("did you mean {meant}? {list}"),
        None => list.to_owned(),
    }
}

/// Nobody has this command: the fault of the plugin that would, else what was perhaps meant, else
/// the faults that may hide it.
fn no_command(
    name: &str,
    mut said: Error,
    root: &Command,
    typed: &[String],
    catalogue: &Catalogue,
) -> Error {
    if let Some(fault) = owner_fault(name, catalogue) {
        return fault;
    }
    let words = suggest::words(typed);
    let wrong = words.iter().position(|word| *word == name);
    // A word too many behind a command is no command that was mistyped.
    let group = wrong.is_some_and(|wrong| {
        wrong < 2 && matches!(words[..wrong], [] | ["server" | "local" | "plugin"])
    });
    if group && wrong != Some(0) {
        // Clap takes it for an argument where the group has no command at all.
        said.message = format!("unrecognized subcommand `{name}`");
    }
    let bare = !catalogue.plugins.iter().any(Found::is_used);
    // A command of a plugin, typed where there is none, is no slip of another one.
    let slip = group && !(bare && matches!(words.first(), Some(&("server" | "local"))));
    let near = wrong.filter(|_| slip).map(|wrong| suggest::near(catalogue, root, &words, wrong));
    let mut near = near.unwrap_or_default();
    if bare && group {
        // Without plugins a command's own name is no slip of one that toygres itself has elsewhere.
        near.retain(|command| !command.contains(' '));
    }
    let near: Vec<String> = near.iter().map(|command| format!("toygres {command}")).collect();
    let Some(meant) = suggest::either(&near) else {
        let without = || (group && bare).then(|| without_plugins(said.clone()));
        return hidden_by_faults(name, catalogue).or_else(without).unwrap_or(said);
    };
    let help = said.hint.as_deref().and_then(|hint| hint.rsplit("; ").next()).unwrap_or_default();
    said.hint = Some(format!("did you mean {meant}? {help}"));
    said
}

/// `-h` was typed for a command that has given `-h` a meaning of its own.
fn asks_help(typed: &[String], catalogue: &Catalogue) -> bool {
    let own = |owned: Owned<'_>| owned.command.args.iter().any(|arg| arg.short == Some('h'));
    let command = [Scope::Server, Scope::Local, Scope::Top].into_iter().any(|scope| {
        catalogue.commands(scope).any(|owned| typed.contains(&owned.command.name) && own(owned))
    });
    command && typed.iter().any(|arg| arg == "-h")
}

/// The fault of the plugin that says it has a command nobody else has.
fn owner_fault(name: &str, catalogue: &Catalogue) -> Option<Error> {
    let clash = catalogue.clashes().into_iter().find(|(_, claimed, _)| claimed == name);
    if let Some((_, _, fault)) = clash {
        return Some(fault.into());
    }
    let owner = catalogue.faults().find(|fault| fault.claims.iter().any(|claimed| claimed == name));
    owner.map(|fault| fault.clone().into())
}

/// The faults of plugins that do not even say which commands they have.
fn hidden_by_faults(name: &str, catalogue: &Catalogue) -> Option<Error> {
    if let Some(fault) = catalogue.disabled(name) {
        return Some(fault.into());
    }
    let silent: Vec<&Fault> = catalogue.faults().filter(|fault| fault.claims.is_empty()).collect();
    let first = silent.first()?;
    let mut error = Error::new(
        ErrorKind::Plugin,
        format!("no usable plugin has the command `{name}`; it may belong to one that is broken"),
    )
    .hint(first.hint.clone());
    for fault in &silent {
        error = error.cause(&fault.message);
    }
    Some(error)
}

/// The same where no plugin is used: nearly all commands are theirs.
fn without_plugins(said: Error) -> Error {
    said.cause("no plugin is in use, and most commands are those of plugins").hint(
        "see where they are looked for with `toygres plugin list`, and get one with \
         `toygres plugin install FILE|FOLDER|URL`",
    )
}
