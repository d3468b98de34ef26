//! Clap's refusals in our words, made of their kind and their parts.
//!
//! What was typed is repeated where that helps, and never where it may be a secret: a password whose
//! option was forgotten, or that a blank has cut in two, stands where an argument would.

use crate::redact::names;
use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind as Clap};
use std::error::Error as _;
use toygres_plugin_api::Error;
use toygres_plugin_api::shell::{ShellCommand, quote};

/// A refusal as an error. `named` is the command that was typed, as far as there is one.
pub(super) fn error(
    refusal: &clap::Error,
    root: &Command,
    named: &[&str],
    typed: &[String],
) -> Error {
    let command =
        named.iter().fold(root, |command, name| command.find_subcommand(name).unwrap_or(command));
    let secret = takes_secret(command, typed);
    let mut tips = similar(refusal);
    let is_hidden = matches!(refusal.kind(), Clap::UnknownArgument | Clap::TooManyValues);
    let message = match secret {
        true if is_hidden => {
            tips.push(
                "give a value right behind its option, and in quotes where it has blanks".into(),
            );
            unexpected(refusal, typed)
        }
        _ => {
            tips.extend(as_value(refusal, command));
            message(refusal)
        }
    };
    let help = ShellCommand::new("toygres").args(named).flag("--help");
    tips.push(format!("see `{help}`"));
    Error::usage(message).hint(tips.join("; "))
}

/// Whether the command has an option whose value is a secret, or one was typed.
fn takes_secret(command: &Command, typed: &[String]) -> bool {
    let own = command
        .get_arguments()
        .any(|arg| arg.get_action().takes_values() && arg.get_long().is_some_and(names::is_secret));
    // A database's URL may hold a password.
    let is_url = |word: &String| word == "--database-url" || word.starts_with("--database-url=");
    own || typed.iter().any(is_url)
}

/// An argument that nobody expected, by its place.
fn unexpected(refusal: &clap::Error, typed: &[String]) -> String {
    let word = part(refusal, ContextKind::InvalidArg).unwrap_or_default();
    let exactly = typed.iter().position(|typed| *typed == word);
    // Of letters behind one dash, clap names the first that it does not know.
    let place = exactly.or_else(|| {
        let letter = word.strip_prefix('-').filter(|letter| !letter.starts_with('-'))?;
        typed.iter().position(|typed| {
            typed.starts_with('-') && !typed.starts_with("--") && typed.contains(letter)
        })
    });
    match place {
        Some(place) => format!("unexpected argument at position {place}"),
        None => "unexpected argument".to_owned(),
    }
}

/// What is wrong.
fn message(refusal: &clap::Error) -> String {
    let arg = part(refusal, ContextKind::InvalidArg);
    let value = part(refusal, ContextKind::InvalidValue);
    match (refusal.kind(), arg, value) {
        (Clap::UnknownArgument, Some(arg), _) => format!("unexpected argument `{arg}` found"),
        (Clap::InvalidSubcommand, ..) => {
            let name = part(refusal, ContextKind::InvalidSubcommand).unwrap_or_default();
            format!("unrecognized subcommand `{name}`")
        }
        (Clap::InvalidValue, Some(arg), Some(value)) if value.is_empty() => {
            format!("a value is required for `{arg}` but none was supplied{}", possible(refusal))
        }
        (Clap::InvalidValue, Some(arg), Some(value)) => {
            format!("invalid value `{value}` for `{arg}`{}", possible(refusal))
        }
        (Clap::ValueValidation, Some(arg), Some(value)) => {
            let why = refusal.source().map(|source| format!(": {source}"));
            format!("invalid value `{value}` for `{arg}`{}", why.unwrap_or_default())
        }
        (Clap::TooManyValues, Some(arg), Some(value)) => {
            format!("unexpected value `{value}` for `{arg}` found; no more were expected")
        }
        (Clap::MissingRequiredArgument, ..) => {
            let missing = parts(refusal, ContextKind::InvalidArg).join(" ");
            format!("the following required arguments were not provided: {missing}")
        }
        (Clap::ArgumentConflict, Some(arg), _) => conflict(refusal, &arg),
        (Clap::MissingSubcommand, ..) => {
            let name = part(refusal, ContextKind::InvalidSubcommand).unwrap_or_default();
            format!("`{name}` requires a subcommand but one was not provided")
        }
        (Clap::NoEquals, Some(arg), _) => {
            format!("equal sign is needed when assigning values to `{arg}`")
        }
        (kind, Some(arg), _) => {
            format!("{} `{arg}`", kind.as_str().unwrap_or("invalid use of"))
        }
        (kind, None, _) => kind.as_str().unwrap_or("invalid command line").to_owned(),
    }
}

fn conflict(refusal: &clap::Error, arg: &str) -> String {
    let others = parts(refusal, ContextKind::PriorArg);
    match others.as_slice() {
        [] => format!("the argument `{arg}` cannot be used with others"),
        [other] if other == arg => format!("the argument `{arg}` cannot be used multiple times"),
        [other] => format!("the argument `{arg}` cannot be used with `{other}`"),
        others => format!("the argument `{arg}` cannot be used with: {}", others.join(" ")),
    }
}

fn possible(refusal: &clap::Error) -> String {
    let values = parts(refusal, ContextKind::ValidValue);
    if values.is_empty() {
        return String::new();
    }
    let quoted: Vec<String> =
        values
            .iter()
            .map(|value| {
                if value.contains(char::is_whitespace) {
                    format!("{value:?}")
                } else {
                    value.clone()
                }
            })
            .collect();
    format!(" [possible values: {}]", quoted.join(", "))
}

/// What is spelt nearly so.
fn similar(refusal: &clap::Error) -> Vec<String> {
    let kinds = [
        (ContextKind::SuggestedSubcommand, "subcommand"),
        (ContextKind::SuggestedArg, "argument"),
        (ContextKind::SuggestedValue, "value"),
    ];
    let tip = |(kind, what): (ContextKind, &str)| {
        let names: Vec<String> =
            parts(refusal, kind).iter().map(|name| format!("`{name}`")).collect();
        match names.as_slice() {
            [] => None,
            [name] => Some(format!("a similar {what} exists: {name}")),
            names => Some(format!("some similar {what}s exist: {}", names.join(", "))),
        }
    };
    kinds.into_iter().filter_map(tip).collect()
}

/// How a word that begins with a dash is given as an argument, where the command takes one.
fn as_value(refusal: &clap::Error, command: &Command) -> Option<String> {
    if refusal.kind() != Clap::UnknownArgument || command.get_positionals().next().is_none() {
        return None;
    }
    let word = part(refusal, ContextKind::InvalidArg).filter(|word| word.starts_with('-'))?;
    let quoted = quote(&word);
    Some(format!("to pass `{word}` as a value, use `-- {quoted}`"))
}

/// A part that is one text.
fn part(refusal: &clap::Error, kind: ContextKind) -> Option<String> {
    parts(refusal, kind).into_iter().next()
}

fn parts(refusal: &clap::Error, kind: ContextKind) -> Vec<String> {
    match refusal.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        Some(ContextValue::StyledStr(text)) => vec![text.to_string()],
        _ => Vec::new(),
    }
}
