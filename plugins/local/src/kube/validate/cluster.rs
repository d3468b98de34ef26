//! Kinds with little to check.

use super::one_of;
use crate::kube::object::{items, namespace, text};
use crate::kube::status::Cause;
use serde_json::Value;

/// A whole Event: it lies in the namespace of what it is about.
pub(super) fn check_event(object: &Value, causes: &mut Vec<Cause>) {
    let about = text(object, "/involvedObject/namespace");
    let own = namespace(object);
    // What has no namespace has its events in the default one.
    let fits = about == own || (about.is_empty() && own == "default");
    if !fits {
        let detail = "does not match event.namespace";
        causes.push(Cause::invalid("involvedObject.namespace", &about.into(), detail));
    }
}

/// A whole NetworkPolicy.
pub(super) fn check_network_policy(object: &Value, causes: &mut Vec<Cause>) {
    for (place, kind) in items(object, "/spec/policyTypes").iter().enumerate() {
        let pointer = format!("/spec/policyTypes/{place}");
        debug_assert!(object.pointer(&pointer) == Some(kind));
        one_of(object, &pointer, &["Egress", "Ingress"], causes);
    }
}
