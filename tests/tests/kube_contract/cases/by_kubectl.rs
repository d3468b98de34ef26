//! kubectl itself, in the versions that people have.

use crate::Scope;
use crate::kubectl::listed;
use crate::scope::stateful_set;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};

/// A service without a selector, so that nobody gives it another port.
fn service(name: &str, port: u16) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": name },
        "spec": { "ports": [{ "name": "a", "port": port }] },
    })
}

/// Several documents as one.
fn all(items: &[Value]) -> Value {
    json!({ "apiVersion": "v1", "kind": "List", "items": items })
}

pub(crate) async fn get_prints_rows(at: &Scope) {
    at.stateful_set("a").await;
    at.post(&at.path("services"), &service("a", 5432)).await.code(201);
    let secret = json!({ "metadata": { "name": "a" }, "data": { "x": "MQ==", "y": "Mg==" } });
    at.post(&at.path("secrets"), &secret).await.code(201);
    let claim = super::objects::claim("a");
    at.post(&at.path("persistentvolumeclaims"), &claim).await.code(201);
    let bound = at.path("persistentvolumeclaims/a");
    at.until(&bound, |claim| claim["status"]["phase"] == "Bound").await;

    let rows = at.kubectl(&["get", "statefulsets"]).rows();
    assert_eq!(rows[0], ["NAME", "READY", "AGE"]);
    assert_eq!(rows[1][..2], ["a", "0/0"]);
    assert_eq!(rows.len(), 2);
    let rows = at.kubectl(&["get", "sts", "a", "-o", "wide"]).rows();
    assert_eq!(rows[0], ["NAME", "READY", "AGE", "CONTAINERS", "IMAGES"]);
    assert_eq!(rows[1][3..], ["postgres", "postgres:18"]);
    let rows = at.kubectl(&["get", "svc"]).rows();
    assert_eq!(rows[0], ["NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE"]);
    assert_eq!(rows[1][..2], ["a", "ClusterIP"]);
    assert_eq!(rows[1][3..5], ["<none>", "5432/TCP"]);
    let rows = at.kubectl(&["get", "secret", "a"]).rows();
    assert_eq!(rows[0], ["NAME", "TYPE", "DATA", "AGE"]);
    assert_eq!(rows[1][..3], ["a", "Opaque", "2"]);
    let rows = at.kubectl(&["get", "pvc", "--no-headers"]).rows();
    assert_eq!(rows[0][..2], ["a", "Bound"]);
    assert_eq!(rows[0][3..5], ["1Gi", "RWO"]);
    let rows = at.kubectl(&["get", "ns", &at.namespace]).rows();
    assert_eq!(rows[0], ["NAME", "STATUS", "AGE"]);
    assert_eq!(rows[1][..2], [at.namespace.as_str(), "Active"]);
    let rows = at.kubectl(&["get", "sts,svc", "-o", "name"]).rows();
    assert_eq!(rows, [["statefulset.apps/a"], ["service/a"]]);
    let rows = at.kubectl(&["get", "all", "-A"]).prints();
    assert!(rows.contains("statefulset.apps/a") && rows.contains("service/a"), "{rows}");
    let nothing = at.kubectl(&["get", "pods", "-l", "none=such"]).run();
    assert!(nothing.success && nothing.stdout.is_empty(), "{nothing:#?}");
    assert!(nothing.stderr.contains("No resources found"), "{nothing:#?}");
}

