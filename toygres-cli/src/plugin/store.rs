//! The home folder's plugins: `plugins.lock`, and the files that it names.
//!
//! ```text
//! plugins.lock                         what is in use; its renaming is what makes a change
//! plugins/.guard                       held by whoever changes something
//! plugins/.versions/NAME/SHA256.so     every version that is in use or can be gone back to
//! plugins/*.so                         copied there by hand
//! ```
//!
//! A file below `.versions` is never written again once it has its name, which is its digest. A
//! change writes what is new there, then replaces the lock file, then removes what that names no
//! more; whoever is killed on the way leaves the lock file as it was or as it was to be, and files
//! that the next change removes.

use super::disk::Disk;
use super::lock::{Kept, Lock, Locked};
use crate::discover::locked::lock_path;
use crate::discover::opening::open_library;
use crate::fault::Fault;
use crate::trusted::{self, TrustedOwners};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use toygres_plugin_api::shell::ShellCommand;
use toygres_plugin_api::{Error, Result};

/// Versions that are kept to go back to.
const KEPT: usize = 5;
const VERSIONS: &str = ".versions";

/// The store, held by this process alone until it is dropped.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    disk: Disk,
    lock: Lock,
    owners: TrustedOwners,
    _guard: File,
}

/// A library that is to be put in.
#[derive(Debug)]
pub struct New<'a> {
    /// The plugin's name.
    pub name: &'a str,
    /// The library.
    pub bytes: &'a [u8],
    /// What the lock file will say of it, but for the file, the digest and the size.
    pub kept: Kept,
}

impl Store {
    /// The store of a home folder's `plugins`. Waits for whoever else holds it, having said so with
    /// `waiting`.
    ///
    /// # Errors
    /// When it cannot be written, others may write it, or its lock file cannot be read.
    pub fn open(folder: &Path, owners: &TrustedOwners, waiting: impl FnOnce()) -> Result<Self> {
        Self::open_on(Disk::default(), folder, owners, waiting)
    }

    /// Nobody else may write any folder on the way to this one, so that all paths below it lead to
    /// what is the operator's as long as the store is held.
    fn open_on(
        disk: Disk,
        folder: &Path,
        owners: &TrustedOwners,
        waiting: impl FnOnce(),
    ) -> Result<Self> {
        check_above(folder, owners)?;
        disk.make_folder(folder).map_err(|error| unwritable(folder, &error))?;
        for place in [folder.parent().unwrap_or(folder), folder] {
            check_folder(folder, place, owners)?;
        }
        let path = folder.join(".guard");
        let guard = File::options().create(true).append(true).open(&path);
        let guard = guard.map_err(|error| unwritable(&path, &error))?;
        if guard.try_lock().is_err() {
            waiting();
            guard.lock().map_err(|error| unwritable(&path, &error))?;
        }
        let lock = Lock::read(&lock_path(folder), owners)?;
        let store =
            Self { folder: folder.to_owned(), disk, lock, owners: owners.clone(), _guard: guard };
        store.sweep();
        Ok(store)
    }

    /// What is in use.
    #[must_use]
    pub fn lock(&self) -> &Lock {
        &self.lock
    }

    /// Where a version's file lies.
    #[must_use]
    pub fn path(&self, kept: &Kept) -> PathBuf {
        self.folder.join(&kept.file)
    }

    /// Where the file of a digest lies, or will.
    #[must_use]
    pub fn path_of(&self, name: &str, sha256: &str) -> PathBuf {
        self.folder.join(below(name, sha256))
    }

    /// Puts libraries in, all or none. Each takes the place of the version in use, which is kept.
    ///
    /// # Errors
    /// When something cannot be written; nothing is in use then that was not before.
    pub fn install(&mut self, new: &[New<'_>]) -> Result<()> {
        let mut lock = self.lock.clone();
        for new in new {
            let kept = self.add(new).map_err(|(path, error)| self.undo(&path, &error))?;
            let before = lock.take(new.name);
            lock.put(replaced(new.name, kept, before));
        }
        self.commit(lock)
    }

    /// Makes a version that is kept the one in use.
    ///
    /// # Errors
    /// When the lock file cannot be written.
    pub fn switch(&mut self, name: &str, sha256: &str) -> Result<()> {
        let mut lock = self.lock.clone();
        let Some(mut locked) = lock.take(name) else { return Ok(()) };
        if let Some(at) = locked.previous.iter().position(|kept| kept.sha256 == sha256) {
            let wanted = locked.previous.remove(at);
            locked.previous.insert(0, std::mem::replace(&mut locked.current, wanted));
        }
        lock.put(locked);
        self.commit(lock)
    }

    /// Forgets a plugin and all its versions.
    ///
    /// # Errors
    /// When the lock file cannot be written.
    pub fn remove(&mut self, name: &str) -> Result<()> {
        let mut lock = self.lock.clone();
        lock.take(name);
        lock.disabled.remove(name);
        self.commit(lock)
    }

    /// Says whether a plugin is used, wherever it lies.
    ///
    /// # Errors
    /// When the lock file cannot be written.
    pub fn set_disabled(&mut self, name: &str, disabled: bool) -> Result<()> {
        let mut lock = self.lock.clone();
        match disabled {
            true => lock.disabled.insert(name.to_owned()),
            false => lock.disabled.remove(name),
        };
        self.commit(lock)
    }

    /// Removes a library that was copied into the folder by hand.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove_copied(&self, path: &Path) -> Result<()> {
        self.disk.remove(path).map_err(|error| unwritable(path, &error))
    }

