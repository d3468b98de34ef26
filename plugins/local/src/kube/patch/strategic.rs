//! Strategic merge patches: maps are merged, lists by what their kind says, with directives.

use super::merge_keys::{self, Lists};
use crate::kube::object::as_map;
use crate::kube::resource::Resource;
use crate::kube::status::{ApiError, Result};
use serde_json::{Map, Value};

/// Changes `target` as the patch says.
pub(super) fn apply(resource: &Resource, target: &mut Value, patch: &Value) -> Result<()> {
    let patch = patch.as_object().ok_or_else(|| ApiError::bad_request("a patch is a map"))?;
    let mut merger = Merger { resource, path: Vec::new() };
    merger.maps(as_map(target), patch)
}

struct Merger<'a> {
    resource: &'a Resource,
    /// Names of the fields down to where the merger is.
    path: Vec<String>,
}

impl Merger<'_> {
    fn maps(&mut self, target: &mut Map<String, Value>, patch: &Map<String, Value>) -> Result<()> {
        match directive(patch)? {
            Some("replace") => {
                target.clear();
                target.extend(plain(patch));
                return Ok(());
            }
            Some("delete") => {
                target.clear();
                return Ok(());
            }
            _ => {}
        }
        if let Some(kept) = patch.get("$retainKeys").and_then(Value::as_array) {
            target.retain(|key, _| kept.iter().any(|one| one.as_str() == Some(key)));
        }
        for (field, value) in patch {
            if let Some(list) = field.strip_prefix("$deleteFromPrimitiveList/") {
                remove_values(target.get_mut(list), value);
            } else if !field.starts_with('$') {
                self.field(target, field, value)?;
            }
        }
        self.orders(target, patch);
        Ok(())
    }

    fn field(&mut self, target: &mut Map<String, Value>, field: &str, value: &Value) -> Result<()> {
        self.path.push(field.to_owned());
        let merged = self.values(target, field, value);
        self.path.pop();
        merged
    }

    fn values(
        &mut self,
        target: &mut Map<String, Value>,
        field: &str,
        value: &Value,
    ) -> Result<()> {
        match value {
            Value::Null => {
                target.shift_remove(field);
            }
            Value::Object(patch) => {
                if directive(patch)? == Some("delete") {
                    target.shift_remove(field);
                    return Ok(());
                }
                let slot = target.entry(field).or_insert(Value::Null);
                self.maps(as_map(slot), patch)?;
            }
            Value::Array(patch) => {
                let slot = target.entry(field).or_insert(Value::Null);
                if !slot.is_array() {
                    *slot = Value::Array(Vec::new());
                }
                if let Value::Array(list) = slot {
                    self.lists(list, patch)?;
                }
            }
            other => {
                target.insert(field.to_owned(), other.clone());
            }
        }
        Ok(())
    }

    fn strategy(&self) -> Lists {
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        merge_keys::of(self.resource, &path)
    }

    fn lists(&mut self, target: &mut Vec<Value>, patch: &[Value]) -> Result<()> {
        match self.strategy() {
            Lists::Replace => {
                *target = patch.iter().map(plain_value).collect();
            }
            Lists::Values => {
                for value in patch {
                    if !target.contains(value) {
                        target.push(value.clone());
                    }
                }
            }
            Lists::ByKey(key) => self.entries(target, patch, key)?,
        }
        Ok(())
    }

    fn entries(&mut self, target: &mut Vec<Value>, patch: &[Value], key: &str) -> Result<()> {
        let replaces =
            |entry: &Value| entry.get("$patch").and_then(Value::as_str) == Some("replace");
        if patch.iter().any(replaces) {
            *target = patch
                .iter()
                .map(plain_value)
                .filter(|entry| entry.as_object().is_some_and(|map| !map.is_empty()))
                .collect();
            return Ok(());
        }
        for entry in patch {
            let Value::Object(changes) = entry else {
                return Err(ApiError::bad_request("an entry of a list merged by key is a map"));
            };
            let value = changes.get(key).ok_or_else(|| no_key(entry, key))?;
            let at = target.iter().position(|one| one.get(key) == Some(value));
            match (directive(changes)?, at) {
                (Some("delete"), _) => target.retain(|one| one.get(key) != Some(value)),
                (_, Some(at)) => self.maps(as_map(&mut target[at]), changes)?,
                (_, None) => {
                    let mut made = Map::new();
                    self.maps(&mut made, changes)?;
                    target.push(Value::Object(made));
                }
            }
        }
        Ok(())
    }

    /// Puts the lists into the order that the patch wants.
    fn orders(&mut self, target: &mut Map<String, Value>, patch: &Map<String, Value>) {
        for (field, order) in patch {
            let Some(field) = field.strip_prefix("$setElementOrder/") else { continue };
            let (Some(Value::Array(list)), Value::Array(order)) = (target.get_mut(field), order)
            else {
                continue;
            };
            self.path.push(field.to_owned());
            match self.strategy() {
                Lists::ByKey(key) => {
                    sort(list, order, |entry| entry.get(key).cloned().unwrap_or(Value::Null));
                }
                Lists::Values => sort(list, order, Value::clone),
                Lists::Replace => {}
            }
            self.path.pop();
        }
    }
}

