//! Files that arguments name: they lie on the machine of whoever asks, and a command that runs on a
//! server gets copies of its own. What it writes goes back.
//!
//! A path that somebody else names is never opened: it would be a file of the server's machine. It
//! is a name only, for what is said of the file.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use tempfile::TempDir;
use toygres_plugin_api::args::path_of;
use toygres_plugin_api::manifest::{Arg, ArgKind, Command};
use toygres_plugin_api::protocol::WrittenFile;
use toygres_plugin_api::{Error, Result};

fn paths(command: &Command) -> impl Iterator<Item = &Arg> {
    command.args.iter().filter(|arg| arg.kind == ArgKind::Path)
}

/// What standard input holds: it can be read once, and a question sends everything twice.
#[derive(Debug, Default)]
pub(crate) struct StandardInput(OnceLock<Vec<u8>>);

impl StandardInput {
    fn read(&self) -> io::Result<Vec<u8>> {
        if let Some(read) = self.0.get() {
            return Ok(read.clone());
        }
        let mut bytes = Vec::new();
        io::stdin().read_to_end(&mut bytes)?;
        Ok(self.0.get_or_init(|| bytes).clone())
    }
}

/// The contents of the files that these arguments name, as they are sent along. `-` is standard
/// input. One that the command may write need not be there yet.
///
/// # Errors
/// `usage` where one cannot be read.
pub(super) fn contents(
    command: &Command,
    args: &Map<String, Value>,
    input: &StandardInput,
) -> Result<Map<String, Value>> {
    let mut files = Map::new();
    for arg in paths(command) {
        let Some(path) = args.get(&arg.id).and_then(path_of) else { continue };
        let read = if path == Path::new("-") { input.read() } else { std::fs::read(&path) };
        match read {
            Ok(bytes) => {
                files.insert(arg.id.clone(), Value::from(BASE64.encode(bytes)));
            }
            Err(error) if arg.writes && error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                let message = format!("`{}` cannot be read", path.display());
                return Err(Error::usage(message).cause(error));
            }
        }
    }
    Ok(files)
}

/// The arguments as they are sent along: a path is a name there, which is a text.
pub(super) fn named(command: &Command, args: &Map<String, Value>) -> Map<String, Value> {
    let mut named = args.clone();
    for arg in paths(command) {
        if let Some(path) = args.get(&arg.id).and_then(path_of) {
            named.insert(arg.id.clone(), Value::from(path.display().to_string()));
        }
    }
    named
}

/// Writes a file that came back to where its argument says; it is there whole or not at all. One
/// that the command does not say to write is not taken.
///
/// # Errors
/// `usage` where it cannot be written.
pub(super) fn keep(command: &Command, args: &Map<String, Value>, file: &WrittenFile) -> Result<()> {
    let arg = paths(command).find(|arg| arg.id == file.arg && arg.writes);
    let Some(path) = arg.and_then(|arg| path_of(args.get(&arg.id)?)) else {
        return Err(Error::failed("the server sent a file that nobody asked for")
            .hint("its release may be a newer one: update this command line"));
    };
    let written = decoded(&file.contents).and_then(|bytes| replace(&path, &bytes));
    written.map_err(|error| {
        Error::usage(format!("the file `{}` cannot be written", path.display())).cause(error)
    })
}

fn decoded(contents: &str) -> io::Result<Vec<u8>> {
    BASE64.decode(contents).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(format!(".{}", std::process::id()));
    let unfinished = PathBuf::from(unfinished);
    let done = std::fs::write(&unfinished, bytes).and_then(|()| std::fs::rename(&unfinished, path));
    if done.is_err() {
        // What is left of it helps nobody.
        let _gone = std::fs::remove_file(&unfinished);
    }
    done
}

/// The copies of one run on a server.
#[derive(Debug, Default)]
pub(super) struct Copies {
    folder: Option<TempDir>,
    copies: Vec<Copy>,
}

/// One file's copy.
#[derive(Debug)]
struct Copy {
    arg: String,
    /// The name that was typed.
    typed: Option<String>,
    path: PathBuf,
    before: Option<Vec<u8>>,
    writes: bool,
}

