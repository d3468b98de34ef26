//! Answers.

use super::accept::{Shape, Writing};
use crate::kube::object::{self, text};
use crate::kube::resource::Resource;
use crate::kube::status::{ApiError, Result};
use crate::kube::table;
use crate::kube::verbs::Page;
use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// A JSON answer.
pub(super) fn json(code: u16, value: &Value) -> Response<Body> {
    bytes(code, "application/json", value.to_string())
}

/// A line of text.
pub(super) fn plain(text: &'static str) -> Response<Body> {
    bytes(200, "text/plain; charset=utf-8", text)
}

/// An answer of any type.
pub(super) fn bytes(code: u16, media: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::OK);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    response
}

/// A refusal.
pub(super) fn error(error: &ApiError) -> Response<Body> {
    let mut response = json(error.code, &error.to_value());
    if error.code == 401 {
        let scheme = HeaderValue::from_static("Bearer");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
    }
    response
}

/// Tells which fields of the request nobody knows.
pub(super) fn warn(mut response: Response<Body>, unknown: &[String]) -> Response<Body> {
    for path in unknown {
        let quoted = path.replace('\\', "").replace('"', "'");
        let warning = format!("299 - \"unknown field \\\"{quoted}\\\"\"");
        if let Ok(value) = HeaderValue::from_str(&warning) {
            response.headers_mut().append(header::WARNING, value);
        }
    }
    response
}

fn written(code: u16, writing: Writing, value: &impl Serialize) -> Result<Response<Body>> {
    match writing {
        Writing::Json => {
            let body = serde_json::to_vec(value).map_err(ApiError::internal)?;
            Ok(bytes(code, "application/json", body))
        }
        Writing::Yaml => {
            let body = serde_saphyr::to_string(value).map_err(ApiError::internal)?;
            Ok(bytes(code, "application/yaml", body))
        }
    }
}

/// One object, in the form that is wanted.
pub(super) fn object(
    code: u16,
    resource: &Resource,
    object: &Arc<Value>,
    form: (Shape, Writing),
    include: Include,
) -> Result<Response<Body>> {
    written(code, form.1, &*shaped(resource, object, form.0, include, true))
}

/// One object as a whole, as a table of one row, or its metadata alone.
pub(super) fn shaped(
    resource: &Resource,
    object: &Arc<Value>,
    shape: Shape,
    include: Include,
    columns: bool,
) -> Arc<Value> {
    match shape {
        Shape::Whole => Arc::clone(object),
        Shape::Partial(version) => Arc::new(partial(object, version)),
        Shape::Table(version) => {
            let rows = rows(resource, std::slice::from_ref(object), version, include);
            let columns = if columns { table::columns(resource) } else { Value::Null };
            let version_of = json!({"resourceVersion": text(object, "/metadata/resourceVersion")});
            Arc::new(table(version, version_of, columns, rows))
        }
    }
}

/// What of the object stands behind a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Include {
    /// Nothing.
    None,
    /// Its metadata.
    Metadata,
    /// All of it.
    Object,
}

impl Include {
    /// Reads `includeObject`.
    pub(super) fn parse(text: &str) -> Result<Self> {
        match text {
            "" | "Metadata" => Ok(Self::Metadata),
            "None" => Ok(Self::None),
            "Object" => Ok(Self::Object),
            other => {
                let message = format!("unrecognized includeObject value: \"{other}\"");
                Err(ApiError::bad_request(message))
            }
        }
    }
}

fn partial(object: &Value, version: &str) -> Value {
    json!({
        "kind": "PartialObjectMetadata",
        "apiVersion": format!("meta.k8s.io/{version}"),
        "metadata": object.get("metadata"),
    })
}

fn rows(
    resource: &Resource,
    objects: &[Arc<Value>],
    version: &str,
    include: Include,
) -> Vec<Value> {
    let row = |object: &Arc<Value>| {
        let mut row = json!({"cells": table::cells(resource, object)});
        match include {
            Include::None => {}
            Include::Metadata => row["object"] = partial(object, version),
            Include::Object => row["object"] = Value::clone(object),
        }
        row
    };
    objects.iter().map(row).collect()
}

fn table(version: &str, metadata: Value, columns: Value, rows: Vec<Value>) -> Value {
    json!({
        "kind": "Table",
        "apiVersion": format!("meta.k8s.io/{version}"),
        "metadata": metadata,
        "columnDefinitions": columns,
        "rows": rows,
    })
}

/// A list, in the form that is wanted.
pub(super) fn page(
    resource: &Resource,
    page: &Page,
    form: (Shape, Writing),
    include: Include,
) -> Result<Response<Body>> {
    let metadata = list_metadata(page);
    match form.0 {
        Shape::Whole => {
            let list = List {
                kind: format!("{}List", resource.kind),
                version: resource.api_version(),
                metadata,
                items: &page.items,
            };
            written(200, form.1, &list)
        }
        Shape::Partial(version) => {
            let items: Vec<_> = page.items.iter().map(|object| partial(object, version)).collect();
            let list = json!({
                "kind": "PartialObjectMetadataList",
                "apiVersion": format!("meta.k8s.io/{version}"),
                "metadata": metadata,
                "items": items,
            });
            written(200, form.1, &list)
        }
        Shape::Table(version) => {
            let rows = rows(resource, &page.items, version, include);
            written(200, form.1, &table(version, metadata, table::columns(resource), rows))
        }
    }
}

fn list_metadata(page: &Page) -> Value {
    let mut metadata = Map::new();
    metadata.insert("resourceVersion".into(), page.version.to_string().into());
    if let Some(token) = &page.proceed {
        metadata.insert("continue".into(), token.as_str().into());
    }
    if let Some(remaining) = page.remaining {
        metadata.insert("remainingItemCount".into(), remaining.into());
    }
    Value::Object(metadata)
}

/// A list that is written without being copied.
struct List<'a> {
    kind: String,
    version: String,
    metadata: Value,
    items: &'a [Arc<Value>],
}

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("kind", &self.kind)?;
        map.serialize_entry("apiVersion", &self.version)?;
        map.serialize_entry("metadata", &self.metadata)?;
        map.serialize_entry("items", &Items(self.items))?;
        map.end()
    }
}

struct Items<'a>(&'a [Arc<Value>]);

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|object| Item(object)))
    }
}

/// An object of a list: the list says what it is, so it does not.
struct Item<'a>(&'a Value);

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = self.0.as_object().into_iter().flatten();
        serializer
            .collect_map(fields.filter(|(field, _)| *field != "kind" && *field != "apiVersion"))
    }
}

/// What is left of an object: itself, or that it is gone.
pub(super) fn deletion(
    resource: &Resource,
    deleted: &crate::kube::verbs::Deleted,
    form: (Shape, Writing),
) -> Result<Response<Body>> {
    use crate::kube::verbs::Deleted;
    let shows_last =
        ["Pod", "PersistentVolume", "PersistentVolumeClaim", "ResourceQuota", "ServiceAccount"];
    match deleted {
        Deleted::Gone(last) if !shows_last.contains(&resource.kind) => {
            let status =
                crate::kube::status::deleted(resource, object::name(last), object::uid(last));
            written(200, form.1, &status)
        }
        other => object(200, resource, other.object(), form, Include::Metadata),
    }
}
