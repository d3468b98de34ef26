//! The objects in memory, sorted as lists give them.

use super::history::{Change, Expired, History};
use super::record::Record;
use crate::kube::object;
use crate::kube::resource::{Key, Resource};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Bound;
use std::sync::Arc;

/// Namespace and name: the order of lists.
pub(crate) type Place = (String, String);

type Table = BTreeMap<Place, Arc<Value>>;

/// All objects, and what is known of the latest changes.
#[derive(Debug, Default)]
pub(crate) struct State {
    tables: HashMap<&'static Resource, Table>,
    /// Objects by the unique id of an owner they name.
    owned: HashMap<String, HashSet<Key>>,
    /// Unique ids of all objects.
    uids: HashSet<String>,
    history: History,
    version: u64,
}

impl State {
    /// The version of the last change.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// One object.
    pub(crate) fn get(&self, key: &Key) -> Option<&Arc<Value>> {
        self.tables.get(key.resource)?.get(&(key.namespace.clone(), key.name.clone()))
    }

    /// Whether an object with this unique id exists.
    pub(crate) fn has_uid(&self, uid: &str) -> bool {
        self.uids.contains(uid)
    }

    /// The objects of a resource, of one namespace or of all, by namespace and name.
    pub(crate) fn list<'a>(
        &'a self,
        resource: &'static Resource,
        namespace: Option<&'a str>,
    ) -> impl Iterator<Item = &'a Arc<Value>> {
        let start = namespace.unwrap_or_default().to_owned();
        let from = Bound::Included((start, String::new()));
        self.tables
            .get(resource)
            .into_iter()
            .flat_map(move |table| table.range((from.clone(), Bound::Unbounded)))
            .take_while(move |((space, _), _)| namespace.is_none_or(|wanted| wanted == space))
            .map(|(_, object)| object)
    }

    /// The same list as it was at `version`, by undoing the changes since.
    pub(crate) fn list_at(
        &self,
        resource: &'static Resource,
        namespace: Option<&str>,
        version: u64,
    ) -> Result<Vec<Arc<Value>>, Expired> {
        let mut undone: BTreeMap<Place, Option<Arc<Value>>> = BTreeMap::new();
        for change in self.history.after(version)?.rev() {
            if change.resource == resource {
                undone.insert(place(&change.after), change.before.clone());
            }
        }
        let mut then: Table = self
            .list(resource, namespace)
            .map(|object| (place(object), Arc::clone(object)))
            .collect();
        for (place, object) in undone {
            if namespace.is_some_and(|wanted| wanted != place.0) {
                continue;
            }
            match object {
                Some(object) => then.insert(place, object),
                None => then.remove(&place),
            };
        }
        Ok(then.into_values().collect())
    }

    /// The changes after `version`, oldest first.
    pub(crate) fn changes_after(
        &self,
        version: u64,
    ) -> Result<impl Iterator<Item = &Change>, Expired> {
        self.history.after(version)
    }

    /// The objects that name an owner with this unique id.
    pub(crate) fn owned_by(&self, uid: &str) -> Vec<Key> {
        let mut owned: Vec<_> = self.owned.get(uid).into_iter().flatten().cloned().collect();
        owned.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        owned
    }

    /// Every object whose owners are named: what a sweep for orphans looks at.
    pub(crate) fn all_owned(&self) -> HashSet<Key> {
        self.owned.values().flatten().cloned().collect()
    }

    /// Every object.
    pub(crate) fn everything(&self) -> impl ExactSizeIterator<Item = &Arc<Value>> {
        let all: Vec<_> = self.tables.values().flat_map(BTreeMap::values).collect();
        all.into_iter()
    }

    /// Whether a namespace holds anything.
    pub(crate) fn is_empty(&self, namespace: &str) -> bool {
        self.tables.keys().all(|resource| {
            !resource.namespaced || self.list(resource, Some(namespace)).next().is_none()
        })
    }

    /// The keys of all objects in a namespace.
    pub(crate) fn content(&self, namespace: &str) -> Vec<Key> {
        let spaced = self.tables.keys().filter(|resource| resource.namespaced);
        spaced
            .flat_map(|resource| {
                self.list(resource, Some(namespace)).map(|object| Key::of(resource, object))
            })
            .collect()
    }

    /// Says that what was applied so far came from a snapshot of this version.
    pub(crate) fn start_history(&mut self, version: u64) {
        self.version = version;
        self.history.start(version);
    }

    /// Makes a change that is in the journal.
    pub(crate) fn apply(&mut self, record: Record) {
        self.version = self.version.max(record.version());
        match record {
            Record::Put { version, resource, object } => self.put(version, resource, object),
            Record::Remove { version, key } => self.remove(version, &key),
        }
    }

    fn put(&mut self, version: u64, resource: &'static Resource, after: Arc<Value>) {
        let key = Key::of(resource, &after);
        let table = self.tables.entry(resource).or_default();
        let before = table.insert(place(&after), Arc::clone(&after));
        if let Some(before) = &before {
            self.forget(&key, before);
        }
        for owner in owners(&after) {
            self.owned.entry(owner.to_owned()).or_default().insert(key.clone());
        }
        self.uids.insert(object::uid(&after).to_owned());
        self.history.push(Change { version, resource, before, after, removed: false });
    }

    fn remove(&mut self, version: u64, key: &Key) {
        let place = (key.namespace.clone(), key.name.clone());
        let Some(before) = self.tables.get_mut(key.resource).and_then(|table| table.remove(&place))
        else {
            return;
        };
        self.forget(key, &before);
        let mut last = Value::clone(&before);
        super::set_version(&mut last, version);
        self.history.push(Change {
            version,
            resource: key.resource,
            before: Some(before),
            after: Arc::new(last),
            removed: true,
        });
    }

    fn forget(&mut self, key: &Key, object: &Value) {
        self.uids.remove(object::uid(object));
        for owner in owners(object) {
            if let Some(owned) = self.owned.get_mut(owner) {
                owned.remove(key);
                if owned.is_empty() {
                    self.owned.remove(owner);
                }
            }
        }
    }
}

fn place(object: &Value) -> Place {
    (object::namespace(object).to_owned(), object::name(object).to_owned())
}

/// The unique ids of the owners that an object names.
fn owners(object: &Value) -> impl Iterator<Item = &str> {
    object::items(object, "/metadata/ownerReferences")
        .iter()
        .map(|owner| object::text(owner, "/uid"))
}
