//! What is refused, and how.

use crate::Scope;
use crate::scope::{MERGE, ask, stateful_set};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::json;

pub(crate) async fn what_is_missing_is_not_found(at: &Scope) {
    let told = at.get(&at.path("configmaps/a")).await.refused(404, "NotFound");
    assert_eq!(told["message"], "configmaps \"a\" not found");
    assert_eq!(told["details"], json!({ "name": "a", "kind": "configmaps" }));
    let told = at.get(&at.path("apps/statefulsets/a")).await.refused(404, "NotFound");
    assert_eq!(told["message"], "statefulsets.apps \"a\" not found");
    assert_eq!(told["details"], json!({ "name": "a", "group": "apps", "kind": "statefulsets" }));
    let map = json!({ "metadata": { "name": "a" } });
    at.put(&at.path("configmaps/a"), &map).await.refused(404, "NotFound");
    at.delete(&at.path("configmaps/a")).await.refused(404, "NotFound");
    // No such resource, group or version.
    at.get(&at.path("nothings")).await.code(404);
    at.get("/apis/nothing.example/v1/things").await.code(404);
    at.get("/apis/apps/v9/statefulsets").await.code(404);
    at.get("/nowhere").await.code(404);
}

pub(crate) async fn a_taken_name_already_exists(at: &Scope) {
    at.config_map("a", json!({})).await;
    let map = json!({ "metadata": { "name": "a" } });
    let told = at.post(&at.path("configmaps"), &map).await.refused(409, "AlreadyExists");
    assert_eq!(told["message"], "configmaps \"a\" already exists");
    assert_eq!(told["details"]["name"], "a");
    at.stateful_set("a").await;
    let told = at.post(&at.path("apps/statefulsets"), &stateful_set("a")).await;
    let told = told.refused(409, "AlreadyExists");
    assert_eq!(told["message"], "statefulsets.apps \"a\" already exists");
    assert_eq!(at.names(&at.path("apps/statefulsets")).await, ["a"]);
}

pub(crate) async fn a_stale_version_is_a_conflict(at: &Scope) {
    let made = at.config_map("a", json!({})).await;
    let path = at.path("configmaps/a");
    let mut first = made.clone();
    first["data"] = json!({ "by": "first" });
    at.put(&path, &first).await.code(200);
    let mut second = made;
    second["data"] = json!({ "by": "second" });
    let told = at.put(&path, &second).await.refused(409, "Conflict");
    let message = told["message"].as_str().unwrap();
    let expected =
        "Operation cannot be fulfilled on configmaps \"a\": the object has been modified";
    assert!(message.starts_with(expected), "{message}");
    assert_eq!(at.get(&path).await.code(200)["data"], json!({ "by": "first" }));
}

pub(crate) async fn an_invalid_name_is_told_with_its_field(at: &Scope) {
    for name in ["No-Capitals", "under_score", "-start", "end-", "a..b", "with space"] {
        let map = json!({ "metadata": { "name": name } });
        let told = at.post(&at.path("configmaps"), &map).await.invalid("metadata.name");
        assert_eq!(told["details"]["name"], name);
        let message = told["message"].as_str().unwrap();
        assert!(message.contains(name) && message.contains("is invalid"), "{message}");
    }
    let long = json!({ "metadata": { "name": "a".repeat(254) } });
    at.post(&at.path("configmaps"), &long).await.invalid("metadata.name");
    let service = json!({ "metadata": { "name": "1a" }, "spec": { "ports": [{ "port": 1 }] } });
    at.post(&at.path("services"), &service).await.invalid("metadata.name");
    let namespace = json!({ "metadata": { "name": "with.dot" } });
    at.post("/api/v1/namespaces", &namespace).await.invalid("metadata.name");
    let label = json!({ "metadata": { "name": "a", "labels": { "a": "no spaces" } } });
    at.post(&at.path("configmaps"), &label).await.invalid("metadata.labels");
    let key = json!({ "metadata": { "name": "a", "labels": { "a/b/c": "d" } } });
    at.post(&at.path("configmaps"), &key).await.invalid("metadata.labels");
    assert_eq!(at.names(&at.path("configmaps")).await.iter().filter(|it| *it == "a").count(), 0);
}

