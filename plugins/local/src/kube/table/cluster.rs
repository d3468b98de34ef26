//! Kinds with small tables.

use super::words::{age, joined, labels, or_none, since};
use super::{Table, column, count, size, wide};
use crate::kube::object::{items, number, text};
use serde_json::Value;

/// ConfigMaps.
pub(super) const CONFIG_MAP: Table = Table {
    columns: &[count("Data"), column("Age")],
    cells: |object| {
        vec![(size(object, "data") + size(object, "binaryData")).into(), age(object).into()]
    },
};

/// Secrets.
pub(super) const SECRET: Table = Table {
    columns: &[column("Type"), count("Data"), column("Age")],
    cells: |object| {
        vec![text(object, "/type").into(), size(object, "data").into(), age(object).into()]
    },
};

/// ServiceAccounts.
pub(super) const SERVICE_ACCOUNT: Table = Table {
    columns: &[count("Secrets"), column("Age")],
    cells: |object| vec![items(object, "/secrets").len().into(), age(object).into()],
};

/// Namespaces.
pub(super) const NAMESPACE: Table = Table {
    columns: &[column("Status"), column("Age")],
    cells: |object| vec![text(object, "/status/phase").into(), age(object).into()],
};

/// NetworkPolicies.
pub(super) const NETWORK_POLICY: Table = Table {
    columns: &[column("Pod-Selector"), column("Age")],
    cells: |object| {
        vec![labels(object.pointer("/spec/podSelector/matchLabels")).into(), age(object).into()]
    },
};

/// ResourceQuotas.
pub(super) const QUOTA: Table = Table {
    columns: &[column("Age"), column("Request")],
    cells: |object| vec![age(object).into(), used(object).into()],
};

fn used(quota: &Value) -> String {
    let hard = quota.pointer("/spec/hard").and_then(Value::as_object).into_iter().flatten();
    joined(hard.map(|(name, limit)| {
        let used = quota.pointer("/status/used").and_then(|used| used.get(name));
        let used = used.and_then(Value::as_str).unwrap_or("0");
        format!("{name}: {used}/{}", limit.as_str().unwrap_or_default())
    }))
}

/// Machines.
pub(super) const NODE: Table = Table {
    columns: &[
        column("Status"),
        column("Roles"),
        column("Age"),
        column("Version"),
        wide("Internal-IP"),
    ],
    cells: node,
};

fn node(node: &Value) -> Vec<Value> {
    let ready = items(node, "/status/conditions")
        .iter()
        .any(|one| text(one, "/type") == "Ready" && text(one, "/status") == "True");
    let internal = items(node, "/status/addresses")
        .iter()
        .find(|one| text(one, "/type") == "InternalIP")
        .map_or("", |one| text(one, "/address"));
    vec![
        if ready { "Ready" } else { "NotReady" }.into(),
        or_none("").into(),
        age(node).into(),
        text(node, "/status/nodeInfo/kubeletVersion").into(),
        or_none(internal).into(),
    ]
}

/// Events: told by what happened, not by their names.
pub(super) const EVENT: Table = Table {
    columns: &[
        column("Last Seen"),
        column("Type"),
        column("Reason"),
        column("Object"),
        wide("Subobject"),
        wide("Source"),
        column("Message"),
        wide("First Seen"),
        wide("Count"),
        wide("Name"),
    ],
    cells: event,
};

fn event(event: &Value) -> Vec<Value> {
    let times = |fields: &[&str]| {
        let found = fields.iter().map(|field| text(event, field)).find(|time| !time.is_empty());
        since(found.unwrap_or_default())
    };
    let kind = text(event, "/involvedObject/kind").to_lowercase();
    vec![
        times(&["/lastTimestamp", "/series/lastObservedTime", "/eventTime"]).into(),
        text(event, "/type").into(),
        text(event, "/reason").into(),
        format!("{kind}/{}", text(event, "/involvedObject/name")).into(),
        text(event, "/involvedObject/fieldPath").into(),
        text(event, "/source/component").into(),
        text(event, "/message").trim().into(),
        times(&["/firstTimestamp", "/eventTime"]).into(),
        number(event, "/count").unwrap_or(1).to_string().into(),
        crate::kube::object::name(event).into(),
    ]
}
