//! The log's files from the oldest to the one that is written, each read once however often they
//! are set aside meanwhile.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A line that is longer is cut; no event is.
const LONGEST: u64 = 1 << 20;

/// The file that was set aside as the `number`th.
pub(crate) fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

/// Which file it is, whatever it is called.
pub(crate) type FileId = (u64, u64);

/// A log file that is read.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) id: FileId,
    reader: BufReader<File>,
    /// What stands of a line that is not whole yet.
    part: Vec<u8>,
}

impl Open {
    fn new(file: File) -> io::Result<Self> {
        let data = file.metadata()?;
        Ok(Self {
            id: (data.dev(), data.ino()),
            reader: BufReader::with_capacity(64 * 1024, file),
            part: Vec::new(),
        })
    }

    /// The next whole line without its end; `None` where there is none yet.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            let before = self.part.len() as u64;
            let room = LONGEST.saturating_sub(before).max(1);
            let mut limited = io::Read::take(&mut self.reader, room);
            let read = limited.read_until(b'\n', &mut self.part)?;
            if self.part.last() == Some(&b'\n') {
                self.part.pop();
                return Ok(Some(std::mem::take(&mut self.part)));
            }
            if read == 0 {
                return Ok(None);
            }
            if self.part.len() as u64 >= LONGEST {
                let cut = std::mem::take(&mut self.part);
                self.skip_line()?;
                return Ok(Some(cut));
            }
        }
    }

    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let buffer = self.reader.fill_buf()?;
            if buffer.is_empty() {
                return Ok(());
            }
            match buffer.iter().position(|byte| *byte == b'\n') {
                Some(end) => {
                    self.reader.consume(end + 1);
                    return Ok(());
                }
                None => {
                    let all = buffer.len();
                    self.reader.consume(all);
                }
            }
        }
    }
}

/// Opens the files, the oldest first; those up to and including `until` are left out.
///
/// They are opened from the newest on, because files move that way: one that is set aside in
/// between is met again, and known by what it is.
///
/// # Errors
/// When one that is there cannot be read.
pub(crate) fn open(path: &Path, until: Option<FileId>) -> io::Result<Vec<Open>> {
    let mut found: Vec<Open> = Vec::new();
    for number in 0.. {
        let name = if number == 0 { path.to_owned() } else { numbered(path, number) };
        let file = match File::open(name) {
            Ok(file) => Open::new(file)?,
            // The one that is written may be missing for a moment, while it is set aside.
            Err(error) if error.kind() == io::ErrorKind::NotFound && number == 0 => continue,
            Err(error) if error.kind() == io::ErrorKind::NotFound => break,
            Err(error) => return Err(error),
        };
        if Some(file.id) == until {
            break;
        }
        if !found.iter().any(|other| other.id == file.id) {
            found.push(file);
        }
    }
    found.reverse();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::{numbered, open};
    use std::fs;

    #[test]
    fn files_are_read_from_the_oldest_and_lines_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.log");
        fs::write(numbered(&path, 2), "a\nb\n").unwrap();
        fs::write(numbered(&path, 1), format!("{}\nc\n", "x".repeat(3 << 20))).unwrap();
        fs::write(&path, "d\nunfinished").unwrap();
        let mut lines = Vec::new();
        let mut files = open(&path, None).unwrap();
        for file in &mut files {
            while let Some(line) = file.line().unwrap() {
                lines.push(String::from_utf8(line).unwrap());
            }
        }
        assert_eq!(lines[2].len(), 1 << 20);
        lines.remove(2);
        assert_eq!(lines, ["a", "b", "c", "d"]);
        let last = files.last_mut().unwrap();
        fs::write(&path, "d\nunfinished no more\n").unwrap();
        assert_eq!(last.line().unwrap().as_deref(), Some(b"unfinished no more".as_slice()));
        // A reader that knows a file gets those that came after it.
        let newer = open(&path, Some(files[1].id)).unwrap();
        assert_eq!(newer.iter().map(|file| file.id).collect::<Vec<_>>(), [files[2].id]);
    }
}
