//! A file that is set aside when it has grown: `server.log` becomes `server.log.1`, that one
//! `server.log.2`, and the oldest goes.

use super::files::numbered;
use crate::process::home;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The file that is written, and how much of it there may be.
#[derive(Debug)]
pub(crate) struct Rotating {
    path: PathBuf,
    file: File,
    size: u64,
    most: u64,
    keep: u32,
}

impl Rotating {
    /// Goes on with the file. It is set aside before a line would make it larger than `most`
    /// bytes; `keep` older ones stay.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(crate) fn open(path: &Path, most: u64, keep: u32) -> io::Result<Self> {
        let file = opened(path)?;
        let size = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, size, most, keep })
    }

    /// Writes one whole line.
    ///
    /// # Errors
    /// When the disk is full, or the like. The next line is tried again.
    pub(crate) fn line(&mut self, line: &[u8]) -> io::Result<()> {
        let length = line.len() as u64;
        if self.size > 0 && self.size + length > self.most {
            self.set_aside()?;
        }
        self.file.write_all(line)?;
        self.size += length;
        Ok(())
    }

    fn set_aside(&mut self) -> io::Result<()> {
        if self.keep == 0 {
            self.file.set_len(0)?;
            self.size = 0;
            return Ok(());
        }
        for number in (1..self.keep).rev() {
            rename(&numbered(&self.path, number), &numbered(&self.path, number + 1))?;
        }
        rename(&self.path, &numbered(&self.path, 1))?;
        self.file = opened(&self.path)?;
        self.size = self.file.metadata()?.len();
        Ok(())
    }
}

fn opened(path: &Path) -> io::Result<File> {
    home::open_own(OpenOptions::new().append(true).create(true).mode(0o600), path)
}

fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::Rotating;
    use std::fs;

    #[test]
    fn a_grown_file_is_set_aside_and_the_oldest_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.log");
        let mut log = Rotating::open(&path, 10, 2).unwrap();
        for n in 0..5 {
            log.line(format!("line {n}\n").as_bytes()).unwrap();
        }
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).ok();
        assert_eq!(read("server.log").as_deref(), Some("line 4\n"));
        assert_eq!(read("server.log.1").as_deref(), Some("line 3\n"));
        assert_eq!(read("server.log.2").as_deref(), Some("line 2\n"));
        assert_eq!(read("server.log.3"), None);
        // A line that is larger than a file may be is not lost.
        log.line(b"a line of its own\n").unwrap();
        assert_eq!(read("server.log").as_deref(), Some("a line of its own\n"));
        let mut again = Rotating::open(&path, 100, 2).unwrap();
        again.line(b"appended\n").unwrap();
        assert_eq!(read("server.log").as_deref(), Some("a line of its own\nappended\n"));
    }
}
