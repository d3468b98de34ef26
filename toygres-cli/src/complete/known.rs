//! Values that the host knows by itself: contexts, plugins, commands' static suggestions, folders.

use super::at_every_depth;
use crate::discover::{Catalogue, Owned};
use crate::settings::{self, Environment};
use clap::{Arg, Command, ValueHint};
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use toygres_plugin_api::manifest::{ArgKind, Scope};

/// Adds what is known to the whole command line.
pub(super) fn complete(root: Command, catalogue: &Catalogue, environment: &Environment) -> Command {
    let contexts = contexts(environment);
    let plugins = plugins(catalogue);
    at_every_depth(root, &[], &|command, path| {
        let owned = owned(catalogue, path);
        command.mut_args(|arg| match arg.get_id().as_str() {
            "host.context" => offering(arg, &contexts),
            "host.plugin-dir" => arg.value_hint(ValueHint::DirPath),
            _ if path.first().is_some_and(|first| first == "plugin") => managed(arg, &plugins),
            _ => match &owned {
                Some(owned) => declared(arg, owned),
                None => arg,
            },
        })
    })
}

/// An argument of the manager's commands: what it takes is said by its name in help.
fn managed(arg: Arg, plugins: &Values) -> Arg {
    if named(&arg, "PLUGIN") {
        return offering(arg, plugins);
    }
    if named(&arg, "FILE|FOLDER|URL") { arg.value_hint(ValueHint::AnyPath) } else { arg }
}

/// The command of a plugin at this path.
pub(super) fn owned<'a>(catalogue: &'a Catalogue, path: &[String]) -> Option<Owned<'a>> {
    let words: Vec<&str> = path.iter().map(String::as_str).collect();
    let (scope, name) = match words.as_slice() {
        ["server", name] => (Scope::Server, name),
        ["local", name] => (Scope::Local, name),
        [name] => (Scope::Top, name),
        _ => return None,
    };
    catalogue.find(scope, name).ok().flatten()
}

/// What the manifest alone says of an argument.
fn declared(arg: Arg, owned: &Owned<'_>) -> Arg {
    let Some(declared) = owned.command.args.iter().find(|known| arg.get_id() == known.id.as_str())
    else {
        return arg;
    };
    if !declared.suggestions.is_empty() {
        let values = declared.suggestions.iter();
        let values = values.map(|value| (value.name.clone(), value.help.clone())).collect();
        return offering(arg, &values);
    }
    if declared.kind == ArgKind::Path { arg.value_hint(ValueHint::AnyPath) } else { arg }
}

type Values = Vec<(String, String)>;

/// The argument with values that may stand for it.
fn offering(arg: Arg, values: &Values) -> Arg {
    let values = values.clone();
    arg.add(ArgValueCandidates::new(move || {
        let candidates = values.iter().map(|(value, help)| {
            let help = (!help.is_empty()).then(|| help.clone().into());
            CompletionCandidate::new(value).help(help)
        });
        candidates.collect()
    }))
}

fn named(arg: &Arg, name: &str) -> bool {
    arg.get_value_names().is_some_and(|names| names.iter().any(|value| value.as_str() == name))
}

fn contexts(environment: &Environment) -> Values {
    let names = environment.home().map(settings::contexts);
    names.unwrap_or_default().into_iter().map(|name| (name, String::new())).collect()
}

/// Every plugin, those with a fault too: they are what one asks about.
fn plugins(catalogue: &Catalogue) -> Values {
    let known = catalogue.plugins.iter().filter(|found| found.shadowed_by.is_none());
    known
        .map(|found| match &found.manifest {
            Ok(manifest) => (manifest.name.clone(), manifest.description.clone()),
            Err(fault) => {
                let stem = found.path.file_stem().unwrap_or_default();
                (stem.to_string_lossy().into_owned(), fault.message.clone())
            }
        })
        .collect()
}