    /// The bytes under the name of their digest.
    fn add(&self, new: &New<'_>) -> Result<Kept, (PathBuf, io::Error)> {
        let at = |path: &Path, error| (path.to_owned(), error);
        let sha256 = crate::digest::of(new.bytes);
        let folder = self.folder.join(VERSIONS).join(new.name);
        let kept = Kept {
            file: below(new.name, &sha256),
            size: new.bytes.len() as u64,
            sha256,
            ..new.kept.clone()
        };
        let path = self.folder.join(&kept.file);
        self.disk.make_folder(&folder).map_err(|error| at(&folder, error))?;
        // One that is there already may have been changed.
        let there = open_library(&path, &self.owners);
        let digest = there.map(|there| crate::digest::of_reader(&there.file));
        if matches!(digest, Ok(Ok((there, _))) if there == kept.sha256) {
            return Ok(kept);
        }
        let temporary = folder.join(format!(".{}.new", std::process::id()));
        self.disk.write(&temporary, new.bytes).map_err(|error| at(&temporary, error))?;
        self.disk.rename(&temporary, &path).map_err(|error| at(&path, error))?;
        Ok(kept)
    }

    /// Replaces the lock file; from then on the change is made.
    fn commit(&mut self, lock: Lock) -> Result<()> {
        if lock == self.lock {
            self.sweep();
            return Ok(());
        }
        let path = lock_path(&self.folder);
        let temporary = path.with_extension(format!("{}.new", std::process::id()));
        let text = lock
            .text()
            .map_err(|error| Error::failed("the lock file cannot be written").cause(error))?;
        let written = self
            .disk
            .write(&temporary, text.as_bytes())
            .and_then(|()| self.disk.rename(&temporary, &path));
        if let Err(error) = written {
            let _may_be_gone = self.disk.remove(&temporary);
            return Err(self.undo(&path, &error));
        }
        self.lock = lock;
        self.sweep();
        Ok(())
    }

    /// What was begun is taken away again.
    fn undo(&self, path: &Path, error: &io::Error) -> Error {
        self.sweep();
        unwritable(path, error)
    }

    /// Removes what a change that was not finished left, and versions that are kept no more. What
    /// cannot be removed stays until the next time: it is in nobody's way.
    fn sweep(&self) {
        let named: Vec<PathBuf> =
            self.lock.files().iter().map(|file| self.folder.join(file)).collect();
        let versions = self.folder.join(VERSIONS);
        for folder in entries(&versions) {
            for path in entries(&folder).into_iter().filter(|path| !named.contains(path)) {
                let _stays = self.disk.remove(&path);
            }
            if entries(&folder).is_empty() {
                let _stays = self.disk.remove(&folder);
            }
        }
        let home = self.folder.parent().unwrap_or(&self.folder);
        let half = |path: &PathBuf| {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            name.is_some_and(|name| name.starts_with("plugins.") && name.ends_with(".new"))
        };
        for path in entries(home).into_iter().filter(half) {
            let _stays = self.disk.remove(&path);
        }
    }
}

/// What exists of the way to a folder that is yet to be made is nobody else's.
fn check_above(folder: &Path, owners: &TrustedOwners) -> Result<()> {
    let absolute = std::path::absolute(folder).map_err(|error| unwritable(folder, &error))?;
    match absolute.ancestors().find(|place| place.symlink_metadata().is_ok()) {
        Some(above) if above != absolute => match trusted::open_folder(above, owners) {
            // Where others make folders of their own, one may be made; it is checked next.
            Ok(_) => Ok(()),
            Err(distrust) if distrust.is_sticky_folder() => Ok(()),
            Err(distrust) if distrust.is_permission() => {
                Err(Fault::distrusted_store(folder, &distrust, owners).into())
            }
            // To make the folder says what is wrong.
            Err(_) => Ok(()),
        },
        _ => Ok(()),
    }
}

fn check_folder(folder: &Path, place: &Path, owners: &TrustedOwners) -> Result<()> {
    match trusted::open_folder(place, owners) {
        Ok(_) => Ok(()),
        Err(distrust) => Err(Fault::distrusted_store(folder, &distrust, owners).into()),
    }
}

/// The file of a digest, relative to the folder.
fn below(name: &str, sha256: &str) -> PathBuf {
    Path::new(VERSIONS).join(name).join(format!("{sha256}.so"))
}

/// What the lock file says of a plugin that has a new version.
fn replaced(name: &str, current: Kept, before: Option<Locked>) -> Locked {
    let before = before.map(|before| before.versions().cloned().collect::<Vec<_>>());
    let mut previous = before.unwrap_or_default();
    previous.retain(|kept| kept.sha256 != current.sha256);
    previous.truncate(KEPT);
    Locked { name: name.to_owned(), current, previous }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect()
}

/// What cannot be written, and what might help.
fn unwritable(path: &Path, error: &io::Error) -> Error {
    let hint = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "make room there, and run it again".to_owned()
        }
        io::ErrorKind::FileTooLarge => {
            "raise the limit of a file's size, see `ulimit -f`".to_owned()
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            "the file system is read-only; set TOYGRES_HOME to a folder that can be written"
                .to_owned()
        }
        _ => format!(
            "see who may write it: {}; or set TOYGRES_HOME to another folder",
            ShellCommand::new("ls -ld").arg(path.parent().unwrap_or(path))
        ),
    };
    Error::failed(format!("{} cannot be written; nothing was changed", path.display()))
        .cause(error)
        .hint(hint)
}

#[cfg(test)]
mod tests;
