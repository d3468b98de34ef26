//! Refuses files that somebody else could have put there or changed.

use crate::fault::Fault;
use std::fs::Metadata;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

/// Others may make files of their own in such a folder, but neither rename nor remove mine.
const STICKY: u32 = 0o1000;

/// The file and its folder must belong to the operator or to root, and nobody else may write them.
/// A link must not lead out of the folder: what it leads to is kept by nobody's rule.
///
/// # Errors
/// The reason, with the command that mends it.
pub(crate) fn check(path: &Path) -> Result<Metadata, Fault> {
    let folder = folder_of(path);
    inside(path, folder)?;
    let file = regular(path)?;
    alone(path, "file", path, &file)?;
    one(path, "folder", folder)?;
    Ok(file)
}

/// The same for a file that is to be installed, in whatever folder it was made.
///
/// # Errors
/// The reason, with the command that mends it.
pub(crate) fn check_source(path: &Path) -> Result<(), Fault> {
    alone(path, "file", path, &regular(path)?)?;
    let folder = folder_of(path);
    let metadata = std::fs::metadata(folder).map_err(|error| Fault::unreadable(path, &error))?;
    if metadata.permissions().mode() & STICKY != 0 {
        return Ok(());
    }
    one(path, "folder", folder).map(|_| ())
}

/// It is a file: to open a pipe waits for whoever writes to it.
///
/// # Errors
/// When it is something else, or cannot be asked.
pub(crate) fn regular(path: &Path) -> Result<Metadata, Fault> {
    let metadata = std::fs::metadata(path).map_err(|error| Fault::unreadable(path, &error))?;
    if metadata.is_file() { Ok(metadata) } else { Err(Fault::no_file(path)) }
}

/// A link in a folder leads to something in the same folder.
///
/// # Errors
/// The reason, with where it leads.
pub(crate) fn inside(path: &Path, folder: &Path) -> Result<(), Fault> {
    let unreadable = |error: std::io::Error| Fault::unreadable(path, &error);
    if !std::fs::symlink_metadata(path).map_err(unreadable)?.is_symlink() {
        return Ok(());
    }
    let (target, folder) =
        (path.canonicalize().map_err(unreadable)?, folder.canonicalize().map_err(unreadable)?);
    if target.starts_with(&folder) { Ok(()) } else { Err(Fault::symlink(path, &target, &folder)) }
}

/// One place: the file itself or its folder.
///
/// # Errors
/// The reason, with the command that mends it.
pub(crate) fn one(path: &Path, what: &str, place: &Path) -> Result<Metadata, Fault> {
    let metadata = std::fs::metadata(place).map_err(|error| Fault::unreadable(path, &error))?;
    alone(path, what, place, &metadata)?;
    Ok(metadata)
}

/// Nobody else owns it or may write it.
fn alone(path: &Path, what: &str, place: &Path, metadata: &Metadata) -> Result<(), Fault> {
    let owner = metadata.uid();
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        return Err(Fault::foreign(path, what, place, owner));
    }
    let mode = metadata.permissions().mode();
    if mode & 0o022 != 0 {
        return Err(Fault::writable(path, what, place, mode & 0o7777));
    }
    Ok(())
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
