use super::{Desired, belongs, image, k8s_name};
use serde_json::{Value, json};

fn desired() -> Desired<'static> {
    Desired {
        id: "6f9619ff-8b86-d011-b42d-00cf4fc964ff",
        k8s_name: "proddb-a1b2c3d4",
        namespace: "toygres",
        version: "18",
        image: "postgres:18",
        storage_gb: 20,
        storage_class: None,
        load_balancer: true,
        dns_label: Some("proddb"),
    }
}

fn container(desired: &Desired<'_>) -> Value {
    desired.stateful_set()["spec"]["template"]["spec"]["containers"][0].clone()
}

#[test]
fn names_are_the_user_s_and_eight_hex_digits() {
    assert_eq!(k8s_name("proddb", 0xa1b2_c3d4), "proddb-a1b2c3d4");
    assert_eq!(k8s_name("x", 7), "x-00000007");
    assert_eq!(
        image("registry.example/pg:{version}-alpine", "17.2"),
        "registry.example/pg:17.2-alpine"
    );
}

#[test]
fn every_object_says_whose_it_is() {
    let desired = desired();
    for object in [
        desired.secret("x"),
        desired.claim(),
        desired.service(),
        desired.network_policy(),
        desired.stateful_set(),
    ] {
        assert!(belongs(&object, desired.k8s_name, desired.id), "{object}");
        assert!(!belongs(&object, desired.k8s_name, "another"), "{object}");
        assert_eq!(object["metadata"]["labels"]["app"], "postgres");
        assert_eq!(object["metadata"]["labels"]["instance"], "proddb-a1b2c3d4");
        assert_eq!(object["metadata"]["namespace"], "toygres");
    }
    let old = json!({"metadata": {"labels": {"app": "postgres", "instance": "a-1"}}});
    assert!(belongs(&old, "a-1", "any") && !belongs(&old, "a-2", "any"));
    assert!(!belongs(&json!({"metadata": {}}), "a-1", "any"));
}

#[test]
fn the_password_is_in_the_secret_alone() {
    let desired = desired();
    assert_eq!(desired.secret("canary")["stringData"]["password"], "canary");
    let env = container(&desired)["env"][2].clone();
    assert_eq!(env["valueFrom"]["secretKeyRef"]["name"], "proddb-a1b2c3d4-credentials");
}

#[test]
fn the_pod_has_no_more_rights_than_it_needs() {
    let set = desired().stateful_set();
    let pod = &set["spec"]["template"]["spec"];
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["automountServiceAccountToken"], false);
    let security = container(&desired())["securityContext"].clone();
    assert_eq!(security["allowPrivilegeEscalation"], false);
    assert_eq!(security["capabilities"]["drop"], json!(["ALL"]));
}

#[test]
fn data_lies_below_the_volume_of_the_image() {
    for (version, mount, data) in [
        ("18", "/var/lib/postgresql", "/var/lib/postgresql/18/docker"),
        ("18.1", "/var/lib/postgresql", "/var/lib/postgresql/18/docker"),
        ("17.2", "/var/lib/postgresql/data", "/var/lib/postgresql/data/pgdata"),
    ] {
        let container = container(&Desired { version, ..desired() });
        assert_eq!(container["volumeMounts"][0]["mountPath"], mount);
        assert_eq!(container["env"][0]["value"], data);
    }
}

#[test]
fn a_service_is_what_was_asked_for() {
    let public = desired().service();
    assert_eq!(public["spec"]["type"], "LoadBalancer");
    let label = "service.beta.kubernetes.io/azure-dns-label-name";
    assert_eq!(public["metadata"]["annotations"][label], "proddb");
    let inside = Desired { load_balancer: false, ..desired() }.service();
    assert_eq!(inside["spec"]["type"], "ClusterIP");
    assert_eq!(inside["metadata"]["annotations"].get(label), None);
}

#[test]
fn a_storage_class_stands_only_where_one_was_asked_for() {
    assert_eq!(desired().claim()["spec"].get("storageClassName"), None);
    let claim = Desired { storage_class: Some("fast"), ..desired() }.claim();
    assert_eq!(claim["spec"]["storageClassName"], "fast");
    assert_eq!(claim["spec"]["resources"]["requests"]["storage"], "20Gi");
}