pub(crate) async fn what_is_required_is_told_with_its_field(at: &Scope) {
    at.post(&at.path("configmaps"), &json!({ "metadata": {} })).await.invalid("metadata.name");

    let without = |pointer: &str, field: &str| {
        let mut set = stateful_set("a");
        let parent = set.pointer_mut(pointer).unwrap();
        parent.as_object_mut().unwrap().remove(field);
        set
    };
    let sets = at.path("apps/statefulsets");
    at.post(&sets, &without("/spec", "selector")).await.invalid("spec.selector");
    let labels = without("/spec/template/metadata", "labels");
    at.post(&sets, &labels).await.invalid("spec.template.metadata.labels");
    let mut negative = stateful_set("a");
    negative["spec"]["replicas"] = json!(-1);
    at.post(&sets, &negative).await.invalid("spec.replicas");

    let service = json!({ "metadata": { "name": "a" }, "spec": {} });
    at.post(&at.path("services"), &service).await.invalid("spec.ports");
    let service = json!({ "metadata": { "name": "a" }, "spec": { "ports": [{ "port": 0 }] } });
    at.post(&at.path("services"), &service).await.invalid("spec.ports[0].port");
    let service = json!({
        "metadata": { "name": "a" }, "spec": { "type": "Odd", "ports": [{ "port": 1 }] },
    });
    at.post(&at.path("services"), &service).await.invalid("spec.type");

    let claims = at.path("persistentvolumeclaims");
    let storage = json!({ "requests": { "storage": "1Gi" } });
    let claim = json!({ "metadata": { "name": "a" }, "spec": { "resources": storage } });
    at.post(&claims, &claim).await.invalid("spec.accessModes");
    let claim =
        json!({ "metadata": { "name": "a" }, "spec": { "accessModes": ["ReadWriteOnce"] } });
    at.post(&claims, &claim).await.invalid("spec.resources[storage]");

    let pod = json!({ "metadata": { "name": "a" }, "spec": { "containers": [] } });
    at.post(&at.path("pods"), &pod).await.invalid("spec.containers");
    // A template need not be whole, but a pod must.
    let pod = json!({ "metadata": { "name": "a" }, "spec": { "containers": [{ "name": "a" }] } });
    at.post(&at.path("pods"), &pod).await.invalid("spec.containers[0].image");
    let pod = json!({ "metadata": { "name": "a" }, "spec": { "containers": [{ "image": "a" }] } });
    at.post(&at.path("pods"), &pod).await.invalid("spec.containers[0].name");
}

pub(crate) async fn what_cannot_be_read_is_a_bad_request(at: &Scope) {
    let maps = at.path("configmaps");
    let json_type = "application/json";
    for body in ["{", "[1]", "nothing", "{\"metadata\": {\"name\": 5}}"] {
        at.ask("POST", &maps, json_type, body.into()).await.refused(400, "BadRequest");
    }
    let wrong_kind = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "a" } });
    at.post(&maps, &wrong_kind).await.refused(400, "BadRequest");
    let mut wrong_type = stateful_set("a");
    wrong_type["spec"]["replicas"] = "many".into();
    at.post(&at.path("apps/statefulsets"), &wrong_type).await.refused(400, "BadRequest");
    let mut wrong_quantity = super::objects::claim("a");
    wrong_quantity["spec"]["resources"]["requests"]["storage"] = "much".into();
    let claims = at.path("persistentvolumeclaims");
    at.post(&claims, &wrong_quantity).await.refused(400, "BadRequest");
    at.config_map("a", json!({})).await;
    let one = at.path("configmaps/a");
    at.ask("PATCH", &one, MERGE, "{".into()).await.failed();
}

pub(crate) async fn an_unknown_content_type_is_unsupported(at: &Scope) {
    let body = || b"a: b".to_vec();
    let told = at.ask("POST", &at.path("configmaps"), "text/plain", body()).await;
    told.refused(415, "UnsupportedMediaType");
    // YAML is understood.
    let yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  a: b\n";
    let made = at.ask("POST", &at.path("configmaps"), "application/yaml", yaml.into()).await;
    assert_eq!(made.code(201)["data"], json!({ "a": "b" }));
}