/// Sorts the entries that `order` names by it; the others keep their place among those that follow.
fn sort(list: &mut Vec<Value>, order: &[Value], key: impl Fn(&Value) -> Value) {
    let rank = |entry: &Value| order.iter().position(|one| key(one) == key(entry));
    let mut ordered: Vec<(usize, Value)> = Vec::new();
    let mut others: Vec<(usize, Value)> = Vec::new();
    for (place, entry) in list.drain(..).enumerate() {
        if rank(&entry).is_some() {
            ordered.push((place, entry));
        } else {
            others.push((place, entry));
        }
    }
    ordered.sort_by_key(|(_, entry)| rank(entry));
    let mut others = others.into_iter().peekable();
    for (place, entry) in ordered {
        while let Some((_, other)) = others.next_if(|(before, _)| *before < place) {
            list.push(other);
        }
        list.push(entry);
    }
    list.extend(others.map(|(_, entry)| entry));
}

fn remove_values(list: Option<&mut Value>, values: &Value) {
    if let (Some(Value::Array(list)), Value::Array(values)) = (list, values) {
        list.retain(|one| !values.contains(one));
    }
}

/// What `$patch` says; anything but the three known words is refused.
fn directive(patch: &Map<String, Value>) -> Result<Option<&str>> {
    match patch.get("$patch") {
        None => Ok(None),
        Some(Value::String(word)) if ["replace", "delete", "merge"].contains(&word.as_str()) => {
            Ok(Some(word))
        }
        Some(other) => Err(ApiError::bad_request(format!("unknown patch directive: {other}"))),
    }
}

/// The map without directives, at every depth.
fn plain(patch: &Map<String, Value>) -> Map<String, Value> {
    patch
        .iter()
        .filter(|(field, value)| !field.starts_with('$') && !value.is_null())
        .map(|(field, value)| (field.clone(), plain_value(value)))
        .collect()
}

fn plain_value(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(plain(map)),
        Value::Array(list) => list.iter().map(plain_value).collect(),
        other => other.clone(),
    }
}

