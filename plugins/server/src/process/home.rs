//! The files that a server keeps, and how they are written.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use toygres_plugin_api::{Error, Result};

/// Where a server keeps its files.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    /// The folder.
    pub(crate) folder: PathBuf,
    /// The process's number and what is known of it.
    pub(crate) pid_file: PathBuf,
    /// The log; older ones lie beside it with a number behind their name.
    pub(crate) log_file: PathBuf,
}

impl Home {
    /// The generated token of the API.
    pub(crate) fn token_file(&self) -> PathBuf {
        self.folder.join("api-token")
    }

    /// Where the API is, while it is ready.
    pub(crate) fn url_file(&self) -> PathBuf {
        self.folder.join("api-url")
    }

    /// What a process in the background says before it has a log.
    pub(crate) fn start_file(&self) -> PathBuf {
        self.folder.join("server.start")
    }

    /// The file that the server locks.
    pub(crate) fn lock_file(&self) -> PathBuf {
        super::lock::path(&self.pid_file)
    }

    /// Makes the folders that are not there, for their owner alone.
    ///
    /// # Errors
    /// When one cannot be made.
    pub(crate) fn make(&self) -> Result<()> {
        let parents = [self.pid_file.parent(), self.log_file.parent()];
        for folder in [Some(self.folder.as_path())].into_iter().chain(parents).flatten() {
            if folder.as_os_str().is_empty() || folder.is_dir() {
                continue;
            }
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| {
                Error::failed(format!("the folder {} cannot be made", folder.display()))
                    .cause(error)
                    .hint("give another one with `TOYGRES_HOME`")
            })?;
        }
        Ok(())
    }
}

/// Replaces a file as a whole: a reader sees the old text or the new one.
///
/// # Errors
/// When the folder cannot be written.
pub(crate) fn replace(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    new_file(path, text, mode)?.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Makes a file as a whole; `false` where somebody else was first.
///
/// # Errors
/// When the folder cannot be written.
pub(crate) fn create(path: &Path, text: &str, mode: u32) -> io::Result<bool> {
    match new_file(path, text, mode)?.persist_noclobber(path) {
        Ok(_) => Ok(true),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error.error),
    }
}

/// Opens a file of the home folder that is written to. In a folder that others may write, such as a
/// volume of a pod, a link may be somebody else's and lead to any file of ours: none is followed.
///
/// # Errors
/// When it cannot be opened, or is such a link.
pub(crate) fn open_own(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mode = fs::metadata(folder.unwrap_or(Path::new(".")))?.permissions().mode();
    if mode & 0o022 != 0 {
        options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    }
    options.open(path)
}

fn new_file(path: &Path, text: &str, mode: u32) -> io::Result<tempfile::NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut file = tempfile::Builder::new()
        .prefix(".toygres-")
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(folder.unwrap_or(Path::new(".")))?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// What is to be done where a file cannot be written for want of room; `None` where it is not that.
pub(crate) fn room(path: &Path, error: &io::Error) -> Option<String> {
    let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
    let folder = path.parent().unwrap_or(path).display();
    full.contains(&error.kind()).then(|| format!("make room; see how much is left: df -h {folder}"))
}

/// A file of the home folder that cannot be written, with what can be done.
pub(crate) fn unwritable(path: &Path, error: io::Error) -> Error {
    let hint = room(path, &error)
        .unwrap_or_else(|| "check who owns its folder, or give another with `TOYGRES_HOME`".into());
    Error::failed(format!("{} cannot be written", path.display())).cause(error).hint(hint)
}

/// What a start writes at least: more than its files take before it serves.
const FIRST_BYTES: usize = 64 * 1024;

/// Whether a new file can be written beside `path`, and there is room for it.
///
/// # Errors
/// Why not.
pub(crate) fn writable(path: &Path) -> Result<()> {
    new_file(path, &" ".repeat(FIRST_BYTES), 0o600)
        .map(drop)
        .map_err(|error| unwritable(path, error))
}

/// Removes a file; one that is not there is as good.
///
/// # Errors
/// When it stays.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{open_own, unwritable};
    use std::fs::{self, OpenOptions, Permissions};
    use std::io;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::Path;

    #[test]
    fn a_link_is_followed_only_where_nobody_else_can_have_put_it() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("precious"), folder.path().join("server.log"));
        fs::write(&file, "precious").unwrap();
        symlink(&file, &link).unwrap();
        let open = |mode| {
            fs::set_permissions(folder.path(), Permissions::from_mode(mode)).unwrap();
            open_own(OpenOptions::new().append(true).create(true), &link)
        };
        assert!(open(0o755).is_ok());
        for mode in [0o777, 0o1777, 0o775] {
            assert!(open(mode).is_err(), "{mode:o}");
        }
        assert!(open_own(OpenOptions::new().append(true), &file).is_ok());
    }

    #[test]
    fn a_full_disk_is_told_from_a_folder_of_somebody_else() {
        let hint = |kind: io::ErrorKind| {
            unwritable(Path::new("/home/a/server.pid"), io::Error::from(kind)).hint.unwrap()
        };
        assert!(hint(io::ErrorKind::StorageFull).contains("df -h /home/a"));
        assert!(hint(io::ErrorKind::PermissionDenied).contains("who owns"));
    }
}
