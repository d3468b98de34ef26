//! Whether the library opens: in a process of its own, so that a crash is a finding.

use super::row::Row;
use crate::discover::opening::open_library;
use crate::discover::{Folders, OPENS_LIBRARIES, file};
use crate::fault::Fault;
use crate::load::Loaded;
use object::ReadCache;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use toygres_plugin_api::{Error, Report, Result};

/// The hidden flag with which this command opens the library itself.
pub(super) const HERE: &str = "open-here";

/// A library that does nothing when it is opened takes milliseconds.
const DEADLINE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(10);

const HINT: &str = "build it again with `plugin!` of toygres-plugin-api and crate-type \"cdylib\"; \
                    nothing of it should run when it is opened";

/// Opens it here and now.
///
/// # Errors
/// What the host would say to an operator.
pub(super) fn here(path: &Path, folders: &Folders) -> Result<Report> {
    let library = open_library(path, folders.owners()).map_err(Fault::of_source)?;
    let manifest = file::manifest_in(path, &ReadCache::new(&library.file))?;
    if let Some(why) = folders.why_strict() {
        return Err(Fault::unlocked(&manifest.name, path, why, folders.to_mend()).into());
    }
    Loaded::open_checked(&manifest.name, path, library).map_err(Fault::of_source)?;
    Report::data(serde_json::json!({"opens": true}))
}

/// Has it opened by a process of its own; `strict` is what says that only what is locked is opened.
pub(super) fn check(path: &Path, refused: bool, strict: Option<&str>) -> Row {
    if refused {
        return Row::skipped("opens", "toygres would not open it");
    }
    if let Some(why) = strict {
        return Row::skipped("opens", format!("only what is locked is opened ({why})"));
    }
    if !OPENS_LIBRARIES {
        return Row::skipped("opens", "this toygres is linked statically and opens no library");
    }
    match ask(path) {
        Ok((status, _)) if status.success() => {
            Row::ok("opens", "it opens, and its border has the layout of this toygres")
        }
        Ok((status, said)) if status.code() == Some(8) => {
            let error: Option<Error> = said.lines().last().and_then(|line| {
                // Written by the same program, in JSON.
                serde_json::from_str(line).ok()
            });
            let message = error.as_ref().map_or(said.trim(), |error| error.message.as_str());
            let hint = error.as_ref().and_then(|error| error.hint.as_deref());
            Row::failed("opens", message, hint.unwrap_or(HINT))
        }
        Ok((status, _)) => {
            Row::failed("opens", format!("opening it took the process down: {status}"), HINT)
        }
        Err(error) if error.kind() == io::ErrorKind::TimedOut => {
            let seconds = DEADLINE.as_secs();
            Row::failed("opens", format!("opening it did not end within {seconds} s"), HINT)
        }
        Err(error) => Row::failed("opens", format!("it was not tried: {error}"), "try it again"),
    }
}

fn ask(path: &Path) -> io::Result<(ExitStatus, String)> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["plugin", "check", "-o", "json", &format!("--{HERE}"), "--"])
        .arg(std::path::absolute(path)?)
        // What other plugins there are is not asked.
        .env("TOYGRES_HOME", "/nonexistent")
        .env_remove("TOYGRES_PLUGIN_PATH")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let stderr = child.stderr.take();
    // Read beside, so that a library that says much is not stopped by a full pipe.
    let reading = std::thread::spawn(move || {
        let mut said = Vec::new();
        let _cut = stderr.map(|mut stderr| stderr.read_to_end(&mut said));
        String::from_utf8_lossy(&said).into_owned()
    });
    let status = wait(&mut child)?;
    Ok((status, reading.join().unwrap_or_default()))
}

fn wait(child: &mut Child) -> io::Result<ExitStatus> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if begun.elapsed() > DEADLINE {
            child.kill()?;
            child.wait()?;
            return Err(io::ErrorKind::TimedOut.into());
        }
        std::thread::sleep(PAUSE);
    }
}