pub(crate) async fn who_shows_no_valid_token_is_nobody(at: &Scope) {
    for token in [None, Some("wrong"), Some("")] {
        let mut kubeconfig = Kubeconfig::read_from(at.kubeconfig()).unwrap();
        for user in &mut kubeconfig.auth_infos {
            let info = user.auth_info.as_mut().unwrap();
            info.token = token.map(|token| token.to_owned().into());
        }
        let options = KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap();
        let client = Client::try_from(config).unwrap();
        for path in [at.path("configmaps"), "/api".into(), "/apis".into()] {
            let told = ask(&client, "GET", &path, "application/json", Vec::new()).await;
            told.refused(401, "Unauthorized");
        }
    }
}

pub(crate) async fn what_cannot_be_done_to_a_thing_is_not_allowed(at: &Scope) {
    at.config_map("a", json!({})).await;
    let map = json!({ "metadata": { "name": "a" } });
    at.post(&at.path("configmaps/a"), &map).await.refused(405, "MethodNotAllowed");
    at.put(&at.path("configmaps"), &map).await.refused(405, "MethodNotAllowed");
}

pub(crate) async fn what_may_not_change_is_refused(at: &Scope) {
    at.stateful_set("a").await;
    let set = at.path("apps/statefulsets/a");
    for spec in [
        json!({ "serviceName": "other" }),
        json!({ "podManagementPolicy": "Parallel" }),
        json!({ "volumeClaimTemplates": [super::objects::claim("b")] }),
    ] {
        let told = at.patch(&set, MERGE, &json!({ "spec": spec })).await.invalid("spec");
        let message = told["message"].as_str().unwrap();
        assert!(message.contains("StatefulSet.apps \"a\" is invalid"), "{message}");
        assert!(message.contains("updates to statefulset spec"), "{message}");
    }
    let selector = json!({ "selector": { "matchLabels": { "set": "b" } },
        "template": { "metadata": { "labels": { "set": "b" } } } });
    at.patch(&set, MERGE, &json!({ "spec": selector })).await.invalid("spec");
    // What may change does.
    let image = json!([{ "op": "replace", "path": "/spec/template/spec/containers/0/image",
        "value": "postgres:17" }]);
    at.patch(&set, crate::scope::OPERATIONS, &image).await.code(200);

    let claim = super::objects::claim("a");
    at.post(&at.path("persistentvolumeclaims"), &claim).await.code(201);
    let claim = at.path("persistentvolumeclaims/a");
    let modes = json!({ "spec": { "accessModes": ["ReadWriteMany"] } });
    at.patch(&claim, MERGE, &modes).await.invalid("spec");
    // Only a storage class that says so lets a claim grow.
    at.until(&claim, |claim| claim["status"]["phase"] == "Bound").await;
    let grown = json!({ "spec": { "resources": { "requests": { "storage": "2Gi" } } } });
    at.patch(&claim, MERGE, &grown).await.refused(403, "Forbidden");

    at.post(&at.path("secrets"), &json!({ "metadata": { "name": "a" } })).await.code(201);
    let other = json!({ "type": "example.org/other" });
    at.patch(&at.path("secrets/a"), MERGE, &other).await.invalid("type");
    let sealed = json!({ "metadata": { "name": "b" }, "immutable": true, "data": { "a": "MQ==" } });
    at.post(&at.path("secrets"), &sealed).await.code(201);
    let change = json!({ "data": { "a": "Mg==" } });
    at.patch(&at.path("secrets/b"), MERGE, &change).await.invalid("data");

    let service = json!({ "metadata": { "name": "a" }, "spec": { "ports": [{ "port": 1 }] } });
    at.post(&at.path("services"), &service).await.code(201);
    let change = json!({ "spec": { "clusterIP": "10.96.255.7" } });
    // Which of the fields for it is named differs from version to version.
    at.patch(&at.path("services/a"), MERGE, &change).await.refused(422, "Invalid");
}
