//! `create`.

use super::claims::protect;
use super::{Verbs, counts_generations, same_namespace};
use crate::kube::object::{self, as_map, metadata, now};
use crate::kube::resource::{self, Key, Resource};
use crate::kube::status::{ApiError, Result};
use crate::kube::types::{Typed, claim_kind, typed};
use crate::kube::{defaults, validate};
use serde_json::{Map, Value};
use std::sync::Arc;

/// Letters that no words are made of.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// How often a name is made anew where it is taken.
const TRIES: usize = 8;

/// Makes what was sent a whole new object: types, metadata, defaults. Its name may still be missing.
pub(crate) fn prepare(resource: &Resource, namespace: &str, mut object: Value) -> Result<Typed> {
    claim_kind(resource, &mut object)?;
    drop_managed(&mut object);
    let mut sent = typed(resource, object)?;
    same_namespace(resource, &mut sent.object, namespace)?;
    if !object::text(&sent.object, "/metadata/resourceVersion").is_empty() {
        return Err(ApiError::bad_request(
            "resourceVersion should not be set on objects to be created",
        ));
    }
    stamp(resource, &mut sent.object);
    defaults::first_status(resource, &mut sent.object);
    defaults::fill(resource, &mut sent.object);
    Ok(sent)
}

/// Takes away who manages which field: that is not kept.
pub(super) fn drop_managed(object: &mut Value) {
    if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
        metadata.shift_remove("managedFields");
        metadata.shift_remove("selfLink");
    }
}

fn stamp(resource: &Resource, object: &mut Value) {
    let metadata = metadata(object);
    let server = ["deletionTimestamp", "deletionGracePeriodSeconds", "generation"];
    metadata.retain(|field, _| !server.contains(&field.as_str()));
    metadata.insert("uid".into(), uuid::Uuid::new_v4().to_string().into());
    metadata.insert("creationTimestamp".into(), now().into());
    if counts_generations(resource) {
        metadata.insert("generation".into(), 1.into());
    }
    if *resource == resource::NAMESPACE {
        let spec = as_map(object::map(object, "spec"));
        spec.insert("finalizers".into(), serde_json::json!(["kubernetes"]));
    }
    if *resource == resource::CLAIM {
        protect(object);
    }
    in_order(object);
}

/// Puts the fields into the order in which people know them.
fn in_order(object: &mut Value) {
    let map = as_map(object);
    let mut rest = std::mem::replace(map, Map::new());
    for field in ["apiVersion", "kind", "metadata"] {
        if let Some(value) = rest.shift_remove(field) {
            map.insert(field.into(), value);
        }
    }
    map.extend(rest);
}

impl Verbs<'_, '_> {
    /// Stores a prepared object.
    pub(crate) fn create(
        &mut self,
        resource: &'static Resource,
        mut object: Value,
    ) -> Result<Arc<Value>> {
        if object::name(&object).is_empty() {
            self.make_name(resource, &mut object)?;
        }
        self.check_namespace(resource, &object)?;
        validate::new(resource, &object)?;
        let key = Key::of(resource, &object);
        if let Some(found) = self.store.state().get(&key) {
            return Err(if object::is_terminating(found) {
                ApiError::still_exists(resource, &key.name)
            } else {
                ApiError::already_exists(resource, &key.name)
            });
        }
        self.admit(resource, None, &mut object)?;
        validate::new(resource, &object)?;
        let stored = self.put(resource, object)?;
        self.collect_orphan(&key)?;
        Ok(stored)
    }

    fn check_namespace(&self, resource: &Resource, object: &Value) -> Result<()> {
        if !resource.namespaced {
            return Ok(());
        }
        let namespace = object::namespace(object);
        let key = Key::new(&resource::NAMESPACE, "", namespace);
        match self.store.state().get(&key) {
            None => Err(ApiError::not_found(&resource::NAMESPACE, namespace)),
            Some(found) if object::is_terminating(found) => {
                Err(ApiError::terminating(resource, object::name(object), namespace))
            }
            Some(_) => Ok(()),
        }
    }

    fn make_name(&self, resource: &'static Resource, object: &mut Value) -> Result<()> {
        let prefix = object::text(object, "/metadata/generateName").to_owned();
        if prefix.is_empty() {
            return Ok(());
        }
        // Room for the letters within the longest name of a label.
        let prefix: String = prefix.chars().take(58).collect();
        let namespace = object::namespace(object).to_owned();
        for _ in 0..TRIES {
            let name = format!("{prefix}{}", random_letters());
            if self.store.state().get(&Key::new(resource, &namespace, &name)).is_none() {
                metadata(object).insert("name".into(), name.into());
                return Ok(());
            }
        }
        Err(ApiError::already_exists(resource, &prefix))
    }
}

fn random_letters() -> String {
    let random = uuid::Uuid::new_v4();
    let letters = random.as_bytes().iter().take(5);
    letters.map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])).collect()
}
