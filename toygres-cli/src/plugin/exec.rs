//! `toygres plugin exec`: a command of a named plugin, whoever else has its name too. The plugin is
//! found and opened by the same rules as ever; only the others are left out.

use super::manage::unknown;
use crate::discover::{Catalogue, Folders};
use clap::{Arg, Command};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use toygres_plugin_api::manifest::{Manifest, Scope};
use toygres_plugin_api::{Error, Result};

/// Its part of the command line, for help and for completion.
pub(super) fn command() -> Command {
    let arg = |id: &'static str, value: &'static str, help: &'static str| {
        Arg::new(id).value_name(value).help(help).required(true)
    };
    Command::new("exec")
        .about("Run a command of this plugin, even if its name clashes or it is shadowed")
        .arg(arg("plugin", "PLUGIN", "The plugin's name, or the path of its library"))
        .arg(arg("command", "COMMAND", "The command, with or without `server` or `local`"))
        .arg(
            Arg::new("args")
                .value_name("ARGS")
                .help("What the command takes, the options of toygres too")
                .num_args(0..)
                .trailing_var_arg(true)
                .allow_hyphen_values(true),
        )
}

/// What `plugin exec PLUGIN COMMAND …` means: the command line without it, and the plugin alone.
/// `None` where something else was typed, or too little of this.
///
/// # Errors
/// When there is no such plugin or it has no such command, and why it is not used.
pub(crate) fn meant(
    argv: &[OsString],
    catalogue: &Catalogue,
    folders: &Folders,
) -> Result<Option<(Vec<OsString>, Catalogue)>> {
    let Some(at) = place(argv) else { return Ok(None) };
    let words: Vec<String> =
        argv[at + 2..].iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let (name, rest) = match words.as_slice() {
        [name, rest @ ..] if !name.starts_with('-') && !rest.is_empty() => (name, rest),
        _ => return Ok(None),
    };
    let (given, command, taken) = match rest {
        [scope, command, ..] if scope == "server" => (Some(Scope::Server), command, 2),
        [scope, command, ..] if scope == "local" => (Some(Scope::Local), command, 2),
        [command, ..] => (None, command, 1),
        [] => return Ok(None),
    };
    if command.starts_with('-') {
        return Ok(None);
    }
    let alone = alone(name, catalogue, folders).unwrap_or_else(|| Err(unknown(catalogue, name)))?;
    let manifest = alone.plugins.iter().find_map(|found| found.manifest.as_ref().ok());
    let scope = manifest.and_then(|manifest| scope_of(manifest, command, given));
    let scope = scope.ok_or_else(|| no_command(name, command, manifest))?;
    let mut line = argv[..at].to_vec();
    match scope {
        Scope::Server => line.push("server".into()),
        Scope::Local => line.push("local".into()),
        Scope::Top => {}
    }
    line.push(command.into());
    line.extend(argv[at + 2 + 1 + taken..].iter().cloned());
    Ok(Some((line, alone)))
}

/// Half a command line of `plugin exec`, for a shell that completes its last word.
pub(crate) enum Half {
    /// The command is being typed: the plugin's own, with what each does.
    Command(Vec<(String, String)>),
    /// Something behind it: what the line means, and the plugin alone.
    Behind(Vec<String>, Catalogue),
}

/// Reads it; `None` where something else was typed, or nothing behind the plugin yet.
pub(crate) fn half(typed: &[String], catalogue: &Catalogue, folders: &Folders) -> Option<Half> {
    let argv: Vec<OsString> = typed.iter().map(OsString::from).collect();
    let words = typed.get(place(&argv)? + 2..)?;
    let [name, before @ .., begun] = words else { return None };
    let scope = match before {
        [] => None,
        [scope] if scope == "server" => Some(Scope::Server),
        [scope] if scope == "local" => Some(Scope::Local),
        _ => {
            let (line, alone) = meant(&argv, catalogue, folders).ok()??;
            let line = line.iter().map(|word| word.to_string_lossy().into_owned()).collect();
            return Some(Half::Behind(line, alone));
        }
    };
    let alone = alone(name, catalogue, folders)?.ok()?;
    let manifests = alone.plugins.iter().filter_map(|found| found.manifest.as_ref().ok());
    let commands = manifests.flat_map(|manifest| &manifest.commands).filter(|command| {
        !command.hidden
            && command.name.starts_with(begun)
            && scope.is_none_or(|scope| scope == command.scope)
    });
    Some(Half::Command(commands.map(|one| (one.name.clone(), one.about.clone())).collect()))
}

/// The plugin of this name, or of this file: one in a folder that is not looked into is found, and
/// refused, as if the folder were a `--plugin-dir`.
fn alone(name: &str, catalogue: &Catalogue, folders: &Folders) -> Option<Result<Catalogue>> {
    if let Some(alone) = catalogue.alone(name) {
        return Some(alone);
    }
    let file = Path::new(name).file_name().filter(|_| Path::new(name).is_file())?;
    let folder = Path::new(name).parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder: PathBuf = folder.unwrap_or(Path::new(".")).to_owned();
    let path = folder.join(file).display().to_string();
    let home = folders.home().and_then(Path::parent);
    let there = Folders::new(&[folder], None, home).with_policy(folders.policy().clone());
    Catalogue::read(&there).alone(&path)
}

/// Where `plugin exec` stands: first, but for options of `toygres` itself.
fn place(argv: &[OsString]) -> Option<usize> {
    let mut at = 1;
    while let Some(word) = argv.get(at).and_then(|word| word.to_str()) {
        match word {
            "plugin" => return (argv.get(at + 1)? == "exec").then_some(at),
            "--plugin-dir" => at += 2,
            option if option.starts_with('-') => at += 1,
            _ => return None,
        }
    }
    None
}

fn scope_of(manifest: &Manifest, name: &str, given: Option<Scope>) -> Option<Scope> {
    let mut commands = manifest.commands.iter().filter(|command| {
        command.name == name || command.aliases.iter().any(|alias| alias == name)
    });
    let wanted = |scope: Scope| given.is_none_or(|given| given == scope);
    commands.find(|command| wanted(command.scope)).map(|command| command.scope)
}

fn no_command(name: &str, command: &str, manifest: Option<&Manifest>) -> Error {
    let commands = manifest.into_iter().flat_map(|manifest| &manifest.commands);
    let commands: Vec<&str> = commands.map(|command| command.name.as_str()).collect();
    Error::usage(format!("the plugin `{name}` has no command `{command}`"))
        .hint(format!("its commands: {}", commands.join(", ")))
}
