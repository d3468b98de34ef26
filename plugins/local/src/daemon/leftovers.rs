//! Servers that a daemon left when it was killed. The next one takes them over; `down` ends them.

use crate::folders::Folders;
use crate::postgres::{Running, running};
use std::fs;
use std::path::{Path, PathBuf};

/// A PostgreSQL server that runs on our files.
#[derive(Debug)]
pub(crate) struct Leftover {
    /// Namespace and claim of a pod's volume; `None` for the private PostgreSQL.
    pub(crate) volume: Option<(String, String)>,
    /// Its process and port.
    pub(crate) running: Running,
}

/// Every server that runs on the files of this home, pods first.
pub(crate) fn leftovers(folders: &Folders) -> Vec<Leftover> {
    let mut found = Vec::new();
    for namespace in entries(&folders.volumes()) {
        for claim in entries(&namespace) {
            let volume = Some((name(&namespace), name(&claim)));
            let running = running(&claim.join(crate::kubelet::DATA));
            found.extend(running.map(|running| Leftover { volume, running }));
        }
    }
    let private = running(&folders.database());
    found.extend(private.map(|running| Leftover { volume: None, running }));
    found
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
