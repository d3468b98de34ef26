//! What can be done to objects, as one change of the store each.

mod claims;
mod collect;
mod create;
mod delete;
mod list;
mod sweep;
mod update;

pub(crate) use create::prepare;
pub(crate) use delete::{DeleteOptions, Deleted};
pub(crate) use list::{ListOptions, Page, page};
pub(crate) use update::Part;

use super::admission::{self, Admission};
use super::object::metadata;
use super::resource::Resource;
use super::status::{ApiError, Result};
use super::storage::Transaction;
use serde_json::Value;

/// A change in the making, with all it takes.
pub(crate) struct Verbs<'t, 's> {
    /// The change.
    pub(crate) store: &'t mut Transaction<'s>,
    /// Who has a say in Services.
    pub(crate) admission: Option<&'t dyn Admission>,
    /// Whether the answer is wanted and the change is not.
    pub(crate) dry_run: bool,
    /// Whether a field that nobody knows is a fault.
    pub(crate) strict: bool,
}

impl Verbs<'_, '_> {
    /// Refuses fields that nobody knows, where they are a fault.
    pub(crate) fn refuse_unknown(&self, unknown: &[String]) -> Result<()> {
        if !self.strict || unknown.is_empty() {
            return Ok(());
        }
        let told: Vec<_> = unknown.iter().map(|path| format!("unknown field \"{path}\"")).collect();
        let message = format!("strict decoding error: {}", told.join(", "));
        Err(ApiError::bad_request(message))
    }

    /// Lets those who have a say look at the object before it is stored.
    fn admit(&self, resource: &Resource, old: Option<&Value>, object: &mut Value) -> Result<()> {
        if *resource == super::resource::SERVICE {
            let state = self.store.state();
            admission::service(self.admission, state, old, object)?;
        }
        if *resource == super::resource::CLAIM
            && let Some(old) = old
        {
            self.check_growth(old, object)?;
        }
        Ok(())
    }

    /// Stores the object, or only shows how it would be.
    fn put(&mut self, resource: &'static Resource, object: Value) -> Result<std::sync::Arc<Value>> {
        if self.dry_run {
            return Ok(std::sync::Arc::new(object));
        }
        self.store.put(resource, object)
    }
}

/// Whether objects of the resource count the changes of their `spec`.
fn counts_generations(resource: &Resource) -> bool {
    matches!(resource.kind, "StatefulSet" | "NetworkPolicy")
}

/// Counts a change of the `spec`.
fn next_generation(resource: &Resource, object: &mut Value) {
    if counts_generations(resource) {
        let generation = super::object::number(object, "/metadata/generation").unwrap_or_default();
        metadata(object).insert("generation".into(), (generation + 1).into());
    }
}

/// Compares the namespace in the object with the one in the path.
fn same_namespace(resource: &Resource, object: &mut Value, namespace: &str) -> Result<()> {
    let given = super::object::namespace(object);
    if !resource.namespaced {
        metadata(object).shift_remove("namespace");
        return Ok(());
    }
    if given.is_empty() {
        metadata(object).insert("namespace".into(), namespace.into());
        return Ok(());
    }
    if given == namespace {
        return Ok(());
    }
    Err(ApiError::bad_request(
        "the namespace of the provided object does not match the namespace sent on the request",
    ))
}
