use super::{Api, SERVICES};
use crate::kube::Admission;
use crate::kube::object::number;
use serde_json::{Value, json};
use std::sync::Arc;

/// Gives every Service the port after the one it asks for.
struct NextPort;

impl Admission for NextPort {
    fn service(&self, old: Option<&Value>, service: &mut Value) -> Result<(), String> {
        let asked = number(service, "/spec/ports/0/port").unwrap_or_default();
        if asked == 1 {
            return Err("port 1 is nobody's".into());
        }
        service["spec"]["clusterIP"] = "127.0.0.1".into();
        if old.is_none() {
            service["spec"]["ports"][0]["port"] = (asked + 1).into();
            service["status"] = json!({"loadBalancer": {"ingress": [{"ip": "127.0.0.1"}]}});
        }
        Ok(())
    }
}

fn service(port: i64) -> Value {
    json!({"metadata": {"name": "a"}, "spec": {"type": "LoadBalancer", "ports": [{"port": port}]}})
}

#[tokio::test]
async fn another_port_may_be_given_and_stays() {
    let api = Api::new();
    api.server.set_admission(Arc::new(NextPort));
    let made = api.post(SERVICES, &service(5432)).await.ok();
    assert_eq!(made["spec"]["ports"][0]["port"], 5433);
    assert_eq!(made["spec"]["ports"][0]["targetPort"], 5432);
    assert_eq!(made["spec"]["clusterIPs"], json!(["127.0.0.1"]));
    assert_eq!(made["status"]["loadBalancer"]["ingress"][0]["ip"], "127.0.0.1");
    // Who applies the same again, by a patch that merges ports by number or as a whole, asks for
    // the old port and means the given one.
    let path = format!("{SERVICES}/a");
    let patch = json!({"spec": {"ports": [{"port": 5432, "targetPort": 5432}]}});
    let strategic = "application/strategic-merge-patch+json";
    let again = api.send("PATCH", &path, strategic, patch.to_string()).await.ok();
    assert_eq!(again, made);
    assert_eq!(api.put(&path, &service(5432)).await.ok(), made);
    let moved = json!({"spec": {"clusterIP": "127.0.0.2"}});
    api.merge(&path, &moved).await.refused(422, "Invalid");
    let mut refused = service(1);
    refused["metadata"]["name"] = "b".into();
    let refused = api.post(SERVICES, &refused).await.refused(403, "Forbidden");
    assert!(refused["message"].as_str().unwrap().contains("port 1 is nobody's"));
}

#[tokio::test]
async fn addresses_and_ports_are_given_once() {
    let api = Api::new();
    let mut seen = std::collections::HashSet::new();
    for name in ["a", "b", "c"] {
        let mut wanted = service(80);
        wanted["metadata"]["name"] = name.into();
        let made = api.post(SERVICES, &wanted).await.ok();
        assert!(seen.insert(made["spec"]["clusterIP"].to_string()));
        assert!(seen.insert(made["spec"]["ports"][0]["nodePort"].to_string()));
    }
    let path = format!("{SERVICES}/a");
    let before = api.get(&path).await.ok();
    let taken = before["spec"]["ports"][0]["nodePort"].clone();
    let mut other = service(80);
    other["metadata"]["name"] = "d".into();
    other["spec"]["ports"][0]["nodePort"] = taken;
    api.post(SERVICES, &other).await.refused(422, "Invalid");
    // Replaced without them, it keeps them.
    let after = api.put(&path, &service(80)).await.ok();
    assert_eq!(after["spec"], before["spec"]);
    // As an internal one it has no ports on nodes.
    let inner = api.merge(&path, &json!({"spec": {"type": "ClusterIP"}})).await.ok();
    assert!(inner["spec"]["ports"][0].get("nodePort").is_none(), "{inner:#}");
    assert!(inner["spec"].get("externalTrafficPolicy").is_none());
    let moved = json!({"spec": {"clusterIP": "10.96.9.9", "clusterIPs": ["10.96.9.9"]}});
    api.merge(&path, &moved).await.refused(422, "Invalid");
}
