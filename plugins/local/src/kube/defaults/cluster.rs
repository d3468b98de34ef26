//! Kinds with little to fill in.

use crate::kube::object::{items, map, metadata, name, or, or_text};
use serde_json::{Value, json};

/// A whole Namespace: it is labelled with its own name, so that selectors can mean it.
pub(super) fn namespace(object: &mut Value) {
    let own = name(object).to_owned();
    if !own.is_empty() {
        let labels = metadata(object).entry("labels").or_insert_with(|| json!({}));
        or(labels, "kubernetes.io/metadata.name", own);
    }
    or_text(map(object, "status"), "phase", "Active");
}

/// A whole NetworkPolicy.
pub(super) fn network_policy(object: &mut Value) {
    let spec = map(object, "spec");
    for (rules, field) in [("ingress", "ports"), ("egress", "ports")] {
        let rules = spec.get_mut(rules).and_then(Value::as_array_mut).into_iter().flatten();
        for port in rules.filter_map(|rule| rule.get_mut(field)?.as_array_mut()).flatten() {
            or_text(port, "protocol", "TCP");
        }
    }
    let outward = !items(spec, "/egress").is_empty();
    let types = if outward { json!(["Ingress", "Egress"]) } else { json!(["Ingress"]) };
    or(spec, "policyTypes", types);
}

/// A whole Endpoints object.
pub(super) fn endpoints(object: &mut Value) {
    let subsets = object.get_mut("subsets").and_then(Value::as_array_mut).into_iter().flatten();
    for port in subsets.filter_map(|subset| subset.get_mut("ports")?.as_array_mut()).flatten() {
        or_text(port, "protocol", "TCP");
    }
}