impl Copies {
    /// Makes them, and gives the arguments their paths.
    ///
    /// # Errors
    /// `usage` for a path without contents that the command does not write, or contents that are no
    /// base64.
    pub(super) fn make(
        command: &Command,
        args: &mut Map<String, Value>,
        files: &BTreeMap<String, String>,
    ) -> Result<Self> {
        let mut made = Self::default();
        for arg in paths(command) {
            let typed = args.get(&arg.id).and_then(Value::as_str).map(str::to_owned);
            let before = match files.get(&arg.id) {
                Some(contents) => Some(decoded(contents).map_err(|error| {
                    Error::usage(format!("the file `{}` is no base64", arg.id)).cause(error)
                })?),
                None if args.get(&arg.id).is_none_or(Value::is_null) => continue,
                None if arg.writes => None,
                None => {
                    return Err(Error::usage(format!(
                        "`{}` names a file, whose contents have to come with the request",
                        arg.id
                    )));
                }
            };
            let path = made.folder()?.join(&arg.id);
            if let Some(before) = &before {
                std::fs::write(&path, before)?;
            }
            args.insert(arg.id.clone(), Value::from(path.display().to_string()));
            let (arg, writes) = (arg.id.clone(), arg.writes);
            made.copies.push(Copy { arg, typed, path, before, writes });
        }
        Ok(made)
    }

    fn folder(&mut self) -> io::Result<&Path> {
        let folder = match self.folder.take() {
            Some(folder) => folder,
            None => tempfile::tempdir()?,
        };
        Ok(self.folder.insert(folder).path())
    }

    /// The paths of the copies, each with the name that was typed.
    pub(super) fn names(&self) -> Vec<(String, String)> {
        let named = self.copies.iter().filter_map(|copy| Some((copy, copy.typed.clone()?)));
        named.map(|(copy, typed)| (copy.path.display().to_string(), typed)).collect()
    }

    /// What the command wrote.
    pub(super) fn written(&self) -> Vec<WrittenFile> {
        let ours = self.copies.iter().filter(|copy| copy.writes);
        ours.filter_map(|copy| {
            let bytes = std::fs::read(&copy.path).ok()?;
            let changed = copy.before.as_ref() != Some(&bytes);
            let file = || WrittenFile { arg: copy.arg.clone(), contents: BASE64.encode(&bytes) };
            changed.then(file)
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Copies, StandardInput, contents, keep};
    use serde_json::{Map, Value, json};
    use std::collections::BTreeMap;
    use toygres_plugin_api::manifest::{Arg, ArgKind, Command};

    fn command() -> Command {
        let arg = |id: &str, writes| Arg {
            id: id.to_owned(),
            kind: ArgKind::Path,
            writes,
            ..Arg::default()
        };
        Command { args: vec![arg("read", false), arg("plan", true)], ..Command::default() }
    }

    fn args(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn what_is_written_on_a_server_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name).display().to_string();
        std::fs::write(place("in"), "words").unwrap();
        let typed = args(json!({"read": place("in"), "plan": place("out")}));
        let sent = contents(&command(), &typed, &StandardInput::default()).unwrap();
        assert_eq!(sent.keys().collect::<Vec<_>>(), ["read"]);
        let files: BTreeMap<String, String> = serde_json::from_value(Value::Object(sent)).unwrap();
        let mut there = typed.clone();
        let copies = Copies::make(&command(), &mut there, &files).unwrap();
        assert_ne!(there["plan"], typed["plan"], "a path of somebody else is not used");
        assert_eq!(std::fs::read(there["read"].as_str().unwrap()).unwrap(), b"words");
        assert_eq!(copies.written(), []);
        std::fs::write(there["plan"].as_str().unwrap(), "a plan").unwrap();
        std::fs::write(there["read"].as_str().unwrap(), "other words").unwrap();
        let written = copies.written();
        assert_eq!(written.len(), 1, "what is only read does not come back");
        keep(&command(), &typed, &written[0]).unwrap();
        assert_eq!(std::fs::read(place("out")).unwrap(), b"a plan");
        let mut foreign = written[0].clone();
        foreign.arg = "read".to_owned();
        keep(&command(), &typed, &foreign).unwrap_err();
        assert_eq!(std::fs::read(place("in")).unwrap(), b"words");
    }

    #[test]
    fn a_path_without_contents_is_refused() {
        let mut typed = args(json!({"read": "/etc/passwd"}));
        Copies::make(&command(), &mut typed, &BTreeMap::new()).unwrap_err();
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("none").display().to_string();
        let typed = args(json!({"read": missing}));
        contents(&command(), &typed, &StandardInput::default()).unwrap_err();
    }
}
