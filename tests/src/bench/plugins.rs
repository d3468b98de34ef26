//! Many plugins out of one: copies of a library whose manifest names something else.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use toygres_tests::Result;

/// Puts the first-party plugins into a folder, and copies of one of them until there are `count`;
/// answers how many are from `from`.
pub(crate) fn copies(from: &Path, count: usize, into: &Path) -> Result<usize> {
    fs::create_dir_all(into)?;
    let mut have = 0;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "so") {
            install(&fs::read(&path)?, &into.join(path.file_name().ok_or("a file has a name")?))?;
            have += 1;
        }
    }
    let original = fs::read(from.join("libtoygres_config.so"))?;
    for n in have..count {
        // Names of the same length, so that nothing in the file moves.
        let library =
            replace(&original, b"\"name\":\"config\"", format!("\"name\":\"c{n:05}\"").as_bytes());
        let library =
            replace(&library, b"\"name\":\"env\"", format!("\"name\":\"e{n:02}\"").as_bytes());
        install(&library, &into.join(format!("copy{n}.so")))?;
    }
    Ok(have)
}

fn install(library: &[u8], path: &Path) -> Result {
    fs::write(path, library)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644))?;
    Ok(())
}

/// Every occurrence, by a text of the same length.
fn replace(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut replaced = bytes.to_vec();
    let mut at = 0;
    while let Some(found) = replaced[at..].windows(old.len()).position(|window| window == old) {
        at += found;
        replaced[at..at + old.len()].copy_from_slice(&new[..old.len()]);
        at += old.len();
    }
    replaced
}
