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

use super::resource::{Key, Resource, SECRET};
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
    upkeep: watch::Sender<Upkeep>,
}

struct Inner {
    state: State,
    journal: Journal,
    upkeep: Upkeep,
}

/// What has to be done besides what was asked for, as soon as it can be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Upkeep {
    /// A change could not be written: what should have followed from another one may be missing.
    pub(crate) unsettled: bool,
    /// The files hold what they must not any more (a Secret that was deleted or changed), or cannot
    /// be relied on: a snapshot of the objects takes their place.
    pub(crate) compact: bool,
}

impl Upkeep {
    /// Whether there is anything.
    pub(crate) fn is_due(self) -> bool {
        self.unsettled || self.compact
    }
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
        let mut upkeep = Upkeep::default();
        for record in recovered.changes {
            upkeep.compact |= ends_secret(&state, &record);
            state.apply(record);
        }
        let syncer = Syncer::new(journal.file()?);
        let version = watch::Sender::new(state.version());
        let inner = Mutex::new(Inner { state, journal, upkeep });
        Ok(Self { inner, syncer, version, upkeep: watch::Sender::new(upkeep) })
    }

    /// What has to be done besides, and a way to wait for it.
    pub(crate) fn upkeep(&self) -> watch::Receiver<Upkeep> {
        self.upkeep.subscribe()
    }

    /// Says that whoever asks takes care of what was unsettled; a change that fails says so again.
    pub(crate) fn take_unsettled(&self) -> bool {
        let mut inner = self.lock();
        let unsettled = std::mem::take(&mut inner.upkeep.unsettled);
        self.upkeep.send_replace(inner.upkeep);
        unsettled
    }

    /// Writes all objects into a snapshot, which takes the place of all that was written before. Where
    /// the journal could not be written or synced, it can be from then on: what is in memory was
    /// either written before, or whoever asked for it was told that it was not.
    ///
    /// # Errors
    /// The file system's; the files are then as they were.
    pub(crate) fn compact(&self) -> io::Result<()> {
        let mut inner = self.lock();
        let Inner { state, journal, upkeep } = &mut *inner;
        journal.compact(state.version(), state.everything())?;
        upkeep.compact = false;
        self.upkeep.send_replace(*upkeep);
        self.syncer.heal(journal.written());
        Ok(())
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
            let Inner { state, journal, upkeep } = &mut *inner;
            if journal.wants_compaction() {
                // What was asked for is done, be the journal short or long; a disk that is full is
                // told by the next line that cannot be written.
                if journal.compact(state.version(), state.everything()).is_ok() {
                    upkeep.compact = false;
                }
            }
            self.tell_upkeep(*upkeep);
            (answer, journal.written())
        };
        if let Err(error) = self.syncer.wait(written) {
            let mut inner = self.lock();
            inner.upkeep = Upkeep { unsettled: true, compact: true };
            self.tell_upkeep(inner.upkeep);
            return Err(unwritable(error));
        }
        answer
    }

    /// The version of the last change, and a way to wait for the next.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    fn tell_upkeep(&self, upkeep: Upkeep) {
        self.upkeep.send_if_modified(|told| {
            let changed = *told != upkeep;
            *told = upkeep;
            changed
        });
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
        let Inner { state, journal, upkeep } = &mut *self.inner;
        if let Err(error) = journal.append(&record) {
            upkeep.unsettled = true;
            upkeep.compact |= journal.is_damaged();
            return Err(unwritable(error));
        }
        upkeep.compact |= ends_secret(state, &record);
        state.apply(record);
        Ok(())
    }
}

/// Whether a change ends what a Secret held: that must not stay in a file for long.
fn ends_secret(state: &State, record: &Record) -> bool {
    let (key, after) = match record {
        Record::Put { resource, object, .. } => (Key::of(resource, object), Some(object)),
        Record::Remove { key, .. } => (key.clone(), None),
    };
    if *key.resource != SECRET {
        return false;
    }
    // kubectl keeps what was applied in an annotation.
    let held = |secret: &Value| {
        ["/data", "/metadata/annotations"].map(|place| secret.pointer(place).cloned())
    };
    let before = state.get(&key).map(|before| held(before));
    before.is_some_and(|before| after.map(|after| held(after)) != Some(before))
}

fn set_version(object: &mut Value, version: u64) {
    let metadata = super::object::metadata(object);
    metadata.insert("resourceVersion".into(), version.to_string().into());
}

fn unwritable(error: io::Error) -> ApiError {
    ApiError::internal(format!("the store cannot be written: {error}"))
}