fn no_key(entry: &Value, key: &str) -> ApiError {
    ApiError::bad_request(format!("map: {entry} does not contain declared merge key: {key}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::resource;
    use proptest::prelude::*;
    use serde_json::json;

    #[track_caller]
    fn check(resource: &Resource, before: Value, patch: &Value, after: &Value) {
        let mut target = before;
        apply(resource, &mut target, patch).unwrap();
        assert_eq!(&target, after);
    }

    fn set(containers: &Value) -> Value {
        json!({"spec": {"template": {"spec": {"containers": containers}}}})
    }

    #[test]
    fn containers_are_merged_by_name() {
        check(
            &resource::STATEFUL_SET,
            set(&json!([{"name": "a", "image": "x", "args": ["1"]}, {"name": "b", "image": "y"}])),
            &set(&json!([{"name": "a", "image": "z", "args": ["2"]}, {"name": "c", "image": "w"}])),
            &set(&json!([
                {"name": "a", "image": "z", "args": ["2"]},
                {"name": "b", "image": "y"},
                {"name": "c", "image": "w"},
            ])),
        );
    }

    #[test]
    fn entries_can_be_deleted_and_put_in_order() {
        check(
            &resource::STATEFUL_SET,
            set(&json!([{"name": "a"}, {"name": "b"}, {"name": "side"}])),
            &json!({"spec": {"template": {"spec": {
                "$setElementOrder/containers": [{"name": "c"}, {"name": "b"}],
                "containers": [{"name": "a", "$patch": "delete"}, {"name": "c"}],
            }}}}),
            &set(&json!([{"name": "side"}, {"name": "c"}, {"name": "b"}])),
        );
    }

    #[test]
    fn lists_and_maps_can_be_replaced() {
        check(
            &resource::STATEFUL_SET,
            set(&json!([{"name": "a"}, {"name": "b"}])),
            &set(&json!([{"$patch": "replace"}, {"name": "c"}])),
            &set(&json!([{"name": "c"}])),
        );
        check(
            &resource::CONFIG_MAP,
            json!({"data": {"a": "1", "b": "2"}}),
            &json!({"data": {"$patch": "replace", "c": "3"}}),
            &json!({"data": {"c": "3"}}),
        );
        check(
            &resource::CONFIG_MAP,
            json!({"data": {"a": "1", "b": "2"}}),
            &json!({"data": {"a": null, "c": "3"}}),
            &json!({"data": {"b": "2", "c": "3"}}),
        );
        check(
            &resource::CONFIG_MAP,
            json!({"data": {"a": "1"}, "kind": "ConfigMap"}),
            &json!({"data": {"$patch": "delete"}}),
            &json!({"kind": "ConfigMap"}),
        );
    }

    #[test]
    fn only_the_kept_keys_of_a_volume_stay() {
        let pod = |volume: Value| json!({"spec": {"volumes": [volume]}});
        check(
            &resource::POD,
            pod(json!({"name": "v", "emptyDir": {}})),
            &pod(
                json!({"name": "v", "$retainKeys": ["name", "secret"], "secret": {"secretName": "s"}}),
            ),
            &pod(json!({"name": "v", "secret": {"secretName": "s"}})),
        );
    }

    #[test]
    fn finalizers_are_values() {
        check(
            &resource::POD,
            json!({"metadata": {"finalizers": ["a", "b"]}}),
            &json!({"metadata": {
                "$deleteFromPrimitiveList/finalizers": ["a"], "finalizers": ["b", "c"],
            }}),
            &json!({"metadata": {"finalizers": ["b", "c"]}}),
        );
    }

    #[test]
    fn ports_of_services_have_their_number_as_key() {
        check(
            &resource::SERVICE,
            json!({"spec": {"ports": [{"port": 1, "name": "a"}, {"port": 2, "name": "b"}]}}),
            &json!({"spec": {"ports": [{"port": 2, "name": "c"}]}}),
            &json!({"spec": {"ports": [{"port": 1, "name": "a"}, {"port": 2, "name": "c"}]}}),
        );
    }

    #[test]
    fn a_patch_that_makes_no_sense_is_refused() {
        for patch in [
            json!({"spec": {"ports": [{"name": "no number"}]}}),
            json!({"spec": {"ports": [3]}}),
            json!({"spec": {"$patch": "explode"}}),
        ] {
            let mut target = json!({"spec": {"ports": [{"port": 1}]}});
            let error = apply(&resource::SERVICE, &mut target, &patch).unwrap_err();
            assert_eq!(error.code, 400, "{patch}");
        }
    }

    fn trees() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![Just(json!(1)), Just(json!("x")), Just(json!(true))];
        leaf.prop_recursive(3, 24, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
                prop::collection::btree_map("[a-c]", inner, 0..3)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// Where no list is merged by key, the two merging patches are the same.
        #[test]
        fn without_keys_it_is_a_merge_patch(before in trees(), patch in trees()) {
            prop_assume!(before.is_object() && patch.is_object());
            let mut strategic = before.clone();
            apply(&resource::CONFIG_MAP, &mut strategic, &patch).unwrap();
            let mut merged = before;
            json_patch::merge(&mut merged, &patch);
            prop_assert_eq!(strategic, merged);
        }

        #[test]
        fn applying_twice_changes_nothing_more(
            names in prop::collection::vec("[a-d]", 0..4),
            changes in prop::collection::btree_set("[a-f]", 0..4),
        ) {
            let mut names = names;
            names.sort();
            names.dedup();
            let list = |names: Vec<String>, image: &str| -> Value {
                names.into_iter().map(|name| json!({"name": name, "image": image})).collect()
            };
            let mut target = set(&list(names, "old"));
            let patch = set(&list(changes.iter().cloned().collect(), "new"));
            apply(&resource::STATEFUL_SET, &mut target, &patch).unwrap();
            let once = target.clone();
            apply(&resource::STATEFUL_SET, &mut target, &patch).unwrap();
            prop_assert_eq!(&target, &once);
            let found = target["spec"]["template"]["spec"]["containers"].as_array().unwrap();
            for name in &changes {
                let wanted = json!({"name": name, "image": "new"});
                prop_assert!(found.contains(&wanted));
            }
        }
    }
}
