//! Services.

use crate::kube::object::{as_map, map, or, or_text, text};
use serde_json::{Value, json};

/// A whole Service, but for what is allocated (addresses and ports of nodes).
pub(super) fn service(object: &mut Value) {
    or(map(object, "status"), "loadBalancer", json!({}));
    let spec = map(object, "spec");
    or_text(spec, "type", "ClusterIP");
    or_text(spec, "sessionAffinity", "None");
    if text(spec, "/sessionAffinity") == "ClientIP" {
        let config = map(spec, "sessionAffinityConfig");
        or(map(config, "clientIP"), "timeoutSeconds", 10_800);
    }
    let kind = text(spec, "/type").to_owned();
    if kind != "ExternalName" {
        or_text(spec, "internalTrafficPolicy", "Cluster");
        or(spec, "ipFamilies", json!(["IPv4"]));
        or_text(spec, "ipFamilyPolicy", "SingleStack");
    }
    if kind == "NodePort" || kind == "LoadBalancer" {
        or_text(spec, "externalTrafficPolicy", "Cluster");
    }
    if kind == "LoadBalancer" {
        or(spec, "allocateLoadBalancerNodePorts", true);
    }
    if let Some(Value::Array(ports)) = spec.get_mut("ports") {
        ports.iter_mut().for_each(port);
    }
}

fn port(port: &mut Value) {
    or_text(port, "protocol", "TCP");
    let number = port.get("port").cloned().unwrap_or_else(|| 0.into());
    let target = as_map(port).entry("targetPort").or_insert_with(|| 0.into());
    if *target == json!(0) || *target == json!("") {
        *target = number;
    }
}
