//! Changes of every kind made by `kubectl` and SQL behind the control plane's back: each is found,
//! with its kind and its fields, and nothing else is.

use crate::plane::{Plane, of, said};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use toygres_model::kubernetes::Desired;
use toygres_tests::control::Options;
use toygres_tests::postgres::major;

/// One change, made to an instance of its own.
struct Case {
    name: &'static str,
    /// What is found, as `kind:field,field`.
    finds: &'static str,
    change: fn(&Plane, &str),
}

const fn case(name: &'static str, finds: &'static str, change: fn(&Plane, &str)) -> Case {
    Case { name, finds, change }
}

/// A statement about an instance's record; its time is left as it is.
fn record(plane: &Plane, name: &str, set: &str) {
    plane.sql(&format!("UPDATE instances SET {set} WHERE k8s_name = '{name}'"));
}

fn service(plane: &Plane, name: &str, patch: &str) {
    plane.kubectl(&["patch", "service", &format!("{name}-svc"), "-p", patch]);
}

const CASES: &[Case] = &[
    // By kubectl: objects that go.
    case("set-gone", "mismatch:statefulset", |plane, name| {
        plane.kubectl(&["delete", "statefulset", name]);
        plane.has(&format!("pod/{name}-0"), ".metadata.name", "");
    }),
    case("service-gone", "mismatch:service", |plane, name| {
        plane.kubectl(&["delete", "service", &format!("{name}-svc")]);
    }),
    case("secret-gone", "mismatch:secret", |plane, name| {
        plane.kubectl(&["delete", "secret", &format!("{name}-credentials")]);
    }),
    case("set-and-claim-gone", "mismatch:statefulset,claim", |plane, name| {
        plane.kubectl(&["delete", "statefulset", name]);
        plane.kubectl(&["delete", "pvc", &format!("{name}-pvc")]);
        plane.has(&format!("pod/{name}-0"), ".metadata.name", "");
    }),
    case("all-gone", "abandoned:statefulset,service,claim", |plane, name| {
        let all = format!("instance={name}");
        plane.kubectl(&["delete", "statefulset,service,pvc,secret", "-l", &all]);
        plane.has(&format!("pod/{name}-0"), ".metadata.name", "");
    }),
    // By kubectl: objects that change.
    case("image", "mismatch:image", |plane, name| {
        plane.kubectl(&["set", "image", &format!("statefulset/{name}"), "postgres=postgres:17"]);
        plane.has(&format!("pod/{name}-0"), ".spec.containers[0].image", "postgres:17");
        plane.has(&format!("statefulset/{name}"), ".status.readyReplicas", "1");
    }),
    case("image-elsewhere", "mismatch:image", |plane, name| {
        let elsewhere = format!("registry.example/postgres:{}", major());
        let image = format!("postgres={elsewhere}");
        plane.kubectl(&["set", "image", &format!("statefulset/{name}"), &image]);
        let pod = format!("pod/{name}-0");
        plane.has(&pod, ".spec.containers[0].image", &elsewhere);
        plane.has(&format!("statefulset/{name}"), ".status.readyReplicas", "1");
    }),
    case("scaled-to-none", "mismatch:replicas", |plane, name| {
        plane.kubectl(&["scale", &format!("statefulset/{name}"), "--replicas=0"]);
        plane.has(&format!("pod/{name}-0"), ".metadata.name", "");
    }),
    case("scaled-to-two", "mismatch:replicas", |plane, name| {
        plane.kubectl(&["scale", &format!("statefulset/{name}"), "--replicas=2"]);
    }),
    case("never-ready", "mismatch:ready_replicas", |plane, name| {
        plane.deployment.world.kubelet.hold(name);
        plane.kubectl(&["delete", "pod", &format!("{name}-0")]);
        plane.has(&format!("pod/{name}-0"), ".status.phase", "Pending");
        plane.has(&format!("statefulset/{name}"), ".status.readyReplicas", "");
    }),
    case("no-image", "mismatch:ready_replicas", |plane, name| {
        plane.deployment.world.kubelet.fail_image(name);
        plane.kubectl(&["delete", "pod", &format!("{name}-0")]);
        let waits = ".status.containerStatuses[0].state.waiting.reason";
        plane.has(&format!("pod/{name}-0"), waits, "ErrImagePull");
        plane.has(&format!("statefulset/{name}"), ".status.readyReplicas", "");
    }),
    case("other-claim", "mismatch:mounted_claim", |plane, name| {
        let volume = json!({"name": "data", "persistentVolumeClaim": {"claimName": "other"}});
        let patch = json!({"spec": {"template": {"spec": {"volumes": [volume]}}}}).to_string();
        plane.kubectl(&["patch", "statefulset", name, "-p", &patch]);
        plane.has(&format!("statefulset/{name}"), ".status.readyReplicas", "1");
    }),
    case("cluster-ip", "mismatch:service_type", |plane, name| {
        service(plane, name, r#"{"spec": {"type": "ClusterIP"}}"#);
    }),
    case("node-port", "mismatch:service_type", |plane, name| {
        service(plane, name, r#"{"spec": {"type": "NodePort"}}"#);
    }),
    case("selector", "mismatch:selector", |plane, name| {
        service(plane, name, r#"{"spec": {"selector": {"instance": "another"}}}"#);
    }),
    case("target-port", "mismatch:target_port", |plane, name| {
        let change = r#"[{"op": "replace", "path": "/spec/ports/0/targetPort", "value": 80}]"#;
        let service = format!("{name}-svc");
        plane.kubectl(&["patch", "service", &service, "--type=json", "-p", change]);
    }),
    case("another-address", "mismatch:external_ip", |plane, name| {
        let patch =
            json!({"status": {"loadBalancer": {"ingress": [{"ip": "10.1.2.3"}]}}}).to_string();
        let service = format!("{name}-svc");
        let args = ["patch", "service", &service, "--subresource=status", "--type=merge", "-p"];
        plane.kubectl(&[&args[..], &[&patch]].concat());
    }),
    case("service-unlabelled", "mismatch:labels", |plane, name| {
        plane.kubectl(&["label", "service", &format!("{name}-svc"), "app-"]);
    }),
    case("claim-relabelled", "mismatch:labels", |plane, name| {
        let claim = format!("{name}-pvc");
        plane.kubectl(&["label", "pvc", &claim, "instance=another", "--overwrite"]);
    }),
    case("set-unlabelled", "mismatch:labels", |plane, name| {
        plane.kubectl(&["label", "statefulset", name, "app-", "instance-"]);
    }),
    case("another-id", "mismatch:instance_id", |plane, name| {
        let id = "toygres.io/instance-id=00000000-0000-0000-0000-000000000000";
        plane.kubectl(&["annotate", "statefulset", name, id, "--overwrite"]);
    }),
    case("storage-grown", "mismatch:storage_bytes", |plane, name| {
        let patch = r#"{"spec": {"resources": {"requests": {"storage": "20Gi"}}}}"#;
        plane.kubectl(&["patch", "pvc", &format!("{name}-pvc"), "-p", patch]);
    }),
    case("claim-going", "mismatch:claim_deletion", |plane, name| {
        // The pod uses it: it goes only when the pod does.
        plane.kubectl(&["delete", "pvc", &format!("{name}-pvc"), "--wait=false"]);
    }),
    case("odd-storage", "mismatch:storage_bytes", |plane, name| {
        let patch = r#"{"spec": {"resources": {"requests": {"storage": "10500Mi"}}}}"#;
        plane.kubectl(&["patch", "pvc", &format!("{name}-pvc"), "-p", patch]);
    }),
    case("another-major", "mismatch:running_version", |plane, name| {
        plane.sql(&format!(
            "INSERT INTO instance_health_checks (instance_id, status, postgres_version, checked_at)
             SELECT id, 'healthy', '13.4', now() + interval '1 minute' FROM instances
             WHERE k8s_name = '{name}'"
        ));
    }),
    case("copied-service", "mismatch:extra", |plane, name| {
        plane.apply(&json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "reader", "labels": {"app": "postgres", "instance": name}},
            "spec": {"ports": [{"port": 5432}]},
        }));
    }),
    case("dns-label-gone", "mismatch:dns_label", |plane, name| {
        let annotation = "service.beta.kubernetes.io/azure-dns-label-name-";
        plane.kubectl(&["annotate", "service", &format!("{name}-svc"), annotation]);
    }),
    // By SQL.
    case("version-written", "mismatch:image", |plane, name| {
        record(plane, name, "postgres_version = '16'");
    }),
    case("storage-written", "mismatch:storage_bytes", |plane, name| {
        record(plane, name, "storage_size_gb = 99");
    }),
    case("balancer-written", "mismatch:service_type", |plane, name| {
        record(plane, name, "use_load_balancer = false");
    }),
    case("address-written", "mismatch:external_ip", |plane, name| {
        record(plane, name, "external_ip = '10.9.9.9'");
    }),
    case("address-forgotten", "mismatch:external_ip", |plane, name| {
        record(plane, name, "external_ip = NULL");
    }),
    case("host-written", "mismatch:host", |plane, name| {
        let set = "ip_connection_string = replace(ip_connection_string, '127.0.0.1', '10.9.9.9')";
        record(plane, name, set);
    }),
    case("port-written", "mismatch:port", |plane, name| {
        let set = r"ip_connection_string = regexp_replace(ip_connection_string, ':\d+/', ':1/')";
        record(plane, name, set);
    }),
    case("dns-written", "mismatch:dns_label", |plane, name| {
        record(plane, name, "dns_name = 'another'");
    }),
    case("monitor-forgotten", "mismatch:monitor_id", |plane, name| {
        record(plane, name, "instance_actor_orchestration_id = NULL");
    }),
    case("monitor-ended", "mismatch:monitor", |plane, name| {
        plane.sql(&format!(
            "UPDATE toygres_duroxide.executions SET status = 'Failed'
             WHERE instance_id = 'health-{name}' AND status = 'Running'"
        ));
    }),
    case("creating-for-ever", "mismatch:orchestration", |plane, name| {
        record(plane, name, "state = 'creating'");
    }),
    case("deleting-for-ever", "mismatch:orchestration", |plane, name| {
        record(plane, name, "state = 'deleting'");
    }),
    case("failed-and-there", "mismatch:state", |plane, name| {
        record(plane, name, "state = 'failed'");
    }),
    case(
        "deleted-and-there",
        "orphaned:statefulset,service,claim,pod,secret,state",
        |plane, name| record(plane, name, "state = 'deleted', deleted_at = now()"),
    ),
    case("forgotten", "orphaned:statefulset,service,claim,pod,secret", |plane, name| {
        let of = format!("(SELECT id FROM instances WHERE k8s_name = '{name}')");
        plane.sql(&format!(
            "DELETE FROM instance_events WHERE instance_id = {of};
             DELETE FROM instance_health_checks WHERE instance_id = {of};
             DELETE FROM instances WHERE k8s_name = '{name}'"
        ));
    }),
    case("moved", "mismatch:namespace", |plane, name| {
        record(plane, name, "namespace = 'elsewhere'");
    }),
    case("twin", "mismatch:name", |plane, name| {
        plane.sql("DROP INDEX IF EXISTS instances_live_name");
        record(plane, name, "user_name = 'untouched'");
    }),
];

