//! What is lost of a database of this machine is made again around its data, and what would lose the
//! data is not taken for healthy. The databases are real: their rows are read before and after.

use crate::support::Ran;
use crate::support::plane::Plane;
use crate::toygres;
use serde_json::{Value, json};
use std::process::Command;
use toygres_tests::postgres::{Binaries, major};
use toygres_tests::wait;

/// What `kubectl` prints.
#[track_caller]
fn kubectl(args: &[&str]) -> String {
    let output = Command::new("kubectl")
        .arg("--kubeconfig")
        .arg(Plane::shared().home().join("kubeconfig"))
        .args(["-n", "toygres"])
        .args(args)
        .env("HOME", Plane::shared().home())
        .output()
        .unwrap();
    assert!(output.status.success(), "kubectl {args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Makes a database with a row in it; answers its name in Kubernetes and its connection string.
fn made(name: &str, password: &str) -> (String, String) {
    let args = ["create", name, "--password", password, "--wait", "-o", "json"];
    let made = toygres(&args).code(0).json();
    let url = url(name);
    let psql = Binaries::find().unwrap();
    psql.psql(&url, "CREATE TABLE kept AS SELECT 42 AS n").unwrap();
    (made["k8s_name"].as_str().unwrap().to_owned(), url)
}

fn url(name: &str) -> String {
    let shown = toygres(&["get", name, "--show-password", "-o", "json"]).code(0).json();
    shown["connection_string"].as_str().unwrap().to_owned()
}

fn kept(url: &str) -> Option<String> {
    Binaries::find().unwrap().psql(url, "SELECT n FROM kept").ok()
}

fn server(args: &[&str]) -> Ran {
    toygres(&[&["server"], args].concat())
}

/// The drifts of an instance.
fn drifts(k8s_name: &str) -> Vec<Value> {
    let drift = server(&["drift", "-o", "json"]).json();
    let all = drift["drifts"].as_array().unwrap().clone();
    all.into_iter().filter(|found| found["k8s_name"] == k8s_name).collect()
}

#[track_caller]
fn becomes(what: &str, holds: impl Fn() -> bool) {
    wait::until(what, || Ok(holds().then_some(()))).unwrap();
}

#[test]
fn a_lost_stateful_set_is_made_again_with_the_data() {
    let (k8s_name, url) = made("headless", "test123");
    kubectl(&["delete", "statefulset", &k8s_name]);
    becomes("the pod to go", || {
        kubectl(&["get", "pod", &format!("{k8s_name}-0"), "--ignore-not-found"]).is_empty()
    });
    server(&["sync", "--force"]).code(0).shows("make the StatefulSet");
    becomes("the database to answer", || kept(&url).as_deref() == Some("42"));
    becomes("no drift", || drifts(&k8s_name).is_empty());
    toygres(&["delete", "headless", "--force", "--wait"]).code(0);
}

#[test]
fn a_lost_password_is_set_anew_and_the_data_stays() {
    let (k8s_name, old) = made("forgotten", "test123");
    let secret = format!("{k8s_name}-credentials");
    kubectl(&["delete", "secret", &secret]);
    server(&["sync", "--reset-password", "forgotten", "--force"]).code(0);
    becomes("the database to answer to its new password", || {
        let encoded = kubectl(&["get", "secret", &secret, "-o", "jsonpath={.data.password}"]);
        !encoded.is_empty() && kept(&url("forgotten")).as_deref() == Some("42")
    });
    assert_eq!(kept(&old), None, "the old password still works");
    becomes("the check to see it", || {
        toygres(&["get", "forgotten", "-o", "json"]).json()["health"] == "healthy"
    });
    becomes("no drift", || drifts(&k8s_name).is_empty());
    toygres(&["delete", "forgotten", "--force", "--wait"]).code(0);
}

/// As a real cluster does: the pod waits, and nothing pretends that there is a database.
#[test]
fn no_pod_starts_on_a_claim_that_is_being_deleted() {
    let (k8s_name, url) = made("doomed", "test123");
    let (claim, pod) = (format!("{k8s_name}-pvc"), format!("{k8s_name}-0"));
    let uid = |object: &str| {
        kubectl(&["get", object, "--ignore-not-found", "-o", "jsonpath={.metadata.uid}"])
    };
    let object = format!("pod/{pod}");
    let first = uid(&object);
    // Something holds it, so that it is still there when the pod comes back.
    let hold = r#"[{"op": "add", "path": "/metadata/finalizers/-", "value": "example.com/hold"}]"#;
    kubectl(&["patch", "pvc", &claim, "--type=json", "-p", hold]);
    kubectl(&["delete", "pvc", &claim, "--wait=false"]);
    assert_eq!(kept(&url).as_deref(), Some("42"), "the pod that runs goes on");
    let found = drifts(&k8s_name);
    assert_eq!(found[0]["fields"][0]["field"], "claim_deletion", "{found:#?}");
    kubectl(&["delete", "pod", &pod, "--wait=false"]);
    becomes("another pod", || !["", &first].contains(&uid(&object).as_str()));
    let reason =
        "jsonpath={.status.phase} {.status.conditions[?(@.type==\"PodScheduled\")].message}";
    becomes("it to say what it waits for", || {
        let said = kubectl(&["get", "pod", &pod, "-o", reason]);
        said.starts_with("Pending") && said.contains("is being deleted")
    });
    assert_eq!(kept(&url), None);
    becomes("it to be unhealthy", || {
        toygres(&["get", "doomed", "-o", "json"]).json()["health"] != "healthy"
    });
    let let_go = r#"[{"op": "replace", "path": "/metadata/finalizers", "value": []}]"#;
    kubectl(&["patch", "pvc", &claim, "--type=json", "-p", let_go]);
    toygres(&["delete", "doomed", "--force", "--wait"]).code(0);
}

#[test]
fn a_label_restarts_no_database() {
    let (k8s_name, url) = made("labelled", "test123");
    let object = format!("pod/{k8s_name}-0");
    let uid = || kubectl(&["get", &object, "-o", "jsonpath={.metadata.uid}"]);
    let before = uid();
    let set = format!("statefulset/{k8s_name}");
    kubectl(&["label", &set, "foo=bar"]);
    kubectl(&["annotate", &set, "note=one"]);
    let patch = r#"{"metadata": {"labels": {"more": "yes"}}}"#;
    kubectl(&["patch", &set, "--type=merge", "-p", patch]);
    // A change of the template is what a restart is for; once it is through, all before it is.
    kubectl(&["scale", &set, "--replicas=1"]);
    becomes("the changes to be seen", || {
        let path = "jsonpath={.metadata.generation} {.status.observedGeneration}";
        let said = kubectl(&["get", &set, "-o", path]);
        said.split(' ').next() == said.split(' ').next_back()
    });
    let current = "jsonpath={.status.currentRevision} {.status.updateRevision}";
    let revisions = kubectl(&["get", &set, "-o", current]);
    assert_eq!(revisions.split(' ').next(), revisions.split(' ').next_back(), "{revisions}");
    assert_eq!(uid(), before);
    assert_eq!(kept(&url).as_deref(), Some("42"));
    toygres(&["delete", "labelled", "--force", "--wait"]).code(0);
}

/// A port of a sidecar, inserted before PostgreSQL's, as a real API server takes it.
#[test]
fn a_port_before_the_first_changes_nothing() {
    let (k8s_name, url) = made("metered", "test123");
    let change = r#"[{"op": "add", "path": "/spec/ports/0",
        "value": {"name": "metrics", "port": 9187, "targetPort": 9187}}]"#;
    kubectl(&["patch", "service", &format!("{k8s_name}-svc"), "--type=json", "-p", change]);
    assert_eq!(drifts(&k8s_name), [] as [Value; 0]);
    server(&["drift", "--auto-resolve", "--force"]);
    assert_eq!(crate::repair::url("metered"), url);
    assert_eq!(kept(&url).as_deref(), Some("42"));
    toygres(&["delete", "metered", "--force", "--wait"]).code(0);
}

