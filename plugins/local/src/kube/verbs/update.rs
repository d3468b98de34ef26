//! `update` and `patch`, of whole objects and of their status.

use super::create::drop_managed;
use super::{Verbs, next_generation, same_namespace};
use crate::kube::object::{self, as_map, metadata};
use crate::kube::patch::Patch;
use crate::kube::resource::{Key, Resource, Subresource};
use crate::kube::status::{ApiError, Result};
use crate::kube::types::{claim_kind, typed};
use crate::kube::{defaults, validate};
use serde_json::Value;
use std::sync::Arc;

/// What of an object a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// All but the status.
    Whole,
    /// The status alone.
    Status,
}

/// Fields of the metadata that only the server sets.
const SERVER: [&str; 6] = [
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "resourceVersion",
];

impl Verbs<'_, '_> {
    /// Replaces an object, or its status. Answers the object and the unknown fields.
    pub(crate) fn update(
        &mut self,
        key: &Key,
        part: Part,
        mut object: Value,
    ) -> Result<(Arc<Value>, Vec<String>)> {
        claim_kind(key.resource, &mut object)?;
        let old = self.existing(key)?;
        check_preconditions(key, &object, &old)?;
        self.replace(key, part, object, &old)
    }

    /// Changes an object, or its status, as a patch says.
    pub(crate) fn patch(
        &mut self,
        key: &Key,
        part: Part,
        patch: &Patch,
    ) -> Result<(Arc<Value>, Vec<String>)> {
        let old = self.existing(key)?;
        let mut object = patch.apply(key.resource, &old)?;
        claim_kind(key.resource, &mut object)?;
        check_preconditions(key, &object, &old)?;
        self.replace(key, part, object, &old)
    }

    /// The object, or that there is none.
    pub(crate) fn existing(&self, key: &Key) -> Result<Arc<Value>> {
        let found = self.store.state().get(key).cloned();
        found.ok_or_else(|| ApiError::not_found(key.resource, &key.name))
    }

    fn replace(
        &mut self,
        key: &Key,
        part: Part,
        mut object: Value,
        old: &Arc<Value>,
    ) -> Result<(Arc<Value>, Vec<String>)> {
        let resource = key.resource;
        drop_managed(&mut object);
        let sent = typed(resource, object)?;
        self.refuse_unknown(&sent.unknown)?;
        let mut object = match part {
            Part::Whole => whole(key, sent.object, old)?,
            Part::Status => status(sent.object, old),
        };
        defaults::fill(resource, &mut object);
        if part == Part::Whole {
            self.admit(resource, Some(old), &mut object)?;
        }
        validate::change(resource, &object, old)?;
        if object.get("spec") != old.get("spec") {
            next_generation(resource, &mut object);
        }
        if object == **old {
            return Ok((Arc::clone(old), sent.unknown));
        }
        let stored = self.put(resource, object)?;
        self.finish_if_free(key)?;
        Ok((stored, sent.unknown))
    }
}

/// The new object with what the server keeps of the old one.
fn whole(key: &Key, mut object: Value, old: &Value) -> Result<Value> {
    same_namespace(key.resource, &mut object, &key.namespace)?;
    if object::name(&object) != key.name {
        return Err(ApiError::bad_request(format!(
            "the name of the object ({}) does not match the name on the URL ({})",
            object::name(&object),
            key.name
        )));
    }
    for field in SERVER {
        keep(metadata(&mut object), old.pointer("/metadata"), field);
    }
    if key.resource.has(Subresource::Status) {
        keep(as_map(&mut object), Some(old), "status");
    }
    if key.resource.kind == "Namespace" {
        keep(as_map(object::map(&mut object, "spec")), old.get("spec"), "finalizers");
    }
    Ok(object)
}

fn keep(map: &mut serde_json::Map<String, Value>, old: Option<&Value>, field: &str) {
    match old.and_then(|old| old.get(field)) {
        Some(value) => map.insert(field.into(), value.clone()),
        None => map.shift_remove(field),
    };
}

/// The old object with the new status.
fn status(sent: Value, old: &Value) -> Value {
    let mut object = old.clone();
    keep(as_map(&mut object), Some(&sent), "status");
    object
}

/// What the sender thought the object was.
fn check_preconditions(key: &Key, object: &Value, old: &Value) -> Result<()> {
    let Key { resource, name, .. } = key;
    let uid = object::uid(object);
    if !uid.is_empty() && uid != object::uid(old) {
        return Err(different(resource, name, uid, old));
    }
    let version = object::text(object, "/metadata/resourceVersion");
    if version.is_empty() || version == "0" || version == object::version(old).to_string() {
        return Ok(());
    }
    if version.parse::<u64>().is_err() {
        let message = format!("invalid resource version \"{version}\"");
        return Err(ApiError::bad_request(message));
    }
    Err(ApiError::changed(resource, name))
}

/// Another object has the name now.
pub(super) fn different(resource: &Resource, name: &str, uid: &str, old: &Value) -> ApiError {
    let why = format!(
        "Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
        object::uid(old)
    );
    ApiError::conflict(resource, name, &why)
}
