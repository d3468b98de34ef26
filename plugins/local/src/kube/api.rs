//! The API server: the store, who may ask, and who has a say.

use super::admission::Admission;
use super::logs::PodLogs;
use super::object;
use super::patch::Patch;
use super::resource::{Key, Resource};
use super::seed;
use super::status::{ApiError, Result};
use super::storage::Store;
use super::tokens::Tokens;
use super::verbs::{self, DeleteOptions, Deleted, ListOptions, Page, Part, Verbs};
use super::watch::{Feed, Watch};
use serde_json::Value;
use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::watch as signal;

/// Between a change that asks for upkeep and the upkeep.
const GATHER: Duration = Duration::from_secs(1);

/// Between two attempts of upkeep that fails, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// The API server of the stand-in. Clones are the same server.
#[derive(Clone)]
pub(crate) struct ApiServer {
    shared: Arc<Shared>,
}

struct Shared {
    store: Store,
    tokens: Tokens,
    admission: OnceLock<Arc<dyn Admission>>,
    logs: OnceLock<Arc<dyn PodLogs>>,
    stopped: signal::Sender<bool>,
}

/// An object as it is now, and the fields of the request that nobody knows.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    /// The object.
    pub(crate) object: Arc<Value>,
    /// Paths of fields that were sent and dropped.
    pub(crate) unknown: Vec<String>,
}

/// How a change is made.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct WriteOptions {
    /// Whether the answer is wanted and the change is not.
    pub(crate) dry_run: bool,
    /// Whether a field that nobody knows is a fault.
    pub(crate) strict: bool,
}

impl ApiServer {
    /// Opens or makes the store in `folder`, and what every cluster has: namespaces, the machine,
    /// the storage class. Blocks while the store is read. Fails where another process has the store
    /// open, or where it is damaged.
    pub(crate) fn open(folder: &Path, tokens: Tokens) -> io::Result<Self> {
        let store = Store::open(folder)?;
        let shared = Shared {
            store,
            tokens,
            admission: OnceLock::new(),
            logs: OnceLock::new(),
            stopped: signal::Sender::new(false),
        };
        let server = Self { shared: Arc::new(shared) };
        server.settle().map_err(io::Error::other)?;
        Ok(server)
    }

    /// Goes on with what a crash interrupted, and makes what has to exist.
    fn settle(&self) -> Result<()> {
        self.change(WriteOptions::default(), |verbs| {
            verbs.sweep()?;
            seed::plant(verbs)
        })
    }

