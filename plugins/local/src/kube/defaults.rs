//! What an object is given that does not say it itself.

mod cluster;
mod pod;
mod service;
mod stateful_set;
mod storage;

use super::object::{map, or_text};
use super::resource::Resource;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

/// Name of the only storage class.
pub(crate) const STORAGE_CLASS: &str = "local";

/// Fills in what is missing. Doing it again changes nothing.
pub(crate) fn fill(resource: &Resource, object: &mut Value) {
    match resource.kind {
        "Endpoints" => cluster::endpoints(object),
        "NetworkPolicy" => cluster::network_policy(object),
        "Namespace" => cluster::namespace(object),
        "PersistentVolume" => storage::volume(object),
        "PersistentVolumeClaim" => storage::claim(object),
        "Pod" => pod::pod(object),
        "Secret" => secret(object),
        "Service" => service::service(object),
        "StatefulSet" => stateful_set::stateful_set(object),
        "StorageClass" => storage::class(object),
        _ => {}
    }
}

/// The status that a new object has, whatever it was sent with.
pub(crate) fn first_status(resource: &Resource, object: &mut Value) {
    let status = match resource.kind {
        "Namespace" => serde_json::json!({"phase": "Active"}),
        "PersistentVolume" | "PersistentVolumeClaim" => serde_json::json!({"phase": "Pending"}),
        "Pod" => serde_json::json!({"phase": "Pending", "qosClass": pod::quality(object)}),
        "ResourceQuota" => serde_json::json!({}),
        "Service" => serde_json::json!({"loadBalancer": {}}),
        "StatefulSet" => serde_json::json!({"replicas": 0}),
        _ => return,
    };
    super::object::as_map(object).insert("status".into(), status);
}

fn secret(object: &mut Value) {
    or_text(object, "type", "Opaque");
    let Some(Value::Object(texts)) = super::object::as_map(object).shift_remove("stringData")
    else {
        return;
    };
    let data = super::object::as_map(map(object, "data"));
    for (key, text) in texts {
        let encoded = BASE64_STANDARD.encode(text.as_str().unwrap_or_default());
        data.insert(key, encoded.into());
    }
}

#[cfg(test)]
mod tests;
