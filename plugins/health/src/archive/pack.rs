//! The archive itself: written beside its place and moved there whole, for its owner alone.

use super::collect::Entry;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tar::{Builder, Header};
use tempfile::NamedTempFile;

/// Writes the manifest and what was said into a file that is not there yet, and answers its size.
///
/// # Errors
/// When the folder cannot be written, or the file is there already.
pub(crate) fn pack(
    path: &Path,
    folder: &str,
    manifest: &Value,
    entries: &[Entry],
    written_at: i64,
) -> io::Result<u64> {
    let place = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let unfinished = NamedTempFile::new_in(place.unwrap_or(Path::new(".")))?;
    unfinished.as_file().set_permissions(PermissionsExt::from_mode(0o600))?;
    let seconds = u64::try_from(written_at).unwrap_or_default();
    let mut archive = Builder::new(GzEncoder::new(unfinished, Compression::default()));
    let mut add = |name: &str, text: &str| append(&mut archive, folder, name, text, seconds);
    add("manifest.json", &format!("{manifest:#}\n"))?;
    for entry in entries {
        if let Some(file) = entry.file() {
            add(file, &entry.text)?;
        }
    }
    let unfinished = archive.into_inner()?.finish()?;
    unfinished.as_file().sync_all()?;
    let file: File = unfinished.persist_noclobber(path)?;
    Ok(file.metadata()?.len())
}

fn append(
    archive: &mut Builder<impl Write>,
    folder: &str,
    name: &str,
    text: &str,
    seconds: u64,
) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o600);
    header.set_mtime(seconds);
    archive.append_data(&mut header, format!("{folder}/{name}"), text.as_bytes())
}
