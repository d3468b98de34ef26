//! A server in the background: the same binary, detached from the terminal.

use super::home::Home;
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::process::Stdio;
use tokio::process::{Child, Command};
use toygres_plugin_api::{Error, ErrorKind, Result};

/// Where the file of a start is cut, from its end.
const WORDS: u64 = 16 * 1024;

/// Starts the same binary with these arguments and, besides its own environment, these variables.
/// It makes itself a session of its own as its first act.
///
/// # Errors
/// When the binary cannot be started.
pub(crate) fn detached(
    home: &Home,
    args: &[OsString],
    environment: &[(String, String)],
) -> Result<Child> {
    let binary = std::env::current_exe()?;
    let said = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(home.start_file())?;
    Command::new(&binary)
        .args(args)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(said.try_clone()?)
        .stderr(said)
        .kill_on_drop(false)
        .spawn()
        .map_err(|error| {
            Error::failed(format!("{} cannot be started", binary.display())).cause(error)
        })
}

/// Why a start failed, in the process's own words.
pub(crate) fn failure(home: &Home, status: std::process::ExitStatus) -> Error {
    let said = words(home).unwrap_or_default();
    let told = said.lines().rev().find_map(|line| serde_json::from_str::<Error>(line).ok());
    told.unwrap_or_else(|| {
        let error = Error::failed(format!("the server ended as it started: {status}"));
        let error = match said.trim() {
            "" => error,
            said => error.cause(said),
        };
        error.hint(format!("see {}", home.log_file.display()))
    })
}

fn words(home: &Home) -> io::Result<String> {
    let mut file = File::open(home.start_file())?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(WORDS)))?;
    let mut bytes = Vec::new();
    file.take(WORDS).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The error of a process that found another one running.
pub(crate) fn taken(pid: Option<i32>) -> Error {
    let who = pid.map(|pid| format!(" as process {pid}")).unwrap_or_default();
    Error::new(ErrorKind::Failed, format!("the server already runs{who}"))
        .hint("see `toygres server status`; stop it with `toygres server stop`")
}