pub(crate) async fn get_prints_documents(at: &Scope) {
    at.config_map("a", json!({ "x": "1" })).await;
    at.config_map("b", json!({ "x": "2" })).await;
    let one = at.kubectl(&["get", "configmap", "a", "-o", "json"]).json();
    assert_eq!(one["kind"], "ConfigMap");
    assert_eq!(one["data"], json!({ "a": "1" }));
    let list = at.kubectl(&["get", "cm", "-l", "x in (1,2)", "-o", "json"]).json();
    assert_eq!(list["kind"], "List");
    assert_eq!(listed(&list), ["a", "b"]);
    let list = at.kubectl(&["get", "cm", "-l", "x", "--chunk-size=1", "-o", "json"]).json();
    assert_eq!(listed(&list), ["a", "b"]);
    let list = at.kubectl(&["get", "cm", "--field-selector=metadata.name=b", "-o", "json"]).json();
    assert_eq!(listed(&list), ["b"]);
    let yaml = at.kubectl(&["get", "cm", "a", "-o", "yaml"]).prints();
    let yaml: Value = serde_saphyr::from_str(&yaml).unwrap();
    assert_eq!(yaml["metadata"]["uid"], one["metadata"]["uid"]);
    let path = "jsonpath={.items[*].metadata.labels.x}";
    assert_eq!(at.kubectl(&["get", "cm", "-l", "x", "-o", path]).prints(), "1 2");
    let columns = at.kubectl(&["get", "cm", "-l", "x", "-o", "custom-columns=N:.metadata.name"]);
    assert_eq!(columns.rows(), [["N"], ["a"], ["b"]]);
    let raw = at.kubectl(&["get", "--raw", &at.path("configmaps/a")]).json();
    assert_eq!(raw["metadata"]["uid"], one["metadata"]["uid"]);
}

