//! Everything that can be said of a library without running any of it.

use crate::discover::opening::{open_library, read_bytes};
use crate::discover::{file, needs, usable};
use crate::fault::Fault;
use crate::trusted::TrustedOwners;
use std::path::Path;
use toygres_plugin_api::manifest::Manifest;

/// The largest library that is taken: far above any real one, far below a full disk.
pub const LARGEST: u64 = 512 * 1024 * 1024;

/// Examines the bytes of a library; `path` is what a fault names.
///
/// # Errors
/// What this host would refuse: another architecture, a cut or damaged file, no plugin, another
/// border, an ability that this host lacks, a name that is the host's, a newer glibc.
pub fn examine(path: &Path, bytes: &[u8]) -> Result<Manifest, Fault> {
    let manifest = usable(path, file::manifest_of(path, bytes)?)?;
    needs::check(path, bytes, crate::load::running_glibc())?;
    Ok(manifest)
}

/// The same for a file that is yet to be installed, whose bytes are returned too. Its folder may
/// be one where anybody makes files of their own, such as `/tmp`.
///
/// # Errors
/// As for [`examine`]; besides when it cannot be read, is too large, or others may write it.
pub fn examine_file(path: &Path) -> Result<(Manifest, Vec<u8>), Fault> {
    let bytes = read(path, &TrustedOwners::default())?;
    Ok((examine(path, &bytes)?, bytes))
}

/// The bytes of a file that nobody else could have changed, of a size that a library may have.
pub(crate) fn read(path: &Path, owners: &TrustedOwners) -> Result<Vec<u8>, Fault> {
    let library = open_library(path, owners)?;
    read_bytes(&library.file, LARGEST).map_err(|error| error.of_library(path))
}
