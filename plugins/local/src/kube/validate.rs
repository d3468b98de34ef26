//! Which objects can be: a refusal names every field that is wrong.

mod cluster;
mod data;
mod metadata;
pub(crate) mod names;
mod pod;
mod service;
mod stateful_set;
mod storage;
#[cfg(test)]
mod tests;

use super::object;
use super::resource::Resource;
use super::status::{ApiError, Cause, Result};
use serde_json::Value;

/// Checks a new object.
pub(crate) fn new(resource: &Resource, object: &Value) -> Result<()> {
    let mut causes = Vec::new();
    metadata::check(resource, object, &mut causes);
    kind(resource, object, &mut causes);
    answer(resource, object, &causes)
}

/// Checks what takes the place of `old`.
pub(crate) fn change(resource: &Resource, object: &Value, old: &Value) -> Result<()> {
    let mut causes = Vec::new();
    metadata::check(resource, object, &mut causes);
    metadata::check_change(object, old, &mut causes);
    kind(resource, object, &mut causes);
    match resource.kind {
        "ConfigMap" | "Secret" => data::check_change(object, old, &mut causes),
        "PersistentVolumeClaim" => storage::check_claim_change(object, old, &mut causes),
        "Pod" => pod::check_change(object, old, &mut causes),
        "Service" => service::check_change(object, old, &mut causes),
        "StatefulSet" => stateful_set::check_change(object, old, &mut causes),
        "StorageClass" => storage::check_class_change(object, old, &mut causes),
        _ => {}
    }
    answer(resource, object, &causes)
}

fn kind(resource: &Resource, object: &Value, causes: &mut Vec<Cause>) {
    match resource.kind {
        "ConfigMap" => data::check_config_map(object, causes),
        "Event" => cluster::check_event(object, causes),
        "NetworkPolicy" => cluster::check_network_policy(object, causes),
        "PersistentVolume" => storage::check_volume(object, causes),
        "PersistentVolumeClaim" => storage::check_claim(object, causes),
        "Pod" => pod::check(object, causes),
        "Secret" => data::check_secret(object, causes),
        "Service" => service::check(object, causes),
        "StatefulSet" => stateful_set::check(object, causes),
        "StorageClass" => storage::check_class(object, causes),
        _ => {}
    }
}

fn answer(resource: &Resource, object: &Value, causes: &[Cause]) -> Result<()> {
    if causes.is_empty() {
        return Ok(());
    }
    let name = match object::name(object) {
        "" => object::text(object, "/metadata/generateName"),
        name => name,
    };
    Err(ApiError::invalid(resource, name, causes))
}

/// A value that has to be one of the known ones.
fn one_of(object: &Value, pointer: &str, known: &[&str], causes: &mut Vec<Cause>) {
    if let Some(value) = object.pointer(pointer)
        && !value.as_str().is_some_and(|value| known.contains(&value))
    {
        causes.push(Cause::unsupported(dotted(pointer), value, known));
    }
}

/// A number that cannot be below zero.
fn not_negative(object: &Value, pointer: &str, causes: &mut Vec<Cause>) {
    if let Some(value) = object.pointer(pointer)
        && value.as_i64().is_some_and(|number| number < 0)
    {
        causes.push(Cause::invalid(dotted(pointer), value, "must be greater than or equal to 0"));
    }
}

/// The number of a port.
fn port(value: &Value, field: &str, causes: &mut Vec<Cause>) {
    if !value.as_i64().is_some_and(|number| (1..=65_535).contains(&number)) {
        causes.push(Cause::invalid(field, value, "must be between 1 and 65535, inclusive"));
    }
}

/// A pointer (`/spec/type`) as messages have it (`spec.type`).
fn dotted(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".")
}
