//! Reading on as the log grows, over every file that is set aside meanwhile.

use super::files::{self, Open};
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};

/// A reader at its place in the log.
#[derive(Debug)]
pub(crate) struct Reader {
    path: PathBuf,
    files: VecDeque<Open>,
}

impl Reader {
    /// Begins at the oldest line.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(crate) fn new(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), files: files::open(path, None)?.into() })
    }

    /// The next whole line; `None` where there is none yet.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(crate) fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            let Some(first) = self.files.front_mut() else {
                self.files = files::open(&self.path, None)?.into();
                if self.files.is_empty() {
                    return Ok(None);
                }
                continue;
            };
            if let Some(line) = first.line()? {
                return Ok(Some(line));
            }
            let id = first.id;
            if self.files.len() == 1 {
                let newer = files::open(&self.path, Some(id))?;
                if newer.is_empty() {
                    return Ok(None);
                }
                // It was set aside: what was written to it just before is read first.
                let late = self.files.front_mut().map(Open::line).transpose()?.flatten();
                self.files.extend(newer);
                if late.is_some() {
                    return Ok(late);
                }
            }
            self.files.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Reader;
    use crate::log::rotate::Rotating;

    #[test]
    fn no_line_is_lost_or_read_twice_over_many_rotations() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.log");
        let mut reader = Reader::new(&path).unwrap();
        assert_eq!(reader.line().unwrap(), None);
        let mut log = Rotating::open(&path, 64, 20).unwrap();
        let (mut written, mut read) = (0, 0);
        for round in 0..40 {
            for _ in 0..round % 13 {
                log.line(format!("line {written}\n").as_bytes()).unwrap();
                written += 1;
            }
            while let Some(line) = reader.line().unwrap() {
                assert_eq!(String::from_utf8(line).unwrap(), format!("line {read}"));
                read += 1;
            }
            assert_eq!(read, written);
        }
        assert!(written > 200);
    }
}
