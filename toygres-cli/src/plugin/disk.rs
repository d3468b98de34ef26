//! Changes of files, one after the other, each durable before the next one begins.
//!
//! All that the manager changes goes through here, so that a test can stop it after any of them as
//! a lost machine would: nothing after that happens, not even cleaning up.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Folders and files that others may read and nobody else may write, whatever the umask is.
const FOLDER: u32 = 0o755;
const FILE: u32 = 0o644;

/// Where files are changed.
#[derive(Debug, Default)]
pub(super) struct Disk {
    #[cfg(test)]
    trouble: Option<Trouble>,
}

/// What happens to a test's changes.
#[cfg(test)]
#[derive(Debug)]
struct Trouble {
    /// Changes that are still made.
    left: std::cell::Cell<usize>,
    /// Whether those after the one that fails are made again.
    once: bool,
}

#[cfg(test)]
impl Disk {
    /// Stops for good within the change after this many, as a lost machine does.
    pub(super) fn stopping_after(changes: usize) -> Self {
        let left = std::cell::Cell::new(changes);
        Self { trouble: Some(Trouble { left, once: false }) }
    }

    /// Fails the one change after this many, as a full disk does.
    pub(super) fn failing_at(changes: usize) -> Self {
        let left = std::cell::Cell::new(changes);
        Self { trouble: Some(Trouble { left, once: true }) }
    }

    fn step(&self) -> io::Result<()> {
        let Some(Trouble { left, once }) = &self.trouble else { return Ok(()) };
        let now = left.get();
        left.set(if now == 0 && *once { usize::MAX } else { now.saturating_sub(1) });
        if now > 0 { Ok(()) } else { Err(io::Error::other("stopped by the test")) }
    }
}

#[cfg(not(test))]
impl Disk {
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "a test's one counts")]
    fn step(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Disk {
    /// Makes a folder and those above it, where they are missing.
    pub(crate) fn make_folder(&self, path: &Path) -> io::Result<()> {
        if path.is_dir() {
            return Ok(());
        }
        self.step()?;
        DirBuilder::new().recursive(true).mode(FOLDER).create(path)?;
        path.parent().map_or(Ok(()), sync_folder)
    }

    /// Writes a new file to its end and on to the medium.
    pub(crate) fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let whole = self.step();
        let mut file = OpenOptions::new().write(true).create_new(true).mode(FILE).open(path)?;
        if whole.is_err() {
            file.write_all(&bytes[..bytes.len() / 2])?;
        }
        whole?;
        file.write_all(bytes)?;
        file.set_permissions(Permissions::from_mode(FILE))?;
        file.sync_all()
    }

    /// Gives a file another name, instead of what had it. What reads or runs that goes on with it.
    pub(crate) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step()?;
        fs::rename(from, to)?;
        to.parent().map_or(Ok(()), sync_folder)
    }

    /// Removes a file, or a folder that is empty.
    pub(crate) fn remove(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        if path.symlink_metadata()?.is_dir() { fs::remove_dir(path) } else { fs::remove_file(path) }
    }
}

/// A name in a folder is on the medium only when the folder is.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
