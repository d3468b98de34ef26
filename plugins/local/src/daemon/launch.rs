//! Starting the daemon, and waiting until everything is up.

use super::{Phase, State, is_alive};
use crate::files;
use crate::folders::Folders;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::time::Instant;
use toygres_plugin_api::{Context, Error, ErrorKind, Result};

/// How often it is looked how far the daemon is.
const LOOK_AGAIN: Duration = Duration::from_millis(30);

/// Starts the daemon where there is none, and waits until it is ready. Whether it was there before.
pub(crate) async fn launch(
    ctx: &Context,
    folders: &Folders,
    version: Option<u32>,
    deadline: Instant,
) -> Result<bool> {
    let already = is_alive(folders)?;
    let mut child = if already { None } else { Some(spawn(folders, version)?) };
    loop {
        if let Some(state) = State::read(folders)?.filter(|state| by(state, child.as_ref())) {
            match state.phase {
                Phase::Ready => return Ok(already),
                Phase::Failed => return Err(state.error.unwrap_or_else(|| ended(folders))),
                Phase::Starting => ctx.ui().progress(state.step).await,
                // Whoever stops it holds no lock of ours: a signal from elsewhere.
                Phase::Stopping => ctx.ui().progress("waiting for the daemon to stop").await,
            }
        }
        if let Some(child) = &mut child {
            if child.try_wait()?.is_some() {
                return Err(said_by_last(folders));
            }
        } else if !is_alive(folders)? {
            child = Some(spawn(folders, version)?);
        }
        if Instant::now() >= deadline {
            return Err(late(folders));
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_AGAIN) => {}
            () = ctx.cancelled() => {
                return Err(Error::new(ErrorKind::Interrupted, "interrupted")
                    .hint("the daemon goes on starting; end it with: toygres local down"));
            }
        }
    }
}

/// Whether this is the state of a daemon that lives: of our child, where we have one.
fn by(state: &State, child: Option<&Child>) -> bool {
    let pid = child.and_then(|child| i32::try_from(child.id()).ok());
    match pid {
        Some(pid) => state.identity.pid == pid,
        None => state.identity.lives(),
    }
}

fn spawn(folders: &Folders, version: Option<u32>) -> Result<Child> {
    let log = files::open_log(&folders.logs().join("daemon.log"))?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["local", "serve"]);
    if let Some(version) = version {
        command.args(["--postgres-version", &version.to_string()]);
    }
    for folder in plugin_dirs(std::env::args_os()) {
        command.arg("--plugin-dir").arg(std::path::absolute(folder)?);
    }
    if trusts_home(std::env::args_os()) {
        command.arg(TRUST_HOME);
    }
    if let Some(path) = std::env::var_os("TOYGRES_PLUGIN_PATH") {
        let absolute = std::env::split_paths(&path).map(|part| std::path::absolute(&part));
        let absolute: Vec<PathBuf> = absolute.collect::<std::io::Result<_>>()?;
        command.env("TOYGRES_PLUGIN_PATH", std::env::join_paths(absolute).unwrap_or(path));
    }
    // Whatever context is chosen when it starts has nothing to do with it.
    command.env_remove("TOYGRES_CONTEXT").env("TOYGRES_HOME", &folders.home);
    command.current_dir("/").stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    command
        .spawn()
        .map_err(|error| Error::failed("the daemon of `toygres local` does not start").cause(error))
}

/// The folders with plugins that were named on the command line.
fn plugin_dirs(words: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut folders = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        if word == "--plugin-dir" {
            folders.extend(words.next());
        } else if let Some(folder) = word.as_bytes().strip_prefix(b"--plugin-dir=") {
            folders.push(OsStr::from_bytes(folder).to_owned());
        }
    }
    folders
}

/// The option of the host that accepts the home folder of another user.
const TRUST_HOME: &str = "--trust-home";

fn trusts_home(words: impl IntoIterator<Item = OsString>) -> bool {
    words.into_iter().take_while(|word| word != "--").any(|word| word == TRUST_HOME)
}

/// Why a child ended: what it said of it, or its last words.
fn said_by_last(folders: &Folders) -> Error {
    let state = State::read(folders).ok().flatten();
    state.and_then(|state| state.error).unwrap_or_else(|| ended(folders))
}

fn ended(folders: &Folders) -> Error {
    let log = folders.logs().join("daemon.log");
    Error::failed("the daemon of `toygres local` ended at once")
        .cause(files::last_lines(&log, 5))
        .hint(format!("its log: {}", log.display()))
}

fn late(folders: &Folders) -> Error {
    let step = State::read(folders).ok().flatten().map(|state| state.step).unwrap_or_default();
    Error::timed_out("not everything is up yet").cause(format!("the daemon is at: {step}")).hint(
        format!(
            "it goes on; look with `toygres local status`, or into {}",
            folders.logs().join("daemon.log").display()
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::plugin_dirs;

    #[test]
    fn folders_of_plugins_are_passed_on() {
        let words = ["toygres", "--plugin-dir", "a", "local", "up", "--plugin-dir=b"];
        assert_eq!(plugin_dirs(words.map(Into::into)), ["a", "b"]);
    }
}
