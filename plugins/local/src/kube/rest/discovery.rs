//! What is served: versions, groups, resources, and a description of them.

use super::path::Path;
use super::{Asked, accept, openapi, respond};
use crate::kube::resource::{ALL, Resource, Subresource};
use crate::kube::status::{ApiError, Result};
use axum::body::Body;
use axum::http::{Method, Response};
use serde_json::{Value, json};

/// Answers what a path of discovery asks.
pub(super) fn answer(path: &Path, asked: &Asked) -> Result<Response<Body>> {
    if !matches!(asked.method, Method::GET | Method::HEAD) {
        return Err(ApiError::method_not_allowed());
    }
    let found = match path {
        Path::OpenApi => return description(asked),
        Path::Core => core(),
        Path::Groups => groups(),
        Path::Group(group) => one_group(group, true),
        Path::Resources(group) => resources(group),
        _ => return Err(ApiError::no_path()),
    };
    accept::wanted(&asked.accept)?;
    Ok(respond::json(200, &found))
}

fn description(asked: &Asked) -> Result<Response<Body>> {
    // kubectl does not understand the type that it asks for, since it has an `@` in it.
    if asked.accept.contains("protobuf") {
        return Ok(respond::bytes(200, "application/octet-stream", openapi::protobuf()));
    }
    accept::wanted(&asked.accept)?;
    Ok(respond::json(200, &openapi::json()))
}

fn core() -> Value {
    json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})
}

fn groups() -> Value {
    let mut names: Vec<&str> = Vec::new();
    for resource in ALL.iter().filter(|resource| !resource.group.is_empty()) {
        if !names.contains(&resource.group) {
            names.push(resource.group);
        }
    }
    let groups: Vec<_> = names.into_iter().map(|name| one_group(name, false)).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

fn one_group(name: &str, alone: bool) -> Value {
    let version = json!({"groupVersion": format!("{name}/v1"), "version": "v1"});
    let mut group = json!({"name": name, "versions": [version], "preferredVersion": version});
    if alone {
        group["kind"] = "APIGroup".into();
        group["apiVersion"] = "v1".into();
    }
    group
}

fn resources(group: &str) -> Value {
    let served = ALL.iter().filter(|resource| resource.group == group);
    let rows: Vec<Value> = served.flat_map(|resource| rows(resource)).collect();
    let version = if group.is_empty() { "v1".to_owned() } else { format!("{group}/v1") };
    json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": rows,
    })
}

fn rows(resource: &Resource) -> Vec<Value> {
    let mut row = json!({
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": resource.verbs(),
    });
    if !resource.short_names.is_empty() {
        row["shortNames"] = json!(resource.short_names);
    }
    if !resource.categories.is_empty() {
        row["categories"] = json!(resource.categories);
    }
    let parts = resource.subresources.iter().map(|part| part_row(resource, *part));
    std::iter::once(row).chain(parts).collect()
}

fn part_row(resource: &Resource, part: Subresource) -> Value {
    let mut row = json!({
        "name": format!("{}/{}", resource.plural, part.name()),
        "singularName": "",
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": ["get", "patch", "update"],
    });
    match part {
        Subresource::Status => {}
        Subresource::Log => row["verbs"] = json!(["get"]),
        Subresource::Scale => {
            row["group"] = "autoscaling".into();
            row["version"] = "v1".into();
            row["kind"] = "Scale".into();
        }
    }
    row
}
