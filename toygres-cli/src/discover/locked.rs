//! The plugins of one folder: what its lock file names, and what lies there besides.

use super::{Expected, Found, Origin, file, libraries, ownership, usable};
use crate::fault::Fault;
use crate::plugin::lock::{Lock, Locked};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use toygres_plugin_api::manifest::Manifest;

/// What a folder's lock file says; folders that the operator names for one run have none.
pub(super) fn lock_of(origin: Origin, folder: &Path) -> Result<Lock, Fault> {
    if origin.has_lock() { Lock::read(&lock_path(folder)) } else { Ok(Lock::new()) }
}

/// `plugins.lock` beside the folder `plugins`.
pub(crate) fn lock_path(folder: &Path) -> PathBuf {
    folder.with_file_name("plugins.lock")
}

/// Everything in a folder: what is locked first, since it goes before what was copied there.
/// `strict` is what says that nothing else is opened.
pub(super) fn plugins(
    origin: Origin,
    folder: &Path,
    lock: Result<Lock, Fault>,
    strict: Option<&str>,
) -> Vec<Found> {
    let mut plugins = Vec::new();
    let lock = lock.unwrap_or_else(|fault| {
        plugins.push(found(fault.path.clone(), origin, Err(fault)));
        Lock::new()
    });
    plugins.extend(lock.plugins.iter().map(|locked| {
        let path = folder.join(&locked.current.file);
        let manifest = read_locked(&path, locked);
        let expected = Expected {
            sha256: locked.current.sha256.clone(),
            size: locked.current.size,
            strict: strict.is_some(),
            kept: !locked.previous.is_empty(),
        };
        Found { locked: Some(expected), ..found(path, origin, manifest) }
    }));
    let named: BTreeSet<PathBuf> = lock.files().iter().map(|file| folder.join(file)).collect();
    for path in libraries(folder).into_iter().filter(|path| !named.contains(path)) {
        let manifest = read(&path).and_then(|manifest| match strict {
            Some(why) => Err(Fault::unlocked(&manifest.name, &path, why).claiming(&manifest)),
            None => Ok(manifest),
        });
        plugins.push(found(path, origin, manifest));
    }
    plugins
}

fn found(path: PathBuf, origin: Origin, manifest: Result<Manifest, Fault>) -> Found {
    let (shadowed_by, linked, locked, disabled) = (None, None, None, false);
    Found { path, origin, manifest, shadowed_by, linked, locked, disabled }
}

fn read(path: &Path) -> Result<Manifest, Fault> {
    ownership::check(path)?;
    usable(path, file::manifest(path)?)
}

/// The size alone is compared here, which costs nothing; the digest decides when it is opened.
fn read_locked(path: &Path, locked: &Locked) -> Result<Manifest, Fault> {
    let name = locked.name.as_str();
    let there = path.try_exists().map_err(|error| Fault::unreadable(path, &error).of(name))?;
    if !there {
        return Err(Fault::missing(name, path, !locked.previous.is_empty()));
    }
    let metadata = ownership::check(path).map_err(|fault| fault.of(name))?;
    if metadata.len() != locked.current.size {
        return Err(changed(path, locked));
    }
    let manifest = file::manifest(path).and_then(|manifest| usable(path, manifest));
    let manifest = manifest.map_err(|fault| fault.of(name))?;
    if manifest.name != name {
        return Err(Fault::other_name(name, path, &manifest.name));
    }
    Ok(manifest)
}

/// Both digests, since the size differs already. The commands it claims are those of the file as
/// it is, where it can be read.
fn changed(path: &Path, locked: &Locked) -> Fault {
    let digest = std::fs::File::open(path).and_then(crate::digest::of_reader);
    let (found, _) = match digest {
        Ok(digest) => digest,
        Err(error) => return Fault::unreadable(path, &error),
    };
    let kept = !locked.previous.is_empty();
    let fault = Fault::digest(&locked.name, path, &locked.current.sha256, &found, kept);
    match file::manifest(path) {
        Ok(manifest) => fault.claiming(&manifest).of(&locked.name),
        Err(_) => fault,
    }
}
