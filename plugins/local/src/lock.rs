//! Locks between processes: a file that one process at a time holds. The system lets go of it
//! however that process ends.

use crate::files;
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;
use toygres_plugin_api::{Error, Result};

/// How often a lock that another holds is tried again.
const TRY_AGAIN: Duration = Duration::from_millis(50);

/// A held lock; dropping it lets go.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock; `None` where another process holds it.
    pub(crate) fn try_take(path: &Path) -> Result<Option<Self>> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(|error| files::failed("open", path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(files::failed("lock", path, &error)),
        }
    }

    /// Whether some process holds it. One that does not exist is held by nobody.
    pub(crate) fn is_held(path: &Path) -> Result<bool> {
        Ok(path.exists() && Self::try_take(path)?.is_none())
    }

    /// Takes it, waiting for whoever holds it until `deadline`; `what` that one does is said.
    pub(crate) async fn take(path: &Path, deadline: Instant, what: &str) -> Result<Self> {
        loop {
            if let Some(lock) = Self::try_take(path)? {
                return Ok(lock);
            }
            if Instant::now() >= deadline {
                return Err(Error::timed_out(format!("{what} has not ended"))
                    .hint("see who holds it: fuser ".to_owned() + &path.display().to_string()));
            }
            tokio::time::sleep(TRY_AGAIN).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Lock;

    #[test]
    fn one_holds_it_until_it_lets_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        assert!(!Lock::is_held(&path).unwrap());
        let held = Lock::try_take(&path).unwrap().unwrap();
        assert!(Lock::try_take(&path).unwrap().is_none());
        assert!(Lock::is_held(&path).unwrap());
        drop(held);
        assert!(!Lock::is_held(&path).unwrap());
    }
}
