//! StatefulSets.

use super::{pod, storage};
use crate::kube::object::{as_map, map, or, or_text, text};
use serde_json::{Value, json};

/// A whole StatefulSet.
pub(super) fn stateful_set(object: &mut Value) {
    let spec = map(object, "spec");
    or_text(spec, "podManagementPolicy", "OrderedReady");
    or(spec, "revisionHistoryLimit", 10);
    or(spec, "replicas", 1);
    or(spec, "serviceName", "");
    let strategy = map(spec, "updateStrategy");
    or_text(strategy, "type", "RollingUpdate");
    if text(strategy, "/type") == "RollingUpdate" {
        or(map(strategy, "rollingUpdate"), "partition", 0);
    }
    pod::pod_spec(map(map(spec, "template"), "spec"));
    if let Some(Value::Array(claims)) = spec.get_mut("volumeClaimTemplates") {
        claims.iter_mut().for_each(claim_template);
    }
}

fn claim_template(claim: &mut Value) {
    or_text(claim, "apiVersion", "v1");
    or_text(claim, "kind", "PersistentVolumeClaim");
    or_text(map(claim, "spec"), "volumeMode", "Filesystem");
    as_map(claim).entry("status").or_insert_with(|| json!({"phase": "Pending"}));
    storage::phase(claim);
}
