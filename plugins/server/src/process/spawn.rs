//! A server in the background: the same binary, detached from the terminal.

use super::home::{self, Home};
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::process::{Child, Command};
use toygres_plugin_api::{Error, ErrorKind, Result};

/// Where the file of a start is cut, from its end.
const WORDS: u64 = 16 * 1024;

/// A process that was started, and the file that it says in what its log does not have.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) child: Child,
    said: Said,
}

/// The file of one start, so that starts at the same time do not write over each other's words. It
/// goes with this value.
#[derive(Debug)]
struct Said(PathBuf);

impl Drop for Said {
    fn drop(&mut self) {
        // It is nobody's any more, or was kept under another name.
        let _gone = home::remove(&self.0);
    }
}

impl Started {
    /// Starts the same binary with these arguments and, besides its own environment, these
    /// variables. It makes itself a session of its own as its first act.
    ///
    /// # Errors
    /// When the binary cannot be started.
    pub(crate) fn new(
        home: &Home,
        args: &[OsString],
        environment: &[(String, String)],
    ) -> Result<Self> {
        let binary = std::env::current_exe()?;
        let mut path = home.start_file().into_os_string();
        path.push(format!(".{}", std::process::id()));
        let said = Said(path.into());
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let file = home::open_own(&mut options, &said.0)
            .map_err(|error| home::unwritable(&said.0, error))?;
        let child = Command::new(&binary)
            .args(args)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .kill_on_drop(false)
            .spawn()
            .map_err(|error| {
                Error::failed(format!("{} cannot be started", binary.display())).cause(error)
            })?;
        Ok(Self { child, said })
    }

    /// It serves: what else it says is kept for whoever looks for the end of it.
    ///
    /// # Errors
    /// When the file cannot be kept.
    pub(crate) fn keep(self, home: &Home) -> io::Result<()> {
        std::fs::rename(&self.said.0, home.start_file())
    }

    /// Why it ended, in its own words.
    pub(crate) fn failure(&self, home: &Home, status: std::process::ExitStatus) -> Error {
        let said = words(&self.said.0).unwrap_or_default();
        let told = said.lines().rev().find_map(|line| serde_json::from_str::<Error>(line).ok());
        if told.as_ref().is_some_and(|told| told.message.starts_with(TAKEN)) {
            return Error::failed("another start at the same time was first, and failed")
                .hint("see why with `toygres server logs`, and start it again");
        }
        told.unwrap_or_else(|| {
            let error = Error::failed(format!("the server ended as it started: {status}"));
            let error = match said.trim() {
                "" => error,
                said => error.cause(said),
            };
            error.hint(format!("see {}", home.log_file.display()))
        })
    }
}

fn words(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(WORDS)))?;
    let mut bytes = Vec::new();
    file.take(WORDS).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

const TAKEN: &str = "the server already runs";

/// The error of a process that found another one running.
pub(crate) fn taken(pid: Option<i32>) -> Error {
    let who = pid.map(|pid| format!(" as process {pid}")).unwrap_or_default();
    Error::new(ErrorKind::Failed, format!("{TAKEN}{who}"))
        .hint("see `toygres server status`; stop it with `toygres server stop`")
}