pub(crate) async fn describe_tells_the_whole(at: &Scope) {
    let made = at.stateful_set("a").await;
    at.post(&at.path("services"), &service("a", 5432)).await.code(201);
    let secret = json!({ "metadata": { "name": "a" }, "data": { "password": "czNjcmV0" } });
    at.post(&at.path("secrets"), &secret).await.code(201);
    let claim = super::objects::claim("a");
    at.post(&at.path("persistentvolumeclaims"), &claim).await.code(201);
    let pod = json!({
        "metadata": { "name": "a" },
        "spec": { "containers": [{ "name": "main", "image": "image:1" }] },
    });
    at.post(&at.path("pods"), &pod).await.code(201);
    let event = json!({
        "metadata": { "name": "e" }, "type": "Warning", "reason": "FailedTry",
        "message": "it could not", "source": { "component": "contract" }, "count": 1,
        "involvedObject": {
            "apiVersion": "apps/v1", "kind": "StatefulSet", "name": "a",
            "namespace": at.namespace, "uid": made["metadata"]["uid"],
        },
    });
    at.post(&at.path("events"), &event).await.code(201);

    let told = at.kubectl(&["describe", "statefulset", "a"]).prints();
    for part in ["set=a", "postgres:18", "5432/TCP", "FailedTry", "it could not"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let told = at.kubectl(&["describe", "service", "a"]).prints();
    assert!(told.contains("ClusterIP") && told.contains("5432/TCP"), "{told}");
    let told = at.kubectl(&["describe", "secret", "a"]).prints();
    assert!(told.contains("password:  6 bytes") && !told.contains("s3cret"), "{told}");
    let told = at.kubectl(&["describe", "pvc", "a"]).prints();
    assert!(told.contains("Filesystem"), "{told}");
    let told = at.kubectl(&["describe", "pod", "a"]).prints();
    assert!(told.contains("image:1") && told.contains("main"), "{told}");
    let told = at.kubectl(&["describe", "ns", &at.namespace]).prints();
    assert!(told.contains("Active"), "{told}");
    let rows = at.kubectl(&["get", "events"]).rows();
    assert_eq!(rows[0], ["LAST", "SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]);
    let failed = rows.iter().find(|row| row.contains(&"FailedTry".to_owned())).unwrap();
    assert!(failed.contains(&"statefulset/a".to_owned()), "{failed:?}");
}

pub(crate) async fn apply_creates_changes_and_leaves_alone(at: &Scope) {
    let mut set = stateful_set("a");
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "a" },
        "stringData": { "a": "1" },
    });
    let apply = |set: &Value, service: Value| {
        let document = all(&[set.clone(), service, secret.clone()]);
        let printed = at.kubectl(&["apply", "-f", "-"]).input(&document).prints();
        printed.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let done = apply(&set, service("a", 5432));
    assert_eq!(done, ["statefulset.apps/a created", "service/a created", "secret/a created"]);
    let done = apply(&set, service("a", 5432));
    assert_eq!(done[..2], ["statefulset.apps/a unchanged", "service/a unchanged"]);
    assert_eq!(
        at.get(&at.path("apps/statefulsets/a")).await.code(200)["metadata"]["generation"],
        1
    );

    let container = &mut set["spec"]["template"]["spec"]["containers"][0];
    container["image"] = "postgres:17".into();
    container["env"] = json!([{ "name": "C", "value": "3" }, { "name": "A", "value": "1" }]);
    let done = apply(&set, service("a", 5433));
    assert_eq!(done[..2], ["statefulset.apps/a configured", "service/a configured"]);
    let read = at.get(&at.path("apps/statefulsets/a")).await.code(200);
    let container = &read["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], "postgres:17");
    let env = json!([{ "name": "C", "value": "3" }, { "name": "A", "value": "1" }]);
    assert_eq!(container["env"], env, "B is gone and the order is the document's");
    assert_eq!(read["metadata"]["generation"], 2);
    let service = at.get(&at.path("services/a")).await.code(200);
    assert_eq!(service["spec"]["ports"].as_array().unwrap().len(), 1);
    assert_eq!(service["spec"]["ports"][0]["port"], 5433);

    set["spec"]["serviceName"] = "other".into();
    let told = at.kubectl(&["apply", "-f", "-"]).input(&set).fails();
    assert!(told.contains("is invalid") && told.contains("spec: Forbidden"), "{told}");
    let dry = at.kubectl(&["apply", "--dry-run=server", "-f", "-"]);
    let done = dry.input(&stateful_set("b")).prints();
    assert_eq!(done.trim(), "statefulset.apps/b created (server dry run)");
    at.get(&at.path("apps/statefulsets/b")).await.refused(404, "NotFound");
}

pub(crate) async fn delete_waits_until_it_is_gone(at: &Scope) {
    at.stateful_set("a").await;
    at.config_map("a", json!({ "x": "1" })).await;
    at.config_map("b", json!({ "x": "1" })).await;
    let done = at.kubectl(&["delete", "statefulset", "a"]).prints();
    assert!(done.starts_with("statefulset.apps \"a\" deleted"), "{done}");
    at.get(&at.path("apps/statefulsets/a")).await.refused(404, "NotFound");
    let done = at.kubectl(&["delete", "cm", "-l", "x=1"]).prints();
    assert_eq!(done.lines().count(), 2, "{done}");
    assert_eq!(at.names(&format!("{}?labelSelector=x", at.path("configmaps"))).await, [""; 0]);
    let claim = super::objects::claim("a");
    at.post(&at.path("persistentvolumeclaims"), &claim).await.code(201);
    at.kubectl(&["delete", "pvc", "a"]).prints();
    at.get(&at.path("persistentvolumeclaims/a")).await.refused(404, "NotFound");
    at.kubectl(&["delete", "cm", "nothing", "--ignore-not-found"]).prints();
}

pub(crate) async fn get_watches(at: &Scope) {
    at.config_map("a", json!({ "x": "1" })).await;
    let mut kubectl = at.kubectl(&["get", "cm", "-l", "x", "--watch", "-o", "name"]);
    let mut child = kubectl.start();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || lines.next().unwrap().unwrap();
    assert_eq!(next(), "configmap/a");
    at.config_map("b", json!({ "x": "1" })).await;
    assert_eq!(next(), "configmap/b");
    child.kill().unwrap();
    child.wait().unwrap();

    // And as rows.
    let mut kubectl = at.kubectl(&["get", "cm", "-l", "x", "--watch"]);
    let mut child = kubectl.start();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || lines.next().unwrap().unwrap();
    assert_eq!(next().split_whitespace().collect::<Vec<_>>(), ["NAME", "DATA", "AGE"]);
    assert!(next().starts_with("a "));
    assert!(next().starts_with("b "));
    let change = json!({ "data": { "more": "1" } });
    at.patch(&at.path("configmaps/b"), crate::scope::MERGE, &change).await.code(200);
    assert_eq!(next().split_whitespace().take(2).collect::<Vec<_>>(), ["b", "2"]);
    child.kill().unwrap();
    child.wait().unwrap();
}

pub(crate) async fn label_annotate_patch_and_scale(at: &Scope) {
    at.stateful_set("a").await;
    let path = at.path("apps/statefulsets/a");
    at.kubectl(&["label", "sts", "a", "colour=red"]).prints();
    let told = at.kubectl(&["label", "sts", "a", "colour=blue"]).fails();
    assert!(told.contains("overwrite"), "{told}");
    at.kubectl(&["label", "sts", "a", "colour=blue", "--overwrite"]).prints();
    at.kubectl(&["annotate", "sts", "a", "note=this"]).prints();
    let read = at.get(&path).await.code(200);
    assert_eq!(read["metadata"]["labels"], json!({ "colour": "blue" }));
    assert_eq!(read["metadata"]["annotations"], json!({ "note": "this" }));
    at.kubectl(&["label", "sts", "a", "colour-"]).prints();
    let container = json!({ "name": "postgres", "image": "postgres:16" });
    let change = json!({ "spec": { "template": { "spec": { "containers": [container] } } } });
    at.kubectl(&["patch", "sts", "a", "-p", &change.to_string()]).prints();
    let read = at.get(&path).await.code(200);
    let container = &read["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], "postgres:16");
    assert_eq!(container["env"].as_array().unwrap().len(), 2);
    let done = at.kubectl(&["scale", "sts", "a", "--replicas=0"]).prints();
    assert_eq!(done.trim(), "statefulset.apps/a scaled");
    let mut document = at.get(&path).await.code(200);
    document["metadata"]["labels"] = json!({ "replaced": "yes" });
    let replace = || at.kubectl(&["replace", "-f", "-"]).input(&document).run();
    assert!(replace().success);
    let told = replace();
    assert!(!told.success && told.stderr.contains("Conflict"), "{told:#?}");
}

pub(crate) async fn rollout_and_wait(at: &Scope) {
    super::instance::make(at).await;
    let name = super::instance::NAME;
    let told = at.kubectl(&["rollout", "status", "sts", name, "--timeout=60s"]).prints();
    assert!(told.contains("complete"), "{told}");
    let ready = ["wait", "--for=condition=Ready", "pod", "-l", "app=postgres", "--timeout=60s"];
    let told = at.kubectl(&ready).prints();
    assert_eq!(told.trim(), format!("pod/{name}-0 condition met"));
    let rows = at.kubectl(&["get", "pods"]).rows();
    assert_eq!(rows[0], ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]);
    assert_eq!(rows[1][..4], [&format!("{name}-0"), "1/1", "Running", "0"]);
    let rows = at.kubectl(&["get", "sts"]).rows();
    assert_eq!(rows[1][..2], [name, "1/1"]);
}

pub(crate) async fn errors_are_those_of_the_server(at: &Scope) {
    let told = at.kubectl(&["get", "sts", "none"]).fails();
    assert_eq!(told.trim(), "Error from server (NotFound): statefulsets.apps \"none\" not found");
    let told = at.kubectl(&["get", "nothings"]).fails();
    assert!(told.contains("the server doesn't have a resource type \"nothings\""), "{told}");
    at.config_map("a", json!({})).await;
    let map = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a" } });
    let told = at.kubectl(&["create", "-f", "-"]).input(&map).fails();
    assert!(told.contains("Error from server (AlreadyExists)"), "{told}");
    let bad = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "A_" } });
    let told = at.kubectl(&["create", "-f", "-"]).input(&bad).fails();
    assert!(told.contains("The ConfigMap \"A_\" is invalid: metadata.name"), "{told}");
}

/// Kinds that kubectl sends in protobuf.
pub(crate) async fn create_makes_quotas_and_services(at: &Scope) {
    at.kubectl(&["create", "quota", "few", "--hard=pods=50,requests.storage=100Gi"]).prints();
    let quota = at.kubectl(&["get", "quota", "few", "-o", "json"]).json();
    assert_eq!(quota["spec"]["hard"], json!({ "pods": "50", "requests.storage": "100Gi" }));
    let args = ["create", "service", "clusterip", "plain", "--tcp=80:8080", "--tcp=81:http"];
    at.kubectl(&args).prints();
    let service = at.kubectl(&["get", "service", "plain", "-o", "json"]).json();
    assert_eq!(service["spec"]["type"], "ClusterIP");
    let targets: Vec<&Value> =
        service["spec"]["ports"].as_array().unwrap().iter().map(|it| &it["targetPort"]).collect();
    assert_eq!(targets, [&json!(8080), &json!("http")]);
    at.kubectl(&["delete", "quota/few", "service/plain"]).prints();
}
