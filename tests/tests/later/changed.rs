//! plugin-api as a later release may have it.

use super::packaged::{away, unpack};
use std::path::{Path, PathBuf};

/// A binary that was built without optimisation beside such a library.
pub(crate) fn binary(name: &str) -> PathBuf {
    away().join("target-plain/debug").join(name)
}

/// Lays plugin-api, as it is packaged, into a folder of this name with texts replaced: each of them
/// stands once in its file. A file that is as it should be keeps its time, for cargo's sake.
pub(crate) fn api(name: &str, replaced: &[(&str, &str, &str)]) {
    let away = away();
    unpack(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap(), &away);
    let (packaged, folder) = (away.join("toygres-plugin-api-1.0.0"), away.join(name));
    for path in files(&packaged) {
        let mut bytes = std::fs::read(packaged.join(&path)).unwrap();
        for (_, before, after) in replaced.iter().filter(|(file, ..)| path == Path::new(file)) {
            let text = String::from_utf8(bytes).unwrap();
            assert_eq!(text.matches(before).count(), 1, "{}: {before}", path.display());
            bytes = text.replace(before, after).into_bytes();
        }
        let into = folder.join(&path);
        if std::fs::read(&into).is_ok_and(|there| there == bytes) {
            continue;
        }
        std::fs::create_dir_all(into.parent().unwrap()).unwrap();
        std::fs::write(into, bytes).unwrap();
    }
}

/// The paths of all files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(folder).unwrap().to_owned());
            }
        }
    }
    found
}
