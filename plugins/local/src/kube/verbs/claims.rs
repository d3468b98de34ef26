//! A claim that a pod uses waits for the pod before it goes.

use super::Verbs;
use crate::kube::object::{self, items, metadata, text};
use crate::kube::quantity::Quantity;
use crate::kube::resource::{self, Key, Resource};
use crate::kube::status::{ApiError, Result};
use serde_json::{Value, json};

/// Keeps a claim as long as a pod uses it.
const PROTECTION: &str = "kubernetes.io/pvc-protection";

/// Protects a new claim.
pub(super) fn protect(claim: &mut Value) {
    let finalizers = metadata(claim).entry("finalizers").or_insert_with(|| json!([]));
    if let Value::Array(finalizers) = finalizers
        && !finalizers.iter().any(|one| one == PROTECTION)
    {
        finalizers.push(PROTECTION.into());
    }
}

impl Verbs<'_, '_> {
    /// Lets a claim grow only where its storage class does.
    pub(super) fn check_growth(&self, old: &Value, claim: &Value) -> Result<()> {
        let size = |claim: &Value| {
            let size = text(claim, "/spec/resources/requests/storage");
            Quantity::parse(size).map(Quantity::billionths)
        };
        if size(claim) <= size(old) || text(old, "/status/phase") != "Bound" {
            return Ok(());
        }
        let class = text(claim, "/spec/storageClassName");
        let class = self.store.state().get(&Key::new(&resource::STORAGE_CLASS, "", class));
        let grows = class.and_then(|class| class.get("allowVolumeExpansion"));
        if grows == Some(&Value::Bool(true)) {
            return Ok(());
        }
        let why = "only dynamically provisioned pvc can be resized and the storageclass that \
                   provisions the pvc must support resize";
        Err(ApiError::forbidden(&resource::CLAIM, object::name(claim), why))
    }

    /// Lets a claim go that is going and that no pod uses.
    pub(super) fn release_claim(&mut self, key: &Key) -> Result<()> {
        if self.dry_run || *key.resource != resource::CLAIM {
            return Ok(());
        }
        let Some(found) = self.store.state().get(key).cloned() else { return Ok(()) };
        if !object::is_terminating(&found) || self.is_used(key) {
            return Ok(());
        }
        let mut claim = Value::clone(&found);
        if let Some(Value::Array(finalizers)) = metadata(&mut claim).get_mut("finalizers") {
            finalizers.retain(|one| one != PROTECTION);
            if finalizers.is_empty() {
                metadata(&mut claim).shift_remove("finalizers");
            }
        }
        if claim != *found {
            self.put(key.resource, claim)?;
        }
        self.finish_if_free(key)
    }

    /// Lets the claims go that waited for this object, where it was a pod.
    pub(super) fn release_claims_of(&mut self, last: &Value) -> Result<()> {
        if Resource::of_object(last) != Some(&resource::POD) {
            return Ok(());
        }
        for claim in claims(last) {
            self.release_claim(&Key::new(&resource::CLAIM, object::namespace(last), claim))?;
        }
        Ok(())
    }

    /// Lets all claims go that wait for nothing, as after a crash.
    pub(crate) fn release_claims(&mut self) -> Result<()> {
        let claims = self.store.state().list(&resource::CLAIM, None);
        let going: Vec<Key> = claims
            .filter(|claim| object::is_terminating(claim))
            .map(|claim| Key::of(&resource::CLAIM, claim))
            .collect();
        going.iter().try_for_each(|key| self.release_claim(key))
    }

    fn is_used(&self, key: &Key) -> bool {
        self.store.state().list(&resource::POD, Some(&key.namespace)).any(|pod| {
            let ended = ["Succeeded", "Failed"].contains(&text(pod, "/status/phase"));
            // One that has no place yet gets none on a claim that is going.
            let is_placed = !text(pod, "/spec/nodeName").is_empty();
            !ended && is_placed && claims(pod).any(|claim| claim == key.name)
        })
    }
}

/// The names of the claims that a pod uses.
fn claims(pod: &Value) -> impl Iterator<Item = &str> {
    items(pod, "/spec/volumes")
        .iter()
        .map(|volume| text(volume, "/persistentVolumeClaim/claimName"))
        .filter(|claim| !claim.is_empty())
}
