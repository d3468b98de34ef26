//! Files and folders, written so that a crash leaves the old or the new one.

use crate::process::account::Account;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::Path;
use toygres_plugin_api::shell::ShellCommand;
use toygres_plugin_api::{Error, Result};

/// What could not be done with a path.
pub(crate) fn failed(verb: &str, path: &Path, error: &io::Error) -> Error {
    let failed = Error::failed(format!("cannot {verb} {}", path.display())).cause(error);
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            failed.hint(format!("check who owns it: {}", ShellCommand::new("ls -ld").arg(path)))
        }
        io::ErrorKind::StorageFull => failed.hint("make room: df -h".to_owned()),
        _ => failed,
    }
}

/// A folder with this mode, owned by `account` where given; one that is there keeps its mode.
pub(crate) fn make_folder(path: &Path, mode: u32, account: Option<&Account>) -> Result<()> {
    match DirBuilder::new().mode(mode).create(path) {
        Ok(()) => {
            // Whatever the umask says.
            fs::set_permissions(path, Permissions::from_mode(mode))
                .and_then(|()| give(path, account))
                .map_err(|error| failed("make", path, &error))
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let parent = path.parent().ok_or_else(|| failed("make", path, &error))?;
            fs::create_dir_all(parent).map_err(|error| failed("make", parent, &error))?;
            make_folder(path, mode, account)
        }
        Err(error) => Err(failed("make", path, &error)),
    }
}

/// A volume: a folder that `account` owns, in one of its namespace that stays ours, so that nobody
/// who owns a volume can put something else in its place.
pub(crate) fn make_volume(path: &Path, account: Option<&Account>) -> Result<()> {
    if let Some(namespace) = path.parent() {
        make_folder(namespace, 0o711, None)?;
    }
    make_folder(path, 0o700, account)
}

/// Gives a file or folder to an account.
fn give(path: &Path, account: Option<&Account>) -> io::Result<()> {
    account.map_or(Ok(()), |account| chown(path, Some(account.uid), Some(account.gid)))
}

/// Replaces a file as a whole; only its owner may read it.
pub(crate) fn write_secret(path: &Path, text: &str) -> Result<()> {
    replace(path, text.as_bytes(), true).map_err(|error| failed("write", path, &error))
}

/// Replaces a document that means nothing any more after a crash of the machine.
pub(crate) fn write_fleeting(path: &Path, value: &impl Serialize) -> Result<()> {
    replace(path, &serde_json::to_vec(value)?, false).map_err(|error| failed("write", path, &error))
}

fn replace(path: &Path, bytes: &[u8], durable: bool) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let new = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(bytes)?;
    if !durable {
        return fs::rename(&new, path);
    }
    file.sync_all()?;
    fs::rename(&new, path)?;
    sync_folder(path.parent().unwrap_or(Path::new("/")))
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// A file's document; `None` where there is no file.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| {
            Error::failed(format!("{} is damaged", path.display()))
                .cause(error)
                .hint("begin anew with: toygres local down --purge")
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path, &error)),
    }
}

/// Replaces a file by a document; only its owner may read it.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    write_secret(path, &serde_json::to_string_pretty(value)?)
}

/// Removes a file that may be gone already.
pub(crate) fn remove_file(path: &Path) -> Result<()> {
    gone(fs::remove_file(path)).map_err(|error| failed("remove", path, &error))
}

/// Removes a folder with all that is in it; it may be gone already.
pub(crate) fn remove_folder(path: &Path) -> Result<()> {
    gone(fs::remove_dir_all(path)).map_err(|error| failed("remove", path, &error))
}

fn gone(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// The most bytes of a log before it is put aside at the next start of its writer.
const LOG_LIMIT: u64 = 16 << 20;

/// Opens a log to append to; a large one becomes `NAME.1` first.
pub(crate) fn open_log(path: &Path) -> Result<File> {
    if let Some(folder) = path.parent() {
        make_folder(folder, 0o700, None)?;
    }
    if fs::metadata(path).is_ok_and(|log| log.len() > LOG_LIMIT) {
        let mut aside = path.as_os_str().to_owned();
        aside.push(".1");
        fs::rename(path, aside).map_err(|error| failed("put aside", path, &error))?;
    }
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| failed("open", path, &error))
}

/// The last lines of a log, at most 16 KiB of it.
pub(crate) fn last_lines(path: &Path, lines: usize) -> String {
    use std::io::{Read, Seek, SeekFrom};
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(16 << 10)))?;
        let mut bytes = Vec::new();
        file.take(16 << 10).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let text = String::from_utf8_lossy(&read().unwrap_or_default()).into_owned();
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