#[test]
fn a_claim_of_an_unknown_class_waits_for_it() {
    let claim = |class: &str| {
        json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"name": "waiting"},
            "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": class,
                "resources": {"requests": {"storage": "1Gi"}}},
        })
    };
    let file = Plane::shared().home().join("claim.json");
    std::fs::write(&file, claim("no-such-class").to_string()).unwrap();
    kubectl(&["create", "-f", &file.to_string_lossy()]);
    let phase = || kubectl(&["get", "pvc", "waiting", "-o", "jsonpath={.status.phase}"]);
    becomes("the reason to be told", || {
        kubectl(&["get", "events"]).contains("\"no-such-class\" not found")
    });
    assert_eq!(phase(), "Pending");
    let class = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
        "metadata": {"name": "no-such-class"}, "provisioner": "toygres.dev/folder",
    });
    std::fs::write(&file, class.to_string()).unwrap();
    kubectl(&["create", "-f", &file.to_string_lossy()]);
    becomes("the claim to be bound", || phase() == "Bound");
    kubectl(&["delete", "pvc", "waiting"]);
}

#[test]
fn a_password_means_what_clients_make_of_it() {
    for (name, password) in
        [("half", "p½ss-word-1"), ("blank", "nb\u{a0}space-1"), ("umlaut", "pässwort-1")]
    {
        let (_, url) = made(name, password);
        assert_eq!(kept(&url).as_deref(), Some("42"), "{password}");
        toygres(&["delete", name, "--force"]).code(0);
    }
}

#[test]
fn the_version_that_runs_is_told_and_another_is_refused() {
    let installed = major();
    let args = ["create", "versioned", "--wait", "-o", "json"];
    let made = toygres(&args).code(0).json();
    assert_eq!(made["postgres_version"], installed);
    becomes("the first check", || {
        let shown = toygres(&["get", "versioned", "-o", "json"]).json();
        shown["running_version"].as_str().is_some_and(|version| version.starts_with(installed))
    });
    let listed = toygres(&["list", "-o", "json"]).code(0).json();
    let row = listed.as_array().unwrap().iter().find(|row| row["name"] == "versioned").unwrap();
    assert!(row["running_version"].as_str().unwrap().starts_with(installed), "{row}");
    let refused =
        toygres(&["create", "elsewhere", "--version", "13", "-o", "json"]).code(2).error();
    assert!(refused["message"].as_str().unwrap().contains("13 is not installed"), "{refused}");
    toygres(&["delete", "versioned", "--force"]).code(0);
}

#[test]
fn what_kubectl_makes_in_protobuf_is_read() {
    kubectl(&["create", "quota", "small", "--hard=pods=50,requests.storage=100Gi"]);
    let hard = "jsonpath={.spec.hard.pods} {.spec.hard.requests\\.storage}";
    assert_eq!(kubectl(&["get", "quota", "small", "-o", hard]), "50 100Gi");
    kubectl(&["create", "service", "clusterip", "plain", "--tcp=80:8080"]);
    let ports = "jsonpath={.spec.type} {.spec.ports[0].targetPort}";
    assert_eq!(kubectl(&["get", "service", "plain", "-o", ports]), "ClusterIP 8080");
    kubectl(&["delete", "quota/small", "service/plain"]);
}
