//! The `scale` of a StatefulSet: its number of replicas, as an object of its own.

use super::{Asked, accept, body, objects, respond};
use crate::kube::api::{ApiServer, WriteOptions, blocking};
use crate::kube::object::{number, text};
use crate::kube::patch::Patch;
use crate::kube::resource::Key;
use crate::kube::status::{ApiError, Cause, Result};
use crate::kube::verbs::Part;
use axum::body::Body;
use axum::http::{Method, Response};
use serde_json::{Map, Value, json};

/// How often a patch is tried again where somebody else was faster.
const TRIES: usize = 5;

/// A request for a scale.
pub(super) async fn answer(server: &ApiServer, key: Key, asked: Asked) -> Result<Response<Body>> {
    accept::wanted(&asked.accept)?;
    let patch = match asked.method {
        Method::GET | Method::HEAD => {
            let set = server.get(key.resource, &key.namespace, &key.name)?;
            return Ok(respond::json(200, &scale(&set)));
        }
        Method::PUT => {
            let sent: Value = serde_json::from_slice(&asked.body).map_err(|error| {
                ApiError::bad_request(format!("the object provided is unrecognized: {error}"))
            })?;
            check(&sent)?;
            Patch::Merge(sent)
        }
        // A scale has no lists: the two merging patches are the same.
        Method::PATCH => match Patch::parse(&body::essence(&asked.media), &asked.body)? {
            Patch::Strategic(patch) => Patch::Merge(patch),
            other => other,
        },
        _ => return Err(ApiError::method_not_allowed()),
    };
    let (options, _) = objects::write_options(&asked)?;
    let server = server.clone();
    blocking(move || change(&server, &key, &patch, options)).await
}

fn check(sent: &Value) -> Result<()> {
    let kinds = (text(sent, "/apiVersion"), text(sent, "/kind"));
    if !matches!(kinds, ("autoscaling/v1" | "", "Scale" | "")) {
        return Err(ApiError::bad_request("a scale is of kind Scale in autoscaling/v1"));
    }
    Ok(())
}

fn change(
    server: &ApiServer,
    key: &Key,
    patch: &Patch,
    options: WriteOptions,
) -> Result<Response<Body>> {
    let mut tries = 0;
    loop {
        let set = server.get(key.resource, &key.namespace, &key.name)?;
        let before = scale(&set);
        let after = patch.apply(key.resource, &before)?;
        let replicas = number(&after, "/spec/replicas").unwrap_or_default();
        if replicas < 0 {
            let value = replicas.into();
            let detail = "must be greater than or equal to 0";
            let cause = Cause::invalid("spec.replicas", &value, detail);
            return Err(ApiError::invalid(key.resource, &key.name, &[cause]));
        }
        let version = text(&after, "/metadata/resourceVersion");
        let given = version != text(&before, "/metadata/resourceVersion");
        let change = json!({
            "metadata": {"resourceVersion": version}, "spec": {"replicas": replicas},
        });
        match server.patch_now(key, Part::Whole, &Patch::Merge(change), options) {
            Err(error) if error.code == 409 && !given && tries < TRIES => tries += 1,
            Err(error) => return Err(error),
            Ok(written) => return Ok(respond::json(200, &scale(&written.object))),
        }
    }
}

/// The scale of a set.
fn scale(set: &Value) -> Value {
    let mut metadata = Map::new();
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = set.pointer(&format!("/metadata/{field}")) {
            metadata.insert(field.into(), value.clone());
        }
    }
    let labels = set.pointer("/spec/selector/matchLabels").and_then(Value::as_object);
    let selector: Vec<_> = labels
        .into_iter()
        .flatten()
        .map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default()))
        .collect();
    json!({
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": metadata,
        "spec": {"replicas": number(set, "/spec/replicas").unwrap_or_default()},
        "status": {
            "replicas": number(set, "/status/replicas").unwrap_or_default(),
            "selector": selector.join(","),
        },
    })
}