    /// Does what is to be done besides what was asked for, for as long as it is polled: what a change
    /// could not be followed by because it could not be written, and clearing the files of Secrets
    /// that are gone. What fails is tried again, with longer pauses.
    pub(super) async fn keep_up(&self) {
        let mut upkeep = self.shared.store.upkeep();
        // The store is there for as long as this is.
        while upkeep.wait_for(|upkeep| upkeep.is_due()).await.is_ok() {
            // Deletions come together; one snapshot is enough for them.
            tokio::time::sleep(GATHER).await;
            let mut pause = FIRST_PAUSE;
            while upkeep.borrow_and_update().is_due() {
                let server = self.clone();
                if blocking(move || server.catch_up()).await.is_err() {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    fn catch_up(&self) -> Result<()> {
        let store = &self.shared.store;
        // First, since nothing can be written to a journal that is damaged.
        if store.upkeep().borrow().compact {
            store.compact().map_err(|error| ApiError::internal(error.to_string()))?;
        }
        if store.take_unsettled() {
            self.change(WriteOptions::default(), |verbs| verbs.sweep())?;
        }
        Ok(())
    }

    /// Lets somebody have a say in Services; the first one stays.
    pub(crate) fn set_admission(&self, admission: Arc<dyn Admission>) {
        let _ = self.shared.admission.set(admission);
    }

    /// Says where pods' logs are; the first one stays.
    pub(crate) fn set_logs(&self, logs: Arc<dyn PodLogs>) {
        let _ = self.shared.logs.set(logs);
    }

    /// Ends all watches and log streams, so that connections can be closed.
    pub(crate) fn stop(&self) {
        self.shared.stopped.send_replace(true);
    }

    /// Becomes true when the server stops.
    pub(super) fn stopped(&self) -> signal::Receiver<bool> {
        self.shared.stopped.subscribe()
    }

    pub(super) fn tokens(&self) -> &Tokens {
        &self.shared.tokens
    }

    pub(super) fn logs(&self) -> Option<Arc<dyn PodLogs>> {
        self.shared.logs.get().cloned()
    }

    pub(super) fn store(&self) -> &Store {
        &self.shared.store
    }

    /// One object.
    pub(crate) fn get(
        &self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
    ) -> Result<Arc<Value>> {
        let key = Key::new(resource, namespace, name);
        let found = self.shared.store.read(|state| state.get(&key).cloned());
        found.ok_or_else(|| ApiError::not_found(resource, name))
    }

    /// All objects of a resource, of one namespace or of all.
    pub(crate) fn list(
        &self,
        resource: &'static Resource,
        namespace: Option<&str>,
    ) -> Vec<Arc<Value>> {
        self.shared.store.read(|state| state.list(resource, namespace).cloned().collect())
    }

    /// Selected objects of a resource, in pages.
    pub(crate) fn page(
        &self,
        resource: &'static Resource,
        namespace: Option<&str>,
        options: &ListOptions,
    ) -> Result<Page> {
        self.shared.store.read(|state| verbs::page(state, resource, namespace, options))
    }

    /// All objects of a resource now, and each change from then on. What is behind by more changes
    /// than are kept starts anew.
    pub(crate) fn watch(&self, resource: &'static Resource, namespace: Option<&str>) -> Watch {
        Watch::new(Feed::new(self.clone(), resource, namespace.map(str::to_owned)))
    }

    /// Makes an object; an empty namespace is taken from the object.
    pub(crate) async fn create(
        &self,
        resource: &'static Resource,
        object: Value,
    ) -> Result<Arc<Value>> {
        let server = self.clone();
        let namespace = object::namespace(&object).to_owned();
        blocking(move || {
            let written =
                server.create_now(resource, &namespace, object, WriteOptions::default())?;
            Ok(written.object)
        })
        .await
    }

    /// Replaces an object; its version, where it has one, must be the current one.
    pub(crate) async fn update(
        &self,
        resource: &'static Resource,
        object: Value,
    ) -> Result<Arc<Value>> {
        self.replace(resource, Part::Whole, object).await
    }

    /// Replaces the status of an object; its version, where it has one, must be the current one.
    pub(crate) async fn update_status(
        &self,
        resource: &'static Resource,
        object: Value,
    ) -> Result<Arc<Value>> {
        self.replace(resource, Part::Status, object).await
    }

    async fn replace(
        &self,
        resource: &'static Resource,
        part: Part,
        object: Value,
    ) -> Result<Arc<Value>> {
        let server = self.clone();
        let key = Key::of(resource, &object);
        blocking(move || Ok(server.update_now(&key, part, object, WriteOptions::default())?.object))
            .await
    }

    /// Deletes an object, or begins to.
    pub(crate) async fn delete(
        &self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
        options: DeleteOptions,
    ) -> Result<Deleted> {
        let server = self.clone();
        let key = Key::new(resource, namespace, name);
        blocking(move || server.delete_now(&key, &options)).await
    }

    /// [`Self::create`], blocking.
    pub(super) fn create_now(
        &self,
        resource: &'static Resource,
        namespace: &str,
        object: Value,
        options: WriteOptions,
    ) -> Result<Written> {
        let sent = verbs::prepare(resource, namespace, object)?;
        self.rewrite(options, move |verbs| {
            verbs.refuse_unknown(&sent.unknown)?;
            Ok((verbs.create(resource, sent.object)?, sent.unknown))
        })
    }

    /// [`Self::update`], blocking, of a part.
    pub(super) fn update_now(
        &self,
        key: &Key,
        part: Part,
        object: Value,
        options: WriteOptions,
    ) -> Result<Written> {
        self.rewrite(options, move |verbs| verbs.update(key, part, object))
    }

    /// Changes a part of an object as a patch says, blocking.
    pub(super) fn patch_now(
        &self,
        key: &Key,
        part: Part,
        patch: &Patch,
        options: WriteOptions,
    ) -> Result<Written> {
        self.rewrite(options, |verbs| verbs.patch(key, part, patch))
    }

    fn rewrite(
        &self,
        options: WriteOptions,
        write: impl FnOnce(&mut Verbs<'_, '_>) -> Result<(Arc<Value>, Vec<String>)>,
    ) -> Result<Written> {
        self.change(options, |verbs| {
            let (object, unknown) = write(verbs)?;
            Ok(Written { object, unknown })
        })
    }

    /// [`Self::delete`], blocking.
    pub(super) fn delete_now(&self, key: &Key, options: &DeleteOptions) -> Result<Deleted> {
        let how = WriteOptions { dry_run: !options.dry_run.is_empty(), strict: false };
        self.change(how, |verbs| verbs.delete(key, options))
    }

    fn change<T>(
        &self,
        how: WriteOptions,
        change: impl FnOnce(&mut Verbs<'_, '_>) -> Result<T>,
    ) -> Result<T> {
        let admission = self.shared.admission.get().map(|admission| &**admission);
        let WriteOptions { dry_run, strict } = how;
        self.shared.store.write(|store| change(&mut Verbs { store, admission, dry_run, strict }))
    }
}

/// Runs what waits for a disk where it holds nobody up.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(ApiError::internal)?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::resource;
    use serde_json::json;

    #[test]
    fn what_did_not_follow_from_a_change_follows_once_it_can() {
        let folder = tempfile::tempdir().unwrap();
        let going = "2024-11-17T12:00:00Z";
        let orphan = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {
                "name": "orphan", "namespace": "toygres", "uid": "1", "ownerReferences": [{
                    "apiVersion": "apps/v1", "kind": "StatefulSet", "name": "gone", "uid": "9",
                }],
            },
        });
        let held = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {
                "name": "held", "namespace": "toygres", "uid": "2", "deletionTimestamp": going,
            },
        });
        let owner = json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {
                "name": "owner", "namespace": "toygres", "uid": "3", "deletionTimestamp": going,
                "finalizers": ["foregroundDeletion"],
            },
        });
        let owned = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {
                "name": "owned", "namespace": "toygres", "uid": "4", "ownerReferences": [{
                    "apiVersion": "apps/v1", "kind": "StatefulSet", "name": "owner", "uid": "3",
                }],
            },
        });
        let all = [
            (&resource::CONFIG_MAP, "orphan", orphan),
            (&resource::CONFIG_MAP, "held", held),
            (&resource::STATEFUL_SET, "owner", owner),
            (&resource::CONFIG_MAP, "owned", owned),
        ];
        let leave = |store: &Store| {
            for (resource, _, object) in &all {
                store.write(|change| change.put(resource, object.clone())).unwrap();
            }
        };
        let is_gone = |server: &ApiServer| {
            for (resource, name, _) in &all {
                assert!(server.get(resource, "toygres", name).is_err(), "{name}");
            }
        };
        // By the next process, and by this one.
        leave(&Store::open(folder.path()).unwrap());
        let server = ApiServer::open(folder.path(), Tokens::new(["t"])).unwrap();
        is_gone(&server);
        leave(server.store());
        server.change(WriteOptions::default(), |verbs| verbs.sweep()).unwrap();
        is_gone(&server);
    }

    #[test]
    fn a_clone_is_the_same_server() {
        let folder = tempfile::tempdir().unwrap();
        let server = ApiServer::open(folder.path(), Tokens::new(["t"])).unwrap();
        let namespaces = server.clone().list(&resource::NAMESPACE, None);
        assert_eq!(namespaces, server.list(&resource::NAMESPACE, None));
        assert!(ApiServer::open(folder.path(), Tokens::new(["t"])).is_err(), "it is open");
    }
}
