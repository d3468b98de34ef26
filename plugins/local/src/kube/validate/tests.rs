use super::{change, new};
use crate::kube::resource::{self, Resource};
use serde_json::{Value, json};

#[track_caller]
fn refused(resource: &Resource, object: &Value, fields: &[&str]) {
    let error = new(resource, object).expect_err("it was taken");
    check(&error.to_value(), fields);
}

#[track_caller]
fn refused_change(resource: &Resource, object: &Value, old: &Value, fields: &[&str]) {
    let error = change(resource, object, old).expect_err("it was taken");
    check(&error.to_value(), fields);
}

#[track_caller]
fn check(status: &Value, fields: &[&str]) {
    assert_eq!((&status["code"], &status["reason"]), (&json!(422), &json!("Invalid")));
    let found: Vec<_> = status["details"]["causes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cause| cause["field"].as_str().unwrap())
        .collect();
    assert_eq!(found, fields, "{status:#}");
}

/// The object with the value at the pointer changed; `null` takes it away.
fn with(object: &Value, pointer: &str, value: Value) -> Value {
    let mut changed = object.clone();
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    let parent = changed.pointer_mut(parent).unwrap();
    if value.is_null() {
        parent.as_object_mut().unwrap().remove(field);
    } else {
        parent[field] = value;
    }
    changed
}

fn set() -> Value {
    let mut set = json!({
        "metadata": {"name": "db", "namespace": "toygres"},
        "spec": {
            "selector": {"matchLabels": {"a": "b"}},
            "serviceName": "db",
            "template": {
                "metadata": {"labels": {"a": "b", "c": "d"}},
                "spec": {"containers": [{"name": "c", "image": "x"}]},
            },
        },
    });
    crate::kube::defaults::fill(&resource::STATEFUL_SET, &mut set);
    set
}

#[test]
fn a_stateful_set_fits_together() {
    let resource = &resource::STATEFUL_SET;
    new(resource, &set()).unwrap();
    let labels = "/spec/template/metadata/labels";
    let container = "/spec/template/spec/containers/0";
    for (pointer, value, field) in [
        ("/metadata/name", json!("Big"), "metadata.name"),
        ("/spec/replicas", json!(-1), "spec.replicas"),
        ("/spec/selector", json!({}), "spec.selector"),
        (labels, json!({"a": "c"}), "spec.template.metadata.labels"),
        ("/spec/template/spec/containers", json!([]), "spec.template.spec.containers"),
        (&format!("{container}/image"), json!(null), "spec.template.spec.containers[0].image"),
        (&format!("{container}/name"), json!("a.b"), "spec.template.spec.containers[0].name"),
        ("/spec/podManagementPolicy", json!("Never"), "spec.podManagementPolicy"),
        ("/spec/updateStrategy/type", json!("Never"), "spec.updateStrategy.type"),
        (
            &format!("{container}/volumeMounts"),
            json!([{"name": "v", "mountPath": "/x"}]),
            "spec.template.spec.containers[0].volumeMounts[0].name",
        ),
        (
            &format!("{container}/ports"),
            json!([{"containerPort": 65_536, "protocol": "TCP"}]),
            "spec.template.spec.containers[0].ports[0].containerPort",
        ),
    ] {
        refused(resource, &with(&set(), pointer, value), &[field]);
    }
}

#[test]
fn a_mount_may_mean_a_claim_template() {
    let claims = json!([{"metadata": {"name": "v"}, "spec": {}}]);
    let mounted = with(&set(), "/spec/volumeClaimTemplates", claims);
    let mount = json!([{"name": "v", "mountPath": "/x"}]);
    let mounted = with(&mounted, "/spec/template/spec/containers/0/volumeMounts", mount);
    new(&resource::STATEFUL_SET, &mounted).unwrap();
}

#[test]
fn little_of_a_stateful_set_changes() {
    let resource = &resource::STATEFUL_SET;
    change(resource, &with(&set(), "/spec/replicas", json!(3)), &set()).unwrap();
    let image = "/spec/template/spec/containers/0/image";
    change(resource, &with(&set(), image, json!("y")), &set()).unwrap();
    refused_change(resource, &with(&set(), "/spec/serviceName", json!("x")), &set(), &["spec"]);
}

fn claim() -> Value {
    json!({
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "10Gi"}},
            "volumeMode": "Filesystem",
        },
        "status": {"phase": "Bound"},
    })
}

