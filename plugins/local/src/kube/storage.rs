//! The store: objects in memory, every change in a journal before it is seen.
//!
//! A change is written to the journal's file before it is applied, so a process that is killed loses
//! nothing that anybody saw. A verb answers only after the file was synced, so a machine that goes
//! down loses nothing that was answered. Verbs that arrive together share one sync.

mod history;
mod journal;
mod record;
mod state;
mod sync;
#[cfg(test)]
mod tests;

pub(crate) use history::{Change, Expired};
pub(crate) use state::State;

use super::resource::{Key, Resource};
use super::status::{ApiError, Result};
use journal::Journal;
use record::Record;
use serde_json::Value;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use sync::Syncer;
use tokio::sync::watch;

/// The objects, and the file that keeps them.
pub(crate) struct Store {
    inner: Mutex<Inner>,
    syncer: Syncer,
    version: watch::Sender<u64>,
}

struct Inner {
    state: State,
    journal: Journal,
}

/// A change in the making; it holds the store's lock.
pub(crate) struct Transaction<'a> {
    inner: &'a mut Inner,
}

impl Store {
    /// Opens or makes the store in `folder`. Fails where another process has it open, or where a
    /// line of a file that was written whole cannot be read.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        let (journal, recovered) = Journal::open(folder)?;
        let mut state = State::default();
        recovered.objects.into_iter().for_each(|record| state.apply(record));
        state.start_history(recovered.version);
        recovered.changes.into_iter().for_each(|record| state.apply(record));
        let syncer = Syncer::new(journal.file()?);
        let version = watch::Sender::new(state.version());
        Ok(Self { inner: Mutex::new(Inner { state, journal }), syncer, version })
    }

    /// Looks at the objects. The closure is short: nobody else sees the store meanwhile.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.lock().state)
    }

    /// Changes objects and waits until the change is on the disk.
    pub(crate) fn write<T>(
        &self,
        change: impl FnOnce(&mut Transaction<'_>) -> Result<T>,
    ) -> Result<T> {
        let (answer, written) = {
            let mut inner = self.lock();
            let answer = change(&mut Transaction { inner: &mut inner });
            // What was done before a refusal is done: it is published and synced all the same.
            self.version.send_replace(inner.state.version());
            let Inner { state, journal } = &mut *inner;
            if journal.wants_compaction() {
                // What was asked for is done, be the journal short or long; a disk that is full is
                // told by the next line that cannot be written.
                let _ = journal.compact(state.version(), state.everything());
            }
            (answer, journal.written())
        };
        self.syncer.wait(written).map_err(unwritable)?;
        answer
    }

    /// The version of the last change, and a way to wait for the next.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// Compacts, however short the journal is.
    #[cfg(test)]
    fn compact_now(&self) {
        let Inner { state, journal } = &mut *self.lock();
        journal.compact(state.version(), state.everything()).unwrap();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Each change is applied whole or not at all: a panic in a verb leaves nothing half done.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transaction<'_> {
    /// The objects as they are now.
    pub(crate) fn state(&self) -> &State {
        &self.inner.state
    }

    /// Stores an object under the next version.
    pub(crate) fn put(
        &mut self,
        resource: &'static Resource,
        mut object: Value,
    ) -> Result<Arc<Value>> {
        let version = self.inner.state.version() + 1;
        set_version(&mut object, version);
        let key = Key::of(resource, &object);
        let object = Arc::new(object);
        self.record(Record::Put { version, resource, object: Arc::clone(&object) })?;
        debug_assert!(self.state().get(&key).is_some());
        Ok(object)
    }

    /// Removes an object; its last state has the version of the removal.
    pub(crate) fn remove(&mut self, key: &Key) -> Result<Option<Arc<Value>>> {
        let Some(object) = self.state().get(key).cloned() else {
            return Ok(None);
        };
        let version = self.inner.state.version() + 1;
        self.record(Record::Remove { version, key: key.clone() })?;
        let mut last = Value::clone(&object);
        set_version(&mut last, version);
        Ok(Some(Arc::new(last)))
    }

    fn record(&mut self, record: Record) -> Result<()> {
        self.inner.journal.append(&record).map_err(unwritable)?;
        self.inner.state.apply(record);
        Ok(())
    }
}

fn set_version(object: &mut Value, version: u64) {
    let metadata = super::object::metadata(object);
    metadata.insert("resourceVersion".into(), version.to_string().into());
}

fn unwritable(error: io::Error) -> ApiError {
    ApiError::internal(format!("the store cannot be written: {error}"))
}
