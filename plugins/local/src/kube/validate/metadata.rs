//! Names, labels, annotations, owners, finalizers.

use super::names;
use crate::kube::object::{items, name, text};
use crate::kube::resource::Resource;
use crate::kube::status::Cause;
use serde_json::{Map, Value};

/// Most bytes of all annotations together.
const ANNOTATIONS: usize = 256 << 10;

/// Checks the metadata of any object.
pub(super) fn check(resource: &Resource, object: &Value, causes: &mut Vec<Cause>) {
    check_name(resource, object, causes);
    for (key, value) in entries(object, "/metadata/labels") {
        if let Err(why) = names::qualified(key) {
            causes.push(Cause::invalid("metadata.labels", &key.as_str().into(), &why));
        }
        if let Err(why) = names::label_value(value.as_str().unwrap_or_default()) {
            causes.push(Cause::invalid("metadata.labels", value, &why));
        }
    }
    check_annotations(object, causes);
    for (place, owner) in items(object, "/metadata/ownerReferences").iter().enumerate() {
        for field in ["apiVersion", "kind", "name", "uid"] {
            if text(owner, &format!("/{field}")).is_empty() {
                let path = format!("metadata.ownerReferences[{place}].{field}");
                causes.push(Cause::invalid(path, &"".into(), "must not be empty"));
            }
        }
    }
    for finalizer in items(object, "/metadata/finalizers") {
        if let Err(why) = names::qualified(finalizer.as_str().unwrap_or_default()) {
            causes.push(Cause::invalid("metadata.finalizers", finalizer, &why));
        }
    }
}

fn check_name(resource: &Resource, object: &Value, causes: &mut Vec<Cause>) {
    let name = name(object);
    if name.is_empty() {
        causes.push(Cause::required("metadata.name", "name or generateName is required"));
        return;
    }
    let fits = match resource.kind {
        "Namespace" => names::dns_label,
        "Service" => names::dns_1035_label,
        _ => names::dns_subdomain,
    };
    if let Err(why) = fits(name) {
        causes.push(Cause::invalid("metadata.name", &name.into(), &why));
    }
}

fn check_annotations(object: &Value, causes: &mut Vec<Cause>) {
    let mut size = 0;
    for (key, value) in entries(object, "/metadata/annotations") {
        if let Err(why) = names::qualified(&key.to_lowercase()) {
            causes.push(Cause::invalid("metadata.annotations", &key.as_str().into(), &why));
        }
        size += key.len() + value.as_str().map_or(0, str::len);
    }
    if size > ANNOTATIONS {
        let message = format!("must have at most {ANNOTATIONS} bytes");
        causes.push(Cause {
            reason: "FieldValueTooLong",
            message: format!("Too long: {message}"),
            field: "metadata.annotations".into(),
        });
    }
}

/// Checks that nothing changes that cannot.
pub(super) fn check_change(object: &Value, old: &Value, causes: &mut Vec<Cause>) {
    if old.pointer("/metadata/deletionTimestamp").is_none() {
        return;
    }
    let before = items(old, "/metadata/finalizers");
    let added = items(object, "/metadata/finalizers").iter().find(|one| !before.contains(one));
    if let Some(added) = added {
        let detail = format!(
            "no new finalizers can be added if the object is being deleted, found new finalizers \
             [{added}]"
        );
        causes.push(Cause::forbidden("metadata.finalizers", &detail));
    }
}

fn entries<'a>(object: &'a Value, pointer: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    object.pointer(pointer).and_then(Value::as_object).into_iter().flat_map(Map::iter)
}