#[test]
fn a_claim_grows_and_never_shrinks() {
    let resource = &resource::CLAIM;
    let size = "/spec/resources/requests/storage";
    new(resource, &claim()).unwrap();
    refused(resource, &with(&claim(), "/spec/accessModes", json!(null)), &["spec.accessModes"]);
    refused(resource, &with(&claim(), size, json!("0")), &["spec.resources[storage]"]);
    refused(resource, &with(&claim(), size, json!("big")), &["spec.resources[storage]"]);
    change(resource, &with(&claim(), size, json!("20Gi")), &claim()).unwrap();
    change(resource, &with(&claim(), "/spec/volumeName", json!("v")), &claim()).unwrap();
    let smaller = with(&claim(), size, json!("5Gi"));
    refused_change(resource, &smaller, &claim(), &["spec.resources.requests.storage"]);
    let waiting = with(&claim(), "/status/phase", json!("Pending"));
    refused_change(resource, &with(&waiting, size, json!("20Gi")), &waiting, &["spec"]);
    let moved = with(&claim(), "/spec/storageClassName", json!("x"));
    refused_change(resource, &moved, &claim(), &["spec"]);
}

fn service() -> Value {
    json!({
        "metadata": {"name": "db-svc"},
        "spec": {"type": "LoadBalancer", "clusterIP": "10.0.0.1", "ports": [
            {"port": 5432, "protocol": "TCP", "targetPort": 5432},
        ]},
    })
}

#[test]
fn a_service_has_ports_and_keeps_its_address() {
    let resource = &resource::SERVICE;
    new(resource, &service()).unwrap();
    for (pointer, value, fields) in [
        ("/metadata/name", json!("1db"), &["metadata.name"][..]),
        ("/spec/ports", json!([]), &["spec.ports"]),
        ("/spec/type", json!("Magic"), &["spec.type"]),
        ("/spec/ports/0/port", json!(0), &["spec.ports[0].port"]),
        ("/spec/ports/0/protocol", json!("X"), &["spec.ports[0].protocol"]),
        ("/spec/clusterIP", json!("None"), &["spec.clusterIPs[0]"]),
        ("/spec/clusterIP", json!("here"), &["spec.clusterIP"]),
    ] {
        refused(resource, &with(&service(), pointer, value), fields);
    }
    let two = json!([
        {"port": 1, "protocol": "TCP"}, {"port": 1, "protocol": "TCP", "name": "b"}
    ]);
    refused(
        resource,
        &with(&service(), "/spec/ports", two),
        &["spec.ports[0].name", "spec.ports[1]"],
    );
    let moved = with(&service(), "/spec/clusterIP", json!("10.0.0.2"));
    refused_change(resource, &moved, &service(), &["spec.clusterIPs[0]"]);
}

#[test]
fn data_has_names_a_limit_and_may_be_immutable() {
    let secret = json!({"metadata": {"name": "s"}, "type": "Opaque", "data": {"a": "AAAA"}});
    new(&resource::SECRET, &secret).unwrap();
    refused(&resource::SECRET, &with(&secret, "/data", json!({"a b": "AAAA"})), &["data[a b]"]);
    let large = with(&secret, "/data/a", json!("A".repeat(1_500_000)));
    refused(&resource::SECRET, &large, &["data"]);
    let tls = with(&secret, "/type", json!("kubernetes.io/tls"));
    refused(&resource::SECRET, &tls, &["data[tls.crt]", "data[tls.key]"]);
    refused_change(&resource::SECRET, &with(&secret, "/type", json!("x")), &secret, &["type"]);
    let frozen = with(&secret, "/immutable", json!(true));
    let changed = with(&frozen, "/data/a", json!("BBBB"));
    refused_change(&resource::SECRET, &changed, &frozen, &["data"]);
}

#[test]
fn metadata_is_checked_for_every_kind() {
    let map = json!({"metadata": {"name": "a"}});
    let resource = &resource::CONFIG_MAP;
    for (pointer, value, fields) in [
        ("/metadata/name", json!(null), &["metadata.name"][..]),
        ("/metadata/name", json!("a..b"), &["metadata.name"]),
        ("/metadata/name", json!("a".repeat(254)), &["metadata.name"]),
        ("/metadata/labels", json!({"-": "a"}), &["metadata.labels"]),
        ("/metadata/labels", json!({"a": "b c"}), &["metadata.labels"]),
        ("/metadata/annotations", json!({"a/b/c": "x"}), &["metadata.annotations"]),
        ("/metadata/annotations", json!({"a": "x".repeat(300_000)}), &["metadata.annotations"]),
        ("/metadata/finalizers", json!(["a b"]), &["metadata.finalizers"]),
        (
            "/metadata/ownerReferences",
            json!([{"apiVersion": "v1", "kind": "Pod", "name": "p"}]),
            &["metadata.ownerReferences[0].uid"],
        ),
    ] {
        refused(resource, &with(&map, pointer, value), fields);
    }
    refused(&resource::NAMESPACE, &json!({"metadata": {"name": "a.b"}}), &["metadata.name"]);
}