/// What is changed without an instance of its own: what is found of which name.
fn foreign(plane: &Plane) -> BTreeMap<&'static str, &'static str> {
    let desired = |k8s_name| Desired {
        id: "6f9619ff-8b86-d011-b42d-00cf4fc964ff",
        k8s_name,
        namespace: &plane.deployment.namespace,
        version: "18",
        image: "postgres:18",
        storage_gb: 10,
        storage_class: None,
        load_balancer: true,
        dns_label: None,
    };
    plane.apply(&desired("left-00000001").claim());
    plane.apply(&desired("left-00000002").service());
    plane.apply(&desired("left-00000003").service());
    plane.apply(&desired("left-00000003").claim());
    plane.sql(
        "INSERT INTO instances (user_name, k8s_name, namespace, state)
         SELECT 'ghost', 'ghost-00000001', namespace, 'running' FROM instances LIMIT 1",
    );
    BTreeMap::from([
        ("left-00000001", "orphaned:claim"),
        ("left-00000002", "orphaned:service"),
        ("left-00000003", "orphaned:service,claim"),
        ("ghost-00000001", "abandoned:statefulset,service,claim"),
    ])
}

/// A storage class whose claims may grow.
fn growing(plane: &Plane) {
    let class = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
        "metadata": {"name": "growing"}, "provisioner": "example.com/none",
        "allowVolumeExpansion": true,
    });
    plane.apply(&class);
}

