//! StatefulSets.

use super::words::{age, each};
use super::{Column, Table, column, wide};
use crate::kube::object::number;
use serde_json::Value;

const COLUMNS: &[Column] = &[column("Ready"), column("Age"), wide("Containers"), wide("Images")];

/// StatefulSets.
pub(super) const STATEFUL_SET: Table = Table { columns: COLUMNS, cells };

fn cells(set: &Value) -> Vec<Value> {
    let ready = number(set, "/status/readyReplicas").unwrap_or_default();
    let wanted = number(set, "/spec/replicas").unwrap_or_default();
    let containers = "/spec/template/spec/containers";
    vec![
        format!("{ready}/{wanted}").into(),
        age(set).into(),
        each(set, containers, "name").into(),
        each(set, containers, "image").into(),
    ]
}
