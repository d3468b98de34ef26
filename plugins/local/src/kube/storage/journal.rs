//! The files: a snapshot, and a journal of the changes since.
//!
//! `snapshot.jsonl` is written beside and renamed, so it is always whole. `journal.jsonl` grows by
//! lines; the last one may be torn by a crash and is then cut off, since nobody was told of it.
//! Lines that the snapshot already holds are skipped by their version, so that a crash between the
//! renaming and the emptying of the journal does no harm.

use super::record::Record;
use crate::kube::resource::Resource;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A journal shorter than this (bytes) is never compacted.
const SMALL: u64 = 8 << 20;

/// The first line of a snapshot.
#[derive(Serialize, Deserialize)]
struct Head {
    /// Version of the last change that it holds.
    version: u64,
    /// How many objects follow, a line each.
    objects: usize,
}

/// What the files hold.
pub(crate) struct Recovered {
    /// The objects of the snapshot.
    pub(crate) objects: Vec<Record>,
    /// Version of the snapshot; 0 where there is none.
    pub(crate) version: u64,
    /// The changes since, oldest first.
    pub(crate) changes: Vec<Record>,
}

/// The files, open for writing by this process alone.
pub(crate) struct Journal {
    folder: PathBuf,
    file: File,
    /// Bytes of whole lines in the file.
    length: u64,
    /// The length at which the journal outweighs what it would be as a snapshot.
    compact_at: u64,
    /// Lines ever written by this process: what waiting for a sync counts in.
    written: u64,
    /// Whether a part of a line is in the file that could not be cut off again.
    damaged: bool,
    /// Held while the store is open.
    _lock: File,
}

impl Journal {
    /// Opens or makes the files, and reads all that they hold.
    pub(crate) fn open(folder: &Path) -> io::Result<(Self, Recovered)> {
        fs::create_dir_all(folder)?;
        let lock = lock(folder)?;
        let (objects, version, snapshot) = read_snapshot(&folder.join("snapshot.jsonl"))?;
        // What a process left that was killed while it wrote it.
        match fs::remove_file(folder.join("snapshot.new")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let path = folder.join("journal.jsonl");
        // Every write goes to the end, wherever that is after the file was emptied or cut.
        let file = OpenOptions::new().read(true).append(true).create(true).open(&path)?;
        let (changes, length) = read_journal(&file, version)?;
        file.set_len(length)?;
        file.sync_all()?;
        sync_folder(folder)?;
        let folder = folder.to_owned();
        let compact_at = SMALL.max(snapshot * 2);
        let journal =
            Self { folder, file, length, compact_at, written: 0, damaged: false, _lock: lock };
        Ok((journal, Recovered { objects, version, changes }))
    }

    /// The journal's file, for syncing it.
    pub(crate) fn file(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// How many lines this process has written.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Writes one line. Where that fails, what was written of it is cut off again.
    pub(crate) fn append(&mut self, record: &Record) -> io::Result<()> {
        if self.damaged {
            return Err(broken("an earlier line could not be written whole"));
        }
        let line = record.to_line()?;
        if let Err(error) = self.file.write_all(&line) {
            self.damaged = self.file.set_len(self.length).is_err();
            return Err(error);
        }
        self.length += line.len() as u64;
        self.written += 1;
        Ok(())
    }

    /// Whether the journal outweighs what it would be as a snapshot.
    pub(crate) fn wants_compaction(&self) -> bool {
        self.length > self.compact_at
    }

    /// Writes a snapshot of all objects and empties the journal. Where that fails, the journal goes
    /// on growing, and it is tried again when it is twice as long.
    pub(crate) fn compact<'a>(
        &mut self,
        version: u64,
        objects: impl ExactSizeIterator<Item = &'a Arc<Value>>,
    ) -> io::Result<()> {
        self.compact_at = self.length * 2;
        let made = self.folder.join("snapshot.new");
        let size = match write_snapshot(&made, version, objects) {
            Ok(size) => size,
            Err(error) => {
                // It takes room on a disk that is full, and holds what may be deleted later.
                let _left = fs::remove_file(&made);
                return Err(error);
            }
        };
        fs::rename(&made, self.folder.join("snapshot.jsonl"))?;
        sync_folder(&self.folder)?;
        self.file.set_len(0)?;
        self.file.sync_all()?;
        self.length = 0;
        self.damaged = false;
        self.compact_at = SMALL.max(size * 2);
        Ok(())
    }

    /// Whether no line can be written until the journal was compacted.
    pub(crate) fn is_damaged(&self) -> bool {
        self.damaged
    }
}

fn lock(folder: &Path) -> io::Result<File> {
    let path = folder.join("lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let message = format!("another process has the store in {} open", folder.display());
            Err(io::Error::new(io::ErrorKind::ResourceBusy, message))
        }
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// The objects of a snapshot as changes, its version, and its size in bytes.
fn read_snapshot(path: &Path) -> io::Result<(Vec<Record>, u64, u64)> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), 0, 0)),
        Err(error) => return Err(error),
    };
    let size = file.metadata()?.len();
    let mut lines = BufReader::new(file).split(b'\n');
    let head = lines.next().ok_or_else(|| broken("the snapshot is empty"))??;
    let head: Head = serde_json::from_slice(&head)?;
    let mut records = Vec::with_capacity(head.objects);
    for line in lines {
        let object: Value = serde_json::from_slice(&line?)?;
        let resource = Resource::of_object(&object)
            .ok_or_else(|| broken("the snapshot holds an unknown kind"))?;
        let version = crate::kube::object::version(&object);
        records.push(Record::Put { version, resource, object: Arc::new(object) });
    }
    if records.len() != head.objects {
        return Err(broken("the snapshot is not whole"));
    }
    Ok((records, head.version, size))
}

/// The changes after `version`, and how many bytes of the file are whole lines.
fn read_journal(file: &File, version: u64) -> io::Result<(Vec<Record>, u64)> {
    let mut reader = BufReader::new(file);
    let mut length = 0;
    let mut line = Vec::new();
    let mut records = Vec::new();
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line)?;
        if line.last() != Some(&b'\n') {
            return Ok((records, length));
        }
        let record = Record::from_line(&line[..read - 1])
            .map_err(|why| broken(&format!("the journal is damaged at byte {length}: {why}")))?;
        length += read as u64;
        if record.version() > version {
            records.push(record);
        }
    }
}

fn write_snapshot<'a>(
    path: &Path,
    version: u64,
    objects: impl ExactSizeIterator<Item = &'a Arc<Value>>,
) -> io::Result<u64> {
    let mut writer = BufWriter::new(File::create(path)?);
    serde_json::to_writer(&mut writer, &Head { version, objects: objects.len() })?;
    writer.write_all(b"\n")?;
    for object in objects {
        serde_json::to_writer(&mut writer, &**object)?;
        writer.write_all(b"\n")?;
    }
    let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    Ok(file.metadata()?.len())
}

/// Makes new and renamed files of the folder last.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn broken(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}
