//! The load balancer: every Service is reached on loopback, at a port of its own.

use super::ports::{Ports, labels};
use crate::kube::Admission;
use crate::kube::object::{map, namespace, number, postgres_port_path, text};
use serde_json::{Value, json};
use std::sync::Arc;

/// Gives Services their ports and addresses.
#[derive(Debug)]
pub(super) struct LoadBalancer(pub(super) Arc<Ports>);

impl Admission for LoadBalancer {
    fn service(&self, old: Option<&Value>, service: &mut Value) -> Result<(), String> {
        let kind = text(service, "/spec/type").to_owned();
        if kind == "ExternalName" {
            return Ok(());
        }
        self.give_port(old, service)?;
        let spec = map(service, "spec");
        if text(spec, "/clusterIP") != "None" {
            // Every pod is on this address; another one could not be reached.
            spec["clusterIP"] = "127.0.0.1".into();
            spec["clusterIPs"] = json!(["127.0.0.1"]);
        }
        let balanced = kind == "LoadBalancer";
        let ingress =
            if balanced { json!({ "ingress": [{ "ip": "127.0.0.1" }] }) } else { json!({}) };
        map(service, "status")["loadBalancer"] = ingress;
        Ok(())
    }
}

impl LoadBalancer {
    /// PostgreSQL's port becomes the one that was given; it stays for the Service's life.
    fn give_port(&self, old: Option<&Value>, service: &mut Value) -> Result<(), String> {
        let selector = labels(service.pointer("/spec/selector"));
        let path = postgres_port_path(service);
        if selector.is_empty() || number(service, &path).is_none() {
            return Ok(());
        }
        let space = namespace(service).to_owned();
        let before = old.and_then(port_of);
        let port = match before {
            Some(port) => {
                self.0.remember(&space, selector, port);
                port
            }
            None => self.0.of_service(&space, selector).map_err(|error| error.message)?,
        };
        if let Some(slot) = service.pointer_mut(&path) {
            *slot = port.into();
        }
        Ok(())
    }
}

/// The port that a stored Service was given.
pub(super) fn port_of(service: &Value) -> Option<u16> {
    number(service, &postgres_port_path(service))?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::{LoadBalancer, port_of};
    use crate::kube::Admission;
    use serde_json::{Value, json};
    use std::sync::Arc;

    fn service(kind: &str) -> Value {
        json!({
            "metadata": { "namespace": "toygres", "name": "mydb-svc" },
            "spec": {
                "type": kind, "selector": { "instance": "mydb" }, "ports": [{ "port": 5432 }],
            },
        })
    }

    #[test]
    fn a_port_is_given_once_and_kept() {
        let balancer = LoadBalancer(Arc::default());
        let mut first = service("LoadBalancer");
        balancer.service(None, &mut first).unwrap();
        let port = port_of(&first).unwrap();
        assert_ne!(port, 5432);
        assert_eq!(first["status"]["loadBalancer"]["ingress"][0]["ip"], "127.0.0.1");
        let mut changed = service("ClusterIP");
        changed["spec"]["selector"]["role"] = "primary".into();
        balancer.service(Some(&first), &mut changed).unwrap();
        assert_eq!(port_of(&changed), Some(port));
        assert_eq!(changed["status"]["loadBalancer"], json!({}));
        assert_eq!(changed["spec"]["clusterIP"], "127.0.0.1");
    }

    #[test]
    fn a_port_before_it_is_not_taken_for_it() {
        let balancer = LoadBalancer(Arc::default());
        let mut first = service("LoadBalancer");
        first["spec"]["ports"] =
            json!([{ "name": "postgres", "port": 5432, "targetPort": "postgres" }]);
        balancer.service(None, &mut first).unwrap();
        let port = port_of(&first).unwrap();
        let mut changed = first.clone();
        let metrics = json!({ "name": "metrics", "port": 9187, "targetPort": 9187 });
        changed["spec"]["ports"].as_array_mut().unwrap().insert(0, metrics);
        balancer.service(Some(&first), &mut changed).unwrap();
        assert_eq!(changed["spec"]["ports"][0]["port"], 9187);
        assert_eq!(
            (changed["spec"]["ports"][1]["port"].as_u64(), port_of(&changed)),
            (Some(port.into()), Some(port))
        );
    }

    #[test]
    fn names_for_elsewhere_are_left_alone() {
        let mut external = service("ExternalName");
        let before = external.clone();
        LoadBalancer(Arc::default()).service(None, &mut external).unwrap();
        assert_eq!(external, before);
    }
}
