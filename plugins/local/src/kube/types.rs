//! Objects through the types of Kubernetes: wrong types are refused, unknown fields are dropped.

use super::object::as_map;
use super::quantity::Quantity;
use super::resource::Resource;
use super::status::{ApiError, Result};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::authorization::v1::{SelfSubjectAccessReview, SelfSubjectRulesReview};
use k8s_openapi::api::core::v1::{
    ConfigMap, Endpoints, Event, Namespace, Node, PersistentVolume, PersistentVolumeClaim, Pod,
    ResourceQuota, Secret, Service, ServiceAccount,
};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::storage::v1::StorageClass;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// An object with known fields of the right types only.
pub(crate) struct Typed {
    /// The object.
    pub(crate) object: Value,
    /// Paths of the fields that were dropped.
    pub(crate) unknown: Vec<String>,
}

/// Maps from names to quantities, whose values may be written as numbers.
const QUANTITIES: [&str; 6] = ["limits", "requests", "capacity", "allocatable", "hard", "used"];

/// Maps that are the same empty and missing.
const MAPS: [&str; 13] = [
    "labels",
    "annotations",
    "matchLabels",
    "nodeSelector",
    "data",
    "stringData",
    "binaryData",
    "limits",
    "requests",
    "capacity",
    "allocatable",
    "hard",
    "used",
];

/// Reads an object as its resource's type.
pub(crate) fn typed(resource: &Resource, mut object: Value) -> Result<Typed> {
    shorten_quantities(resource, &mut object)?;
    let through = match resource.kind {
        "ConfigMap" => through::<ConfigMap>,
        "Endpoints" => through::<Endpoints>,
        "Event" => through::<Event>,
        "Namespace" => through::<Namespace>,
        "NetworkPolicy" => through::<NetworkPolicy>,
        "Node" => through::<Node>,
        "PersistentVolume" => through::<PersistentVolume>,
        "PersistentVolumeClaim" => through::<PersistentVolumeClaim>,
        "Pod" => through::<Pod>,
        "ResourceQuota" => through::<ResourceQuota>,
        "Secret" => through::<Secret>,
        "SelfSubjectAccessReview" => through::<SelfSubjectAccessReview>,
        "SelfSubjectRulesReview" => through::<SelfSubjectRulesReview>,
        "Service" => through::<Service>,
        "ServiceAccount" => through::<ServiceAccount>,
        "StatefulSet" => through::<StatefulSet>,
        "StorageClass" => through::<StorageClass>,
        other => return Err(ApiError::internal(format!("{other} has no type"))),
    };
    let mut read = through(&object).map_err(|error| undecodable(resource, &error))?;
    let mut unknown = Vec::new();
    lost(&object, &read, "", &mut unknown);
    tidy(&mut read);
    Ok(Typed { object: read, unknown })
}

fn through<T: Serialize + DeserializeOwned>(object: &Value) -> serde_json::Result<Value> {
    serde_json::to_value(T::deserialize(object)?)
}

fn undecodable(resource: &Resource, error: &dyn std::fmt::Display) -> ApiError {
    let Resource { kind, version, .. } = resource;
    ApiError::bad_request(format!(
        "{kind} in version \"{version}\" cannot be handled as a {kind}: {error}"
    ))
}

/// Writes quantities in their shortest form, be they texts or numbers.
fn shorten_quantities(resource: &Resource, value: &mut Value) -> Result<()> {
    match value {
        Value::Object(map) => map.iter_mut().try_for_each(|(field, inner)| match inner {
            Value::Object(quantities) if QUANTITIES.contains(&field.as_str()) => {
                quantities.values_mut().try_for_each(|value| shorten(resource, value))
            }
            inner => shorten_quantities(resource, inner),
        }),
        Value::Array(list) => {
            list.iter_mut().try_for_each(|value| shorten_quantities(resource, value))
        }
        _ => Ok(()),
    }
}

fn shorten(resource: &Resource, value: &mut Value) -> Result<()> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        // What is neither is refused by its type.
        _ => return Ok(()),
    };
    let quantity = Quantity::parse(&text).ok_or_else(|| {
        let why = "quantities must match the regular expression \
                   '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
        undecodable(resource, &format!("`{text}`: {why}"))
    })?;
    *value = quantity.canonical().into();
    Ok(())
}

/// The paths that are in `sent` and not in `read`.
fn lost(sent: &Value, read: &Value, path: &str, unknown: &mut Vec<String>) {
    match (sent, read) {
        (Value::Object(sent), Value::Object(read)) => {
            for (field, value) in sent.iter().filter(|(_, value)| !value.is_null()) {
                let path = if path.is_empty() { field.clone() } else { format!("{path}.{field}") };
                match read.get(field) {
                    Some(read) => lost(value, read, &path, unknown),
                    None => unknown.push(path),
                }
            }
        }
        (Value::Array(sent), Value::Array(read)) => {
            for (place, (sent, read)) in sent.iter().zip(read).enumerate() {
                lost(sent, read, &format!("{path}[{place}]"), unknown);
            }
        }
        _ => {}
    }
}

/// Drops lists and maps that are the same empty and missing.
fn tidy(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.values_mut().for_each(tidy);
            map.retain(|field, value| match value {
                Value::Array(list) => !list.is_empty(),
                Value::Object(map) => !map.is_empty() || !MAPS.contains(&field.as_str()),
                _ => true,
            });
        }
        Value::Array(list) => list.iter_mut().for_each(tidy),
        _ => {}
    }
}

/// Checks that the object says what it is, or says it in its place.
pub(crate) fn claim_kind(resource: &Resource, object: &mut Value) -> Result<()> {
    if !object.is_object() {
        return Err(ApiError::bad_request("the body is no object"));
    }
    let map = as_map(object);
    for (field, wanted) in [("apiVersion", resource.api_version()), ("kind", resource.kind.into())]
    {
        match map.get(field).and_then(Value::as_str) {
            None | Some("") => {
                map.insert(field.into(), wanted.into());
            }
            Some(given) if given == wanted => {}
            Some(given) => {
                return Err(ApiError::bad_request(format!(
                    "the {field} in the data ({given}) does not match the expected {field} \
                     ({wanted})"
                )));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::resource;
    use serde_json::json;

    #[test]
    fn unknown_fields_are_named_and_dropped() {
        let sent = json!({"apiVersion": "v1", "kind": "Pod", "wrong": 1, "spec": {
            "containers": [{"name": "a", "imagee": "x", "resources": {"limits": {"cpu": 2}}}],
            "nodeName": null,
        }});
        let typed = typed(&resource::POD, sent).unwrap();
        assert_eq!(typed.unknown, ["wrong", "spec.containers[0].imagee"]);
        assert_eq!(
            typed.object["spec"]["containers"],
            json!([{"name": "a", "resources": {"limits": {"cpu": "2"}}}])
        );
    }

    #[test]
    fn wrong_types_are_refused() {
        let sent = json!({"apiVersion": "v1", "kind": "Service", "spec": {"ports": "many"}});
        let error = typed(&resource::SERVICE, sent).err().unwrap();
        assert_eq!(error.code, 400);
    }

    #[test]
    fn every_stored_resource_has_a_type() {
        for resource in resource::ALL {
            let mut object = json!({"metadata": {"name": "a"}, "spec": {}});
            claim_kind(resource, &mut object).unwrap();
            typed(resource, object).unwrap_or_else(|error| panic!("{resource}: {error}"));
        }
    }
}
