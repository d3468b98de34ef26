//! Refuses files that somebody else could have put there or changed.

use crate::fault::Fault;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

/// The file and its folder must belong to the operator or to root, and nobody else may write them.
///
/// # Errors
/// The reason, with the command that mends it.
pub(super) fn check(path: &Path) -> Result<(), Fault> {
    let folder = path.parent().unwrap_or(Path::new("."));
    for (what, place) in [("file", path), ("folder", folder)] {
        let metadata = std::fs::metadata(place).map_err(|error| Fault::unreadable(path, &error))?;
        let owner = metadata.uid();
        if owner != 0 && owner != rustix::process::geteuid().as_raw() {
            return Err(Fault::foreign(path, what, place, owner));
        }
        if metadata.permissions().mode() & 0o022 != 0 {
            return Err(Fault::writable(path, what, place));
        }
    }
    Ok(())
}
