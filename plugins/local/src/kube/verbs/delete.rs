//! `delete`: at once, after a pod's grace, or after finalizers are gone.

use super::update::different;
use super::{Verbs, next_generation};
use crate::kube::object::{self, metadata, number, text};
use crate::kube::resource::{self, Key};
use crate::kube::status::{ApiError, Result};
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

/// Seconds that a pod has to end where it does not say.
const GRACE: i64 = 30;

/// Keeps an owner until all that it owns is gone.
pub(super) const FOREGROUND: &str = "foregroundDeletion";

/// What happens to the objects that name the deleted one as their owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum Propagation {
    /// They are deleted afterwards.
    Background,
    /// They are deleted first.
    Foreground,
    /// They stay, without an owner.
    Orphan,
}

/// How to delete.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct DeleteOptions {
    /// Seconds that a pod has to end.
    pub(crate) grace_period_seconds: Option<i64>,
    /// What the object has to be.
    pub(crate) preconditions: Preconditions,
    /// What happens to what it owns.
    pub(crate) propagation_policy: Option<Propagation>,
    /// The old way to say `Orphan` or `Background`.
    pub(crate) orphan_dependents: Option<bool>,
    /// `All`: only say what would happen.
    pub(crate) dry_run: Vec<String>,
}

/// What an object has to be to be deleted.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Preconditions {
    /// Its unique id.
    pub(crate) uid: Option<String>,
    /// Its version.
    pub(crate) resource_version: Option<String>,
}

/// What came of it.
#[derive(Debug, Clone)]
pub(crate) enum Deleted {
    /// It is gone; this is what it was last.
    Gone(Arc<Value>),
    /// It is going: a grace runs, or finalizers hold it.
    Going(Arc<Value>),
}

impl DeleteOptions {
    fn propagation(&self) -> Propagation {
        let old = self
            .orphan_dependents
            .map(|orphan| if orphan { Propagation::Orphan } else { Propagation::Background });
        self.propagation_policy.or(old).unwrap_or(Propagation::Background)
    }
}

impl Deleted {
    /// The object, as it is or as it was.
    pub(crate) fn object(&self) -> &Arc<Value> {
        match self {
            Self::Gone(object) | Self::Going(object) => object,
        }
    }
}

impl Verbs<'_, '_> {
    /// Deletes an object, or begins to.
    pub(crate) fn delete(&mut self, key: &Key, options: &DeleteOptions) -> Result<Deleted> {
        let old = self.existing(key)?;
        check(key, options, &old)?;
        if *key.resource == resource::NAMESPACE {
            return self.delete_namespace(key, &old);
        }
        match options.propagation() {
            Propagation::Orphan if !self.dry_run => self.release(object::uid(&old))?,
            Propagation::Foreground if self.owns(&old) => {
                return self.delete_foreground(key, &old);
            }
            _ => {}
        }
        let seconds = grace(key, options, &old);
        if seconds == 0 && !object::has_finalizers(&old) {
            return self.remove(key).map(Deleted::Gone);
        }
        let marked = self.mark(key, &old, seconds)?;
        self.release_claim(key)?;
        Ok(Deleted::Going(marked))
    }

    fn owns(&self, object: &Value) -> bool {
        !self.store.state().owned_by(object::uid(object)).is_empty()
    }

    /// Says that the object is going in so many seconds.
    pub(super) fn mark(&mut self, key: &Key, old: &Arc<Value>, seconds: i64) -> Result<Arc<Value>> {
        let given = number(old, "/metadata/deletionGracePeriodSeconds");
        if object::is_terminating(old) && given.is_some_and(|given| given <= seconds) {
            return Ok(Arc::clone(old));
        }
        let mut object = Value::clone(old);
        if !object::is_terminating(old) {
            next_generation(key.resource, &mut object);
        }
        let end = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
        let end = end.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        metadata(&mut object).insert("deletionTimestamp".into(), end.into());
        metadata(&mut object).insert("deletionGracePeriodSeconds".into(), seconds.into());
        self.put(key.resource, object)
    }

    fn delete_foreground(&mut self, key: &Key, old: &Arc<Value>) -> Result<Deleted> {
        let mut object = Value::clone(old);
        let finalizers =
            metadata(&mut object).entry("finalizers").or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(finalizers) = finalizers
            && !finalizers.iter().any(|one| one == FOREGROUND)
        {
            finalizers.push(FOREGROUND.into());
        }
        let marked = self.mark(key, &Arc::new(object), 0)?;
        if !self.dry_run {
            for dependent in self.store.state().owned_by(object::uid(old)) {
                self.delete_if_there(&dependent)?;
            }
        }
        Ok(Deleted::Going(marked))
    }

    /// Deletes what may be gone already.
    pub(super) fn delete_if_there(&mut self, key: &Key) -> Result<()> {
        match self.delete(key, &DeleteOptions::default()) {
            Err(error) if error.code == 404 => Ok(()),
            other => other.map(|_| ()),
        }
    }

    /// Takes the object out of the store, and does what follows from that.
    pub(super) fn remove(&mut self, key: &Key) -> Result<Arc<Value>> {
        if self.dry_run {
            return self.existing(key);
        }
        let last = self.store.remove(key)?;
        let last = last.ok_or_else(|| ApiError::not_found(key.resource, &key.name))?;
        self.after_removal(&last)?;
        Ok(last)
    }

    /// Removes an object that is going, once nothing holds it any more.
    pub(super) fn finish_if_free(&mut self, key: &Key) -> Result<()> {
        if self.dry_run {
            return Ok(());
        }
        let Some(object) = self.store.state().get(key).cloned() else { return Ok(()) };
        let waits = *key.resource == resource::NAMESPACE
            || number(&object, "/metadata/deletionGracePeriodSeconds").unwrap_or_default() > 0;
        if object::is_terminating(&object) && !object::has_finalizers(&object) && !waits {
            self.remove(key)?;
        }
        Ok(())
    }
}

fn check(key: &Key, options: &DeleteOptions, old: &Value) -> Result<()> {
    if let Some(uid) = &options.preconditions.uid
        && uid != object::uid(old)
    {
        return Err(different(key.resource, &key.name, uid, old));
    }
    if let Some(version) = &options.preconditions.resource_version
        && *version != object::version(old).to_string()
    {
        let why = format!(
            "Precondition failed: ResourceVersion in precondition: {version}, ResourceVersion in \
             object meta: {}",
            object::version(old)
        );
        return Err(ApiError::conflict(key.resource, &key.name, &why));
    }
    Ok(())
}

/// How many seconds the object has until it has to be gone.
fn grace(key: &Key, options: &DeleteOptions, old: &Value) -> i64 {
    let runs = !text(old, "/spec/nodeName").is_empty()
        && !["Succeeded", "Failed"].contains(&text(old, "/status/phase"));
    if *key.resource != resource::POD || !runs {
        return 0;
    }
    let own = number(old, "/spec/terminationGracePeriodSeconds");
    match options.grace_period_seconds.or(own).unwrap_or(GRACE) {
        seconds if seconds < 0 => 1,
        seconds => seconds,
    }
}
