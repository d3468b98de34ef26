//! Services.

use super::{names, one_of, port};
use crate::kube::object::{items, text};
use crate::kube::status::Cause;
use serde_json::Value;
use std::collections::HashSet;

/// A whole Service.
pub(super) fn check(object: &Value, causes: &mut Vec<Cause>) {
    let types = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
    one_of(object, "/spec/type", &types, causes);
    one_of(object, "/spec/sessionAffinity", &["ClientIP", "None"], causes);
    one_of(object, "/spec/externalTrafficPolicy", &["Cluster", "Local"], causes);
    let kind = text(object, "/spec/type");
    let address = text(object, "/spec/clusterIP");
    let ports = items(object, "/spec/ports");
    if ports.is_empty() && address != "None" && kind != "ExternalName" {
        causes.push(Cause::required("spec.ports", ""));
    }
    if kind == "ExternalName" && text(object, "/spec/externalName").is_empty() {
        causes.push(Cause::required("spec.externalName", ""));
    }
    if address == "None" && (kind == "NodePort" || kind == "LoadBalancer") {
        let detail = format!("may not be set to 'None' for {kind} services");
        causes.push(Cause::invalid("spec.clusterIPs[0]", &"None".into(), &detail));
    }
    if !["", "None"].contains(&address) && address.parse::<std::net::IpAddr>().is_err() {
        let detail = "must be empty, 'None', or a valid IP address";
        causes.push(Cause::invalid("spec.clusterIP", &address.into(), detail));
    }
    check_ports(ports, causes);
}

fn check_ports(ports: &[Value], causes: &mut Vec<Cause>) {
    let mut taken = HashSet::new();
    let mut called = HashSet::new();
    for (place, row) in ports.iter().enumerate() {
        let path = format!("spec.ports[{place}]");
        let name = text(row, "/name");
        if name.is_empty() && ports.len() > 1 {
            causes.push(Cause::required(format!("{path}.name"), ""));
        } else if !name.is_empty() {
            if let Err(why) = names::dns_label(name) {
                causes.push(Cause::invalid(format!("{path}.name"), &name.into(), &why));
            } else if !called.insert(name) {
                causes.push(Cause::duplicate(format!("{path}.name"), &name.into()));
            }
        }
        let number = row.get("port").cloned().unwrap_or_else(|| 0.into());
        port(&number, &format!("{path}.port"), causes);
        let protocol = text(row, "/protocol");
        if !["SCTP", "TCP", "UDP"].contains(&protocol) {
            let known = ["SCTP", "TCP", "UDP"];
            causes.push(Cause::unsupported(format!("{path}.protocol"), &protocol.into(), &known));
        }
        if let Some(target) = row.get("targetPort").filter(|target| target.is_number()) {
            port(target, &format!("{path}.targetPort"), causes);
        }
        if !taken.insert((number.as_i64(), protocol)) {
            let double = serde_json::json!({"port": number, "protocol": protocol});
            causes.push(Cause::duplicate(path, &double));
        }
    }
}

/// Checks that the address stays while the Service has one.
pub(super) fn check_change(object: &Value, old: &Value, causes: &mut Vec<Cause>) {
    let before = text(old, "/spec/clusterIP");
    let now = text(object, "/spec/clusterIP");
    let external = [object, old].iter().any(|one| text(one, "/spec/type") == "ExternalName");
    if !external && !before.is_empty() && now != before {
        causes.push(Cause::invalid("spec.clusterIPs[0]", &now.into(), "field is immutable"));
    }
}
