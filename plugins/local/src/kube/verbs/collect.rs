//! What follows from a removal: what was owned goes, too, and namespaces that are going end.

use super::Verbs;
use super::delete::{Deleted, FOREGROUND};
use crate::kube::object::{self, as_map, items, map, metadata, text};
use crate::kube::resource::{self, Key, Resource};
use crate::kube::status::{ApiError, Result};
use serde_json::{Value, json};
use std::sync::Arc;

/// Namespaces that always exist.
const KEPT: [&str; 3] = ["default", "kube-system", "kube-public"];

impl Verbs<'_, '_> {
    /// Does what follows from the removal of `last`.
    pub(super) fn after_removal(&mut self, last: &Value) -> Result<()> {
        for dependent in self.store.state().owned_by(object::uid(last)) {
            self.collect_orphan(&dependent)?;
        }
        for owner in items(last, "/metadata/ownerReferences") {
            self.release_owner(object::namespace(last), owner)?;
        }
        self.release_claims_of(last)?;
        let namespace = object::namespace(last);
        if !namespace.is_empty() {
            self.end_namespace(namespace)?;
        }
        Ok(())
    }

    /// Deletes an object whose owners are all gone; drops those owners that are gone otherwise.
    pub(crate) fn collect_orphan(&mut self, key: &Key) -> Result<()> {
        let Some(object) = self.store.state().get(key).cloned() else { return Ok(()) };
        let owners = items(&object, "/metadata/ownerReferences");
        let lives = |owner: &&Value| self.store.state().has_uid(text(owner, "/uid"));
        let living: Vec<Value> = owners.iter().filter(lives).cloned().collect();
        if self.dry_run || owners.len() == living.len() {
            return Ok(());
        }
        if living.is_empty() {
            return self.delete_if_there(key);
        }
        let mut object = Value::clone(&object);
        metadata(&mut object).insert("ownerReferences".into(), living.into());
        self.put(key.resource, object).map(|_| ())
    }

    /// Deletes all objects whose owners are gone, as after a crash between the two.
    pub(crate) fn collect_orphans(&mut self) -> Result<()> {
        for key in self.store.state().all_owned() {
            self.collect_orphan(&key)?;
        }
        Ok(())
    }

    /// Takes an owner out of all that it owns.
    pub(super) fn release(&mut self, uid: &str) -> Result<()> {
        for key in self.store.state().owned_by(uid) {
            let mut object = Value::clone(&*self.existing(&key)?);
            let owners = metadata(&mut object).get_mut("ownerReferences");
            if let Some(Value::Array(owners)) = owners {
                owners.retain(|owner| text(owner, "/uid") != uid);
                if owners.is_empty() {
                    metadata(&mut object).shift_remove("ownerReferences");
                }
            }
            self.put(key.resource, object)?;
        }
        Ok(())
    }

    /// Lets an owner go that waited for the last thing it owned.
    fn release_owner(&mut self, namespace: &str, owner: &Value) -> Result<()> {
        let uid = text(owner, "/uid");
        let Some(resource) = Resource::of_object(owner) else { return Ok(()) };
        self.end_foreground(&Key::new(resource, namespace, text(owner, "/name")), uid)
    }

    /// Lets an object go whose foreground deletion waits for nothing any more.
    pub(super) fn end_foreground(&mut self, key: &Key, uid: &str) -> Result<()> {
        let Some(found) = self.store.state().get(key).cloned() else { return Ok(()) };
        let waits = items(&found, "/metadata/finalizers").iter().any(|one| one == FOREGROUND);
        if object::uid(&found) != uid || !waits || !self.store.state().owned_by(uid).is_empty() {
            return Ok(());
        }
        let mut found = Value::clone(&found);
        if let Some(Value::Array(finalizers)) = metadata(&mut found).get_mut("finalizers") {
            finalizers.retain(|one| one != FOREGROUND);
            if finalizers.is_empty() {
                metadata(&mut found).shift_remove("finalizers");
            }
        }
        self.put(key.resource, found)?;
        self.finish_if_free(key)
    }

    /// Begins to delete a namespace: all that is in it first.
    pub(super) fn delete_namespace(&mut self, key: &Key, old: &Arc<Value>) -> Result<Deleted> {
        if KEPT.contains(&key.name.as_str()) {
            let why = "this namespace may not be deleted";
            return Err(ApiError::forbidden(key.resource, &key.name, why));
        }
        let mut object = Value::clone(old);
        as_map(map(&mut object, "status")).insert("phase".into(), json!("Terminating"));
        if !object::is_terminating(old) {
            metadata(&mut object).insert("deletionTimestamp".into(), object::now().into());
        }
        let marked =
            if object == **old { Arc::clone(old) } else { self.put(key.resource, object)? };
        if !self.dry_run {
            self.empty_namespace(&key.name)?;
        }
        Ok(Deleted::Going(marked))
    }

    fn empty_namespace(&mut self, namespace: &str) -> Result<()> {
        for key in self.store.state().content(namespace) {
            self.delete_if_there(&key)?;
        }
        self.end_namespace(namespace)
    }

    /// Removes a namespace that is going and empty.
    fn end_namespace(&mut self, namespace: &str) -> Result<()> {
        let key = Key::new(&resource::NAMESPACE, "", namespace);
        let Some(found) = self.store.state().get(&key).cloned() else { return Ok(()) };
        if object::is_terminating(&found)
            && !object::has_finalizers(&found)
            && self.store.state().is_empty(namespace)
        {
            self.remove(&key)?;
        }
        Ok(())
    }

    /// Goes on with namespaces that were being deleted when the process ended.
    pub(crate) fn finish_namespaces(&mut self) -> Result<()> {
        let going: Vec<String> = self
            .store
            .state()
            .list(&resource::NAMESPACE, None)
            .filter(|namespace| object::is_terminating(namespace))
            .map(|namespace| object::name(namespace).to_owned())
            .collect();
        going.iter().try_for_each(|namespace| self.empty_namespace(namespace))
    }
}
