//! Objects as rows for people, as `kubectl get` shows them.

mod cluster;
mod pod;
mod service;
mod stateful_set;
mod storage;
mod words;

use super::object::{as_map, name};
use super::resource::Resource;
use serde_json::{Value, json};

/// A column after the name.
struct Column {
    title: &'static str,
    /// Type for machines: `string` or `integer`.
    kind: &'static str,
    /// Only shown where there is room (`-o wide`).
    wide: bool,
}

/// Columns after the name, and how an object fills them.
struct Table {
    columns: &'static [Column],
    cells: fn(&Value) -> Vec<Value>,
}

const fn column(title: &'static str) -> Column {
    Column { title, kind: "string", wide: false }
}

const fn wide(title: &'static str) -> Column {
    Column { title, kind: "string", wide: true }
}

const fn count(title: &'static str) -> Column {
    Column { title, kind: "integer", wide: false }
}

/// What kinds without a table of their own show.
const PLAIN: Table =
    Table { columns: &[column("Age")], cells: |object| vec![words::age(object).into()] };

fn table(resource: &Resource) -> &'static Table {
    match resource.kind {
        "ConfigMap" => &cluster::CONFIG_MAP,
        "Endpoints" => &service::ENDPOINTS,
        "Event" => &cluster::EVENT,
        "Namespace" => &cluster::NAMESPACE,
        "NetworkPolicy" => &cluster::NETWORK_POLICY,
        "Node" => &cluster::NODE,
        "PersistentVolume" => &storage::VOLUME,
        "PersistentVolumeClaim" => &storage::CLAIM,
        "Pod" => &pod::POD,
        "ResourceQuota" => &cluster::QUOTA,
        "Secret" => &cluster::SECRET,
        "Service" => &service::SERVICE,
        "ServiceAccount" => &cluster::SERVICE_ACCOUNT,
        "StatefulSet" => &stateful_set::STATEFUL_SET,
        "StorageClass" => &storage::CLASS,
        _ => &PLAIN,
    }
}

/// Whether a row starts with the name: events are told by what happened.
fn is_named(resource: &Resource) -> bool {
    resource.kind != "Event"
}

/// The columns of a resource, as a Table defines them.
pub(crate) fn columns(resource: &Resource) -> Value {
    let define = |title: &str, kind: &str, format: &str, wide: bool| {
        json!({
            "name": title, "type": kind, "format": format, "description": title,
            "priority": i32::from(wide),
        })
    };
    let name = is_named(resource).then(|| define("Name", "string", "name", false));
    let rest = table(resource)
        .columns
        .iter()
        .map(|column| define(column.title, column.kind, "", column.wide));
    name.into_iter().chain(rest).collect()
}

/// The cells of an object.
pub(crate) fn cells(resource: &Resource, object: &Value) -> Value {
    let name = is_named(resource).then(|| name(object).into());
    let cells = (table(resource).cells)(object);
    name.into_iter().chain(cells).collect()
}

/// How many entries a map has.
fn size(object: &Value, field: &str) -> usize {
    let mut copy = object.get(field).cloned().unwrap_or_default();
    if copy.is_object() { as_map(&mut copy).len() } else { 0 }
}

#[cfg(test)]
mod tests;
