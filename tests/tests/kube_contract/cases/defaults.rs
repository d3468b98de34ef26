//! What the server fills in: what drift must not take for a difference.

use crate::Scope;
use crate::scope::stateful_set;
use serde_json::{Value, json};
use toygres_model::kubernetes::Desired;

/// Asserts that everything in `expected` is in `found`, which may have more.
#[track_caller]
fn contains(found: &Value, expected: &Value, place: &str) {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            for (key, value) in expected {
                let place = format!("{place}.{key}");
                let inner = found.get(key).unwrap_or_else(|| panic!("{place} is missing"));
                contains(inner, value, &place);
            }
        }
        (Value::Array(found), Value::Array(expected)) => {
            assert_eq!(found.len(), expected.len(), "{place}: {found:#?}");
            for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
                contains(found, expected, &format!("{place}[{index}]"));
            }
        }
        (found, expected) => assert_eq!(found, expected, "{place}"),
    }
}

/// What a pod's spec is filled up with.
fn of_a_pod() -> Value {
    json!({
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "securityContext": {},
        "schedulerName": "default-scheduler",
    })
}

/// What a container is filled up with.
fn of_a_container() -> Value {
    json!({
        "resources": {},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
    })
}

pub(crate) async fn of_a_stateful_set(at: &Scope) {
    let made = at.stateful_set("a").await;
    let expected = json!({
        "podManagementPolicy": "OrderedReady",
        "updateStrategy": { "type": "RollingUpdate", "rollingUpdate": { "partition": 0 } },
        "revisionHistoryLimit": 10,
    });
    contains(&made["spec"], &expected, "spec");
    let pod = &made["spec"]["template"]["spec"];
    contains(pod, &of_a_pod(), "pod");
    contains(&pod["containers"][0], &of_a_container(), "container");
    contains(&pod["containers"][0]["ports"], &json!([{ "protocol": "TCP" }]), "ports");

    let mut set = stateful_set("b");
    set["spec"].as_object_mut().unwrap().remove("replicas");
    let container = &mut set["spec"]["template"]["spec"]["containers"][0];
    container["image"] = "postgres".into();
    container["readinessProbe"] = json!({ "exec": { "command": ["true"] } });
    container["env"] = json!([
        { "name": "A", "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } } },
        { "name": "B", "valueFrom": { "secretKeyRef": { "name": "s", "key": "k" } } },
    ]);
    set["spec"]["template"]["spec"]["volumes"] = json!([
        { "name": "secret", "secret": { "secretName": "s" } },
        { "name": "map", "configMap": { "name": "m" } },
        { "name": "empty" },
    ]);
    let made = at.post(&format!("{}?dryRun=All", at.path("apps/statefulsets")), &set).await;
    let made = made.code(201);
    assert_eq!(made["spec"]["replicas"], 1);
    let pod = &made["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    assert_eq!(container["imagePullPolicy"], "Always", "an image without a tag is the latest");
    let probe = json!({
        "timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3,
    });
    contains(&container["readinessProbe"], &probe, "probe");
    assert_eq!(container["env"][0]["valueFrom"]["fieldRef"]["apiVersion"], "v1");
    assert_eq!(pod["volumes"][0]["secret"]["defaultMode"], 0o644);
    assert_eq!(pod["volumes"][1]["configMap"]["defaultMode"], 0o644);
    assert_eq!(pod["volumes"][2]["emptyDir"], json!({}));
}

pub(crate) async fn of_a_service(at: &Scope) {
    // Without a selector: nobody gives it another port.
    let service = json!({ "metadata": { "name": "a" }, "spec": { "ports": [{ "port": 5432 }] } });
    let made = at.post(&at.path("services"), &service).await.code(201);
    let expected = json!({
        "type": "ClusterIP",
        "sessionAffinity": "None",
        "ports": [{ "port": 5432, "protocol": "TCP", "targetPort": 5432 }],
    });
    contains(&made["spec"], &expected, "spec");
    assert_eq!(made["status"], json!({ "loadBalancer": {} }));
    let ip = made["spec"]["clusterIP"].as_str().unwrap();
    assert!(ip.parse::<std::net::IpAddr>().is_ok(), "{ip}");
    assert!(made["spec"]["ports"][0].get("nodePort").is_none());

    let balanced = json!({
        "metadata": { "name": "b" },
        "spec": { "type": "LoadBalancer", "ports": [{ "port": 5432 }] },
    });
    let made = at.post(&at.path("services"), &balanced).await.code(201);
    assert_eq!(made["spec"]["externalTrafficPolicy"], "Cluster");
    let port = made["spec"]["ports"][0]["nodePort"].as_u64().unwrap();
    assert!((30000..32768).contains(&port), "{port}");

    let headless = json!({
        "metadata": { "name": "c" },
        "spec": { "clusterIP": "None", "ports": [{ "port": 5432 }] },
    });
    let made = at.post(&at.path("services"), &headless).await.code(201);
    assert_eq!(made["spec"]["clusterIP"], "None");
}

pub(crate) async fn of_a_claim(at: &Scope) {
    let mut claim = super::objects::claim("a");
    claim["spec"]["resources"]["requests"]["storage"] = "1024Mi".into();
    let made = at.post(&at.path("persistentvolumeclaims"), &claim).await.code(201);
    assert_eq!(made["spec"]["volumeMode"], "Filesystem");
    assert_eq!(made["status"]["phase"], "Pending");
    assert_eq!(made["metadata"]["finalizers"], json!(["kubernetes.io/pvc-protection"]));
    // A quantity is told in its shortest form.
    assert_eq!(made["spec"]["resources"]["requests"]["storage"], "1Gi");
    let path = at.path("persistentvolumeclaims/a");
    let bound = at.until(&path, |claim| claim["status"]["phase"] == "Bound").await;
    assert_eq!(bound["status"]["capacity"]["storage"], "1Gi");
    assert_eq!(bound["status"]["accessModes"], json!(["ReadWriteOnce"]));
    assert!(bound["spec"]["volumeName"].as_str().is_some_and(|it| !it.is_empty()));
}

pub(crate) async fn of_a_secret_and_a_pod(at: &Scope) {
    let secret = json!({ "metadata": { "name": "a" } });
    let made = at.post(&at.path("secrets"), &secret).await.code(201);
    assert_eq!(made["type"], "Opaque");
    let pod = json!({
        "metadata": { "name": "a" },
        "spec": { "containers": [{ "name": "a", "image": "image:1" }] },
    });
    let made = at.post(&at.path("pods"), &pod).await.code(201);
    contains(&made["spec"], &of_a_pod(), "spec");
    contains(&made["spec"]["containers"][0], &of_a_container(), "container");
    assert_eq!(made["spec"]["enableServiceLinks"], true);
    assert_eq!(made["status"]["phase"], "Pending");
}

/// Nothing of what the control plane asks for is changed or dropped on the way.
pub(crate) async fn of_what_the_control_plane_makes(at: &Scope) {
    let desired = Desired {
        id: "5b3a4d3e-31a5-4ea2-9f4b-3d7a43a2f1c0",
        k8s_name: "mydb-0a1b2c3d",
        namespace: &at.namespace,
        version: "18",
        image: "postgres:18",
        storage_gb: 10,
        storage_class: None,
        load_balancer: true,
        dns_label: Some("mydb"),
    };
    let dry = |of: &str| format!("{}?dryRun=All", at.path(of));
    for (of, object) in [
        ("persistentvolumeclaims", desired.claim()),
        ("services", desired.service()),
        ("apps/statefulsets", desired.stateful_set()),
        ("networking.k8s.io/networkpolicies", desired.network_policy()),
    ] {
        let mut made = at.post(&dry(of), &object).await.code(201);
        if of == "services" {
            // Whoever balances the load chooses the port.
            made["spec"]["ports"][0]["port"] = toygres_model::kubernetes::PORT.into();
        }
        contains(&made, &object, of);
    }
    let made = at.post(&dry("secrets"), &desired.secret("s3cret")).await.code(201);
    assert_eq!(made["data"]["password"], "czNjcmV0");
}
