//! The plugins of one folder: what its lock file names, and what lies there besides.

use super::opening::{OpenLibrary, PluginFolder};
use super::{Expected, Found, Origin, file, usable};
use crate::fault::Fault;
use crate::plugin::lock::{Lock, Locked};
use crate::plugin::policy::Policy;
use crate::trusted::TrustedOwners;
use object::ReadCache;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use toygres_plugin_api::manifest::Manifest;

/// What a folder's lock file says; folders that the operator names for one run have none.
pub(super) fn lock_of(
    origin: Origin,
    folder: &Path,
    owners: &TrustedOwners,
) -> Result<Lock, Fault> {
    if origin.has_lock() { Lock::read(&lock_path(folder), owners) } else { Ok(Lock::new()) }
}

/// `plugins.lock` beside the folder `plugins`.
pub(crate) fn lock_path(folder: &Path) -> PathBuf {
    folder.with_file_name("plugins.lock")
}

/// A file that is as large is digested to say what it is now only when that is asked for.
const MAX_DIGESTED_BYTES: u64 = 128 * 1024 * 1024;

/// Everything in a folder: what is locked first, since it goes before what was copied there.
pub(super) fn plugins(
    origin: Origin,
    folder: &Path,
    lock: Result<Lock, Fault>,
    policy: &Policy,
) -> Vec<Found> {
    let mut plugins = Vec::new();
    let lock = lock.unwrap_or_else(|fault| {
        plugins.push(Found::new(fault.path.clone(), origin, Err(fault)));
        Lock::new()
    });
    let opened = PluginFolder::open(folder, &policy.owners);
    let found = |path: PathBuf, read: Read| {
        let (manifest, library) = read;
        let identity = library.map(|library| library.identity);
        Found { identity, owners: policy.owners.clone(), ..Found::new(path, origin, manifest) }
    };
    plugins.extend(lock.plugins.iter().map(|locked| {
        let path = folder.join(&locked.current.file);
        let expected = Expected {
            sha256: locked.current.sha256.clone(),
            size: locked.current.size,
            strict: policy.strict.is_some(),
            kept: !locked.previous.is_empty(),
        };
        let read = read_locked(&opened, &path, locked);
        Found { locked: Some(expected), ..found(path, read) }
    }));
    let named: BTreeSet<PathBuf> = lock.files().iter().map(|file| folder.join(file)).collect();
    for path in opened.libraries().into_iter().filter(|path| !named.contains(path)) {
        let (manifest, library) = read(&opened, &path);
        let manifest = manifest.and_then(|manifest| match &policy.strict {
            Some(why) => {
                Err(Fault::unlocked(&manifest.name, &path, why, policy.to_mend.as_deref())
                    .claiming(&manifest))
            }
            None => Ok(manifest),
        });
        plugins.push(found(path, (manifest, library)));
    }
    plugins
}

/// What a library says of itself, and which file said it.
type Read = (Result<Manifest, Fault>, Option<OpenLibrary>);

fn read(folder: &PluginFolder<'_>, path: &Path) -> Read {
    match folder.open_library(path) {
        Ok(library) => {
            let manifest = file::manifest_in(path, &ReadCache::new(&library.file));
            (manifest.and_then(|manifest| usable(path, manifest)), Some(library))
        }
        Err(fault) => {
            let gone = || Fault::unreadable(path, &std::io::ErrorKind::NotFound.into());
            (Err(fault.unwrap_or_else(gone)), None)
        }
    }
}

/// The size alone is compared here, which costs nothing; the digest decides when it is opened.
fn read_locked(folder: &PluginFolder<'_>, path: &Path, locked: &Locked) -> Read {
    let name = locked.name.as_str();
    let library = match folder.open_library(path) {
        Ok(library) => library,
        Err(None) => {
            return (Err(Fault::missing(name, path, !locked.previous.is_empty())), None);
        }
        Err(Some(fault)) => return (Err(fault.of(name)), None),
    };
    if library.size() != locked.current.size {
        return (Err(changed(path, &library, locked)), Some(library));
    }
    let manifest = file::manifest_in(path, &ReadCache::new(&library.file))
        .and_then(|manifest| usable(path, manifest))
        .map_err(|fault| fault.of(name))
        .and_then(|manifest| match manifest.name == name {
            true => Ok(manifest),
            false => Err(Fault::other_name(name, path, &manifest.name)),
        });
    (manifest, Some(library))
}

/// Both digests, since the size differs already. The commands it claims are those of the file as
/// it is, where it can be read.
fn changed(path: &Path, library: &OpenLibrary, locked: &Locked) -> Fault {
    let (size, expected) = (library.size(), &locked.current);
    if size > MAX_DIGESTED_BYTES {
        return Fault::other_size(&locked.name, path, expected.size, size);
    }
    let (found, _) = match crate::digest::of_reader(&library.file) {
        Ok(digest) => digest,
        Err(error) => return Fault::unreadable(path, &error),
    };
    let kept = !locked.previous.is_empty();
    let fault = Fault::digest(&locked.name, path, &expected.sha256, &found, kept);
    match file::manifest_in(path, &ReadCache::new(&library.file)) {
        Ok(manifest) => fault.claiming(&manifest).of(&locked.name),
        Err(_) => fault,
    }
}
