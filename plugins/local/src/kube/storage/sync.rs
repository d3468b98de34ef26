//! Group commit: whoever comes first syncs the file for all that are waiting.

use std::fs::File;
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Waits for lines to reach the disk.
pub(crate) struct Syncer {
    file: File,
    progress: Mutex<Progress>,
    changed: Condvar,
}

#[derive(Default)]
struct Progress {
    /// The most lines that anybody waits for.
    wanted: u64,
    /// Lines that are on the disk.
    synced: u64,
    /// Whether somebody is syncing.
    busy: bool,
    /// What a sync failed with. The kernel may have dropped what it could not write, so that a later
    /// success would mean nothing: from then on every write fails until all was written anew.
    failed: Option<String>,
}

impl Syncer {
    /// Syncs this file.
    pub(crate) fn new(file: File) -> Self {
        Self { file, progress: Mutex::default(), changed: Condvar::new() }
    }

    /// Blocks until the first `lines` lines are on the disk.
    pub(crate) fn wait(&self, lines: u64) -> io::Result<()> {
        let mut progress = self.lock();
        progress.wanted = progress.wanted.max(lines);
        loop {
            if let Some(failed) = &progress.failed {
                return Err(io::Error::other(failed.clone()));
            }
            if progress.synced >= lines {
                return Ok(());
            }
            if progress.busy {
                progress = self.changed.wait(progress).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            progress.busy = true;
            let reached = progress.wanted;
            drop(progress);
            let outcome = self.file.sync_data();
            progress = self.lock();
            progress.busy = false;
            match outcome {
                Ok(()) => progress.synced = progress.synced.max(reached),
                Err(error) => progress.failed = Some(error.to_string()),
            }
            self.changed.notify_all();
        }
    }

    /// Says that the first `lines` lines are on the disk, or what they did is: it was written anew.
    pub(crate) fn heal(&self, lines: u64) {
        let mut progress = self.lock();
        progress.failed = None;
        progress.synced = progress.synced.max(lines);
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::Syncer;
    use std::fs::File;

    #[test]
    fn a_sync_that_failed_holds_everybody_up_until_all_was_written_anew() {
        // Nothing can be synced there.
        let syncer = Syncer::new(File::open("/dev/null").unwrap());
        assert!(syncer.wait(1).is_err());
        assert!(syncer.wait(1).is_err());
        syncer.heal(2);
        assert!(syncer.wait(2).is_ok());
    }
}