fn wanted(case: &Case) -> Value {
    let mut wanted = json!({"name": case.name, "password": "test123"});
    if case.name.starts_with("dns-") {
        wanted["dns_label"] = json!(format!("label-{}", case.name));
    }
    wanted
}

#[test]
fn every_change_is_found_with_its_kind_and_fields() {
    let options = Options::default().env("TOYGRES_STORAGE_CLASS", "growing");
    let Some(mut plane) = Plane::with(options) else { return };
    growing(&plane);
    let mut wants: Vec<Value> = CASES.iter().map(wanted).collect();
    wants.push(json!({"name": "untouched", "password": "test123"}));
    wants.push(json!({"name": "quiet", "password": "test123"}));
    let mut names = plane.instances(&wants);
    let quiet = names.pop().unwrap();
    let untouched = names.pop().unwrap();
    let healthy = plane.run(&["drift", "-o", "json"]).code(0).json();
    assert_eq!(healthy["drifts"], json!([]));
    assert_eq!(healthy["checked_instances"], CASES.len() + 2);
    plane.stop_server();

    let mut expected: BTreeMap<&str, &str> = foreign(&plane);
    for (case, name) in CASES.iter().zip(&names) {
        (case.change)(&plane, name);
        expected.insert(name, case.finds);
    }
    expected.insert(&untouched, "mismatch:name");
    let drift = plane.run(&["drift", "-o", "json"]).code(1).json();
    let mut wrong = Vec::new();
    for (name, finds) in &expected {
        let found: Vec<String> = of(&drift, name).into_iter().map(said).collect();
        if found != [(*finds).to_owned()] {
            wrong.push(format!("{name}: {found:?} instead of {finds}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new(), "{drift:#}");
    assert_eq!(drift["drifts"].as_array().unwrap().len(), expected.len(), "{drift:#}");
    assert_eq!(of(&drift, &quiet), Vec::<&Value>::new());
    for found in drift["drifts"].as_array().unwrap() {
        assert!(!found["causes"].as_array().unwrap().is_empty(), "{found:#}");
        assert!(!found["resolutions"].as_array().unwrap().is_empty(), "{found:#}");
    }
    let summary = &drift["summary"];
    let count = ["orphaned", "abandoned", "mismatch"].map(|kind| summary[kind].as_u64().unwrap());
    assert_eq!(count.iter().sum::<u64>(), expected.len() as u64);
}

#[test]
fn a_claim_that_is_deleted_under_a_running_instance_is_drift() {
    let Some(plane) = Plane::new() else { return };
    let name = plane.instance("going");
    // The pod uses it: it goes only when the pod does.
    plane.kubectl(&["delete", "pvc", &format!("{name}-pvc"), "--wait=false"]);
    let ran = plane.run(&["drift", "-o", "json"]).code(1);
    let drift = ran.json();
    let found = &of(&drift, &name)[0];
    assert_eq!(said(found), "mismatch:claim_deletion", "{drift:#}");
    assert_eq!(found["severity"], "error");
    let reason = found["fields"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("being deleted for"), "{reason}");
    assert!(reason.contains("kubernetes.io/pvc-protection"), "{reason}");
    for way in found["resolutions"].as_array().unwrap() {
        assert!(!way["command"].as_str().unwrap().contains("delete"), "{way}");
    }
    // `health` sees it, too.
    let health = plane.run(&["health", "--check", "TG0604", "-o", "json"]).code(1).json();
    let check = &health["checks"][0];
    assert_eq!(
        (&check["code"], &check["outcome"]),
        (&json!("TG0604"), &json!("failed")),
        "{health:#}"
    );
    assert!(check["summary"].as_str().unwrap().contains("being deleted"), "{check:#}");
}
