//! The files that are installed, by their path below the prefix.

use std::collections::BTreeMap;

/// A file as it is installed.
pub(crate) struct File {
    pub(crate) mode: u32,
    pub(crate) bytes: Vec<u8>,
}

/// Files by path, sorted.
#[derive(Default)]
pub(crate) struct Tree(BTreeMap<String, File>);

impl Tree {
    /// Adds a file.
    pub(crate) fn add(&mut self, path: &str, mode: u32, bytes: impl Into<Vec<u8>>) {
        self.0.insert(path.to_owned(), File { mode, bytes: bytes.into() });
    }

    /// The files, by path.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &File)> {
        self.0.iter().map(|(path, file)| (path.as_str(), file))
    }

    /// The bytes of all files.
    pub(crate) fn size(&self) -> usize {
        self.0.values().map(|file| file.bytes.len()).sum()
    }
}
