//! The lock that the server holds for its whole life.
//!
//! It is a record lock of the kernel: it goes with the process however that ends, a child does not
//! inherit it, and the kernel answers who holds it. A process loses it by closing any handle of
//! the file, so the server opens the file once.

use super::home;
use rustix::fs::{FlockOperation, fcntl_lock};
use rustix::io::Errno;
use rustix::process::{Flock, FlockType, Pid, fcntl_getlk};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The lock, held as long as this value lives.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// The file that is locked, beside the pid file; it stays.
pub(crate) fn path(pid_file: &Path) -> PathBuf {
    let mut name = pid_file.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

impl Lock {
    /// Takes the lock; `None` where another process holds it.
    ///
    /// # Errors
    /// When the file cannot be made or locked.
    pub(crate) fn take(path: &Path) -> io::Result<Option<Self>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = home::open_own(&mut options, path)?;
        match fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(Errno::AGAIN | Errno::ACCESS) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The process that holds the lock, by the kernel's word.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn holder(path: &Path) -> io::Result<Option<Pid>> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let wanted = Flock::from(FlockType::WriteLock);
        Ok(fcntl_getlk(&file, &wanted)?.and_then(|held| held.pid))
    }
}
