//! The objects of the stand-in, as those who look after pods use them.

use crate::kube::object::{name, namespace, uid};
use crate::kube::resource::Resource;
use crate::kube::{ApiError, ApiServer, DeleteOptions};
use serde_json::Value;
use std::fmt;
use std::sync::Arc;
use tokio::sync::watch;
use toygres_plugin_api::{Error, Result};

/// How often a change is made again that somebody else was faster than.
const TRIES: usize = 20;

/// Reads and writes objects.
#[derive(Clone)]
pub(super) struct Objects {
    api: ApiServer,
    changes: watch::Sender<u64>,
}

#[derive(Clone, Copy)]
enum Part {
    Whole,
    Status,
}

impl Objects {
    pub(super) fn new(api: ApiServer) -> Self {
        Self { api, changes: watch::Sender::new(0) }
    }

    /// One object, if it is there.
    pub(super) fn get(
        &self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
    ) -> Option<Arc<Value>> {
        self.api.get(resource, namespace, name).ok()
    }

    /// All of a kind, of all namespaces.
    pub(super) fn list(&self, resource: &'static Resource) -> Vec<Arc<Value>> {
        self.api.list(resource, None)
    }

    /// Makes an object; false where there is one of its name.
    pub(super) async fn create(&self, resource: &'static Resource, object: Value) -> Result<bool> {
        match self.api.create(resource, object).await {
            Ok(_) => Ok(true),
            Err(error) if error.reason == "AlreadyExists" => Ok(false),
            Err(error) => Err(refused(resource, "made", error)),
        }
    }

    /// Changes an object, as long as `edit` says that it did; `None` where it is gone.
    pub(super) async fn change(
        &self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
        edit: impl FnMut(&mut Value) -> bool,
    ) -> Result<Option<Arc<Value>>> {
        self.write(Part::Whole, resource, namespace, name, edit).await
    }

    /// The same for its status.
    pub(super) async fn change_status(
        &self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
        edit: impl FnMut(&mut Value) -> bool,
    ) -> Result<Option<Arc<Value>>> {
        self.write(Part::Status, resource, namespace, name, edit).await
    }

    async fn write(
        &self,
        part: Part,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
        mut edit: impl FnMut(&mut Value) -> bool,
    ) -> Result<Option<Arc<Value>>> {
        let mut last = None;
        for _ in 0..TRIES {
            let Some(found) = self.get(resource, namespace, name) else { return Ok(None) };
            let mut object = Value::clone(&found);
            if !edit(&mut object) {
                return Ok(Some(found));
            }
            let written = match part {
                Part::Whole => self.api.update(resource, object).await,
                Part::Status => self.api.update_status(resource, object).await,
            };
            match written {
                Ok(object) => return Ok(Some(object)),
                Err(error) if error.code == 404 => return Ok(None),
                Err(error) if error.code == 409 => last = Some(error),
                Err(error) => return Err(refused(resource, "changed", error)),
            }
        }
        Err(last.map_or_else(
            || Error::failed("nothing was tried"),
            |error| refused(resource, "changed", error),
        ))
    }

    /// Deletes this very object, with a grace of its own or these seconds; false where it is gone.
    ///
    /// # Errors
    /// Where it could not be written down: it is to be tried again.
    pub(super) async fn delete(
        &self,
        resource: &'static Resource,
        object: &Value,
        seconds: Option<i64>,
    ) -> Result<bool> {
        let mut options =
            DeleteOptions { grace_period_seconds: seconds, ..DeleteOptions::default() };
        options.preconditions.uid = Some(uid(object).to_owned());
        match self.api.delete(resource, namespace(object), name(object), options).await {
            Ok(_) => Ok(true),
            // Gone, or another one of its name.
            Err(error) if matches!(error.code, 404 | 409) => Ok(false),
            Err(error) => Err(refused(resource, "deleted", error)),
        }
    }

    /// Becomes another number with every change that pods may wait for.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Tells those who wait that something changed.
    pub(super) fn tell(&self) {
        self.changes.send_modify(|version| *version += 1);
    }
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Objects").finish_non_exhaustive()
    }
}

fn refused(resource: &Resource, verb: &str, error: ApiError) -> Error {
    Error::failed(format!("a {} cannot be {verb}", resource.kind)).cause(error.message)
}
