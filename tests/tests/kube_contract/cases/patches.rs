//! Patches of the three types.

use crate::Scope;
use crate::scope::{MERGE, OPERATIONS, STRATEGIC};
use serde_json::{Value, json};

pub(crate) async fn merge(at: &Scope) {
    at.config_map("a", json!({ "keep": "1", "drop": "1" })).await;
    let path = at.path("configmaps/a");
    let change = json!({
        "metadata": { "labels": { "drop": null, "new": "1" }, "annotations": { "a": "b" } },
        "data": { "b": "2" },
    });
    let changed = at.patch(&path, MERGE, &change).await.code(200);
    assert_eq!(changed["metadata"]["labels"], json!({ "keep": "1", "new": "1" }));
    assert_eq!(changed["metadata"]["annotations"], json!({ "a": "b" }));
    assert_eq!(changed["data"], json!({ "a": "1", "b": "2" }));
    assert_eq!(at.get(&path).await.code(200)["data"], changed["data"]);
    // A list is replaced as a whole.
    at.stateful_set("a").await;
    let list = json!([{ "name": "other", "image": "other:1" }]);
    let change = json!({ "spec": { "template": { "spec": { "containers": list } } } });
    let changed = at.patch(&at.path("apps/statefulsets/a"), MERGE, &change).await.code(200);
    assert_eq!(containers(&changed), ["other"]);
    let invalid = json!({ "metadata": { "labels": { "a": "not a label" } } });
    at.patch(&path, MERGE, &invalid).await.invalid("metadata.labels");
}

pub(crate) async fn operations(at: &Scope) {
    at.config_map("a", json!({})).await;
    let path = at.path("configmaps/a");
    let change = json!([
        { "op": "test", "path": "/data/a", "value": "1" },
        { "op": "replace", "path": "/data/a", "value": "2" },
        { "op": "add", "path": "/data/b", "value": "3" },
    ]);
    let changed = at.patch(&path, OPERATIONS, &change).await.code(200);
    assert_eq!(changed["data"], json!({ "a": "2", "b": "3" }));
    let change = json!([{ "op": "remove", "path": "/data/b" }]);
    let changed = at.patch(&path, OPERATIONS, &change).await.code(200);
    assert_eq!(changed["data"], json!({ "a": "2" }));
    // All or nothing.
    let failing = json!([
        { "op": "replace", "path": "/data/a", "value": "9" },
        { "op": "test", "path": "/data/a", "value": "1" },
    ]);
    at.patch(&path, OPERATIONS, &failing).await.refused(422, "Invalid");
    let missing = json!([{ "op": "remove", "path": "/data/nothing" }]);
    at.patch(&path, OPERATIONS, &missing).await.refused(422, "Invalid");
    assert_eq!(at.get(&path).await.code(200)["data"], json!({ "a": "2" }));
    at.patch(&path, OPERATIONS, &json!({ "op": "add" })).await.refused(400, "BadRequest");
}

/// As whoever adds a sidecar's port does; what was there stays what it was.
pub(crate) async fn a_port_before_the_first(at: &Scope) {
    let service = json!({
        "metadata": { "name": "a" },
        "spec": {
            "type": "LoadBalancer", "selector": { "instance": "a" },
            "ports": [{ "name": "postgres", "port": 5432, "targetPort": "postgres" }],
        },
    });
    let made = at.post(&at.path("services"), &service).await.code(201);
    let before = made["spec"]["ports"][0].clone();
    let metrics = json!({ "name": "metrics", "port": 9187, "targetPort": 9187 });
    let change = json!([{ "op": "add", "path": "/spec/ports/0", "value": metrics }]);
    let changed = at.patch_contended(&at.path("services/a"), OPERATIONS, &change).await.code(200);
    let ports = changed["spec"]["ports"].as_array().unwrap();
    assert_eq!((ports.len(), &ports[0]["port"]), (2, &json!(9187)));
    assert_eq!(ports[1], before);
    assert_ne!(ports[0]["nodePort"], before["nodePort"]);
    let change = json!([{ "op": "remove", "path": "/spec/ports/0" }]);
    let changed = at.patch_contended(&at.path("services/a"), OPERATIONS, &change).await.code(200);
    assert_eq!(changed["spec"]["ports"], json!([before]));
}

pub(crate) async fn strategic_merge_of_lists_by_their_keys(at: &Scope) {
    at.stateful_set("a").await;
    let path = at.path("apps/statefulsets/a");
    let pod = |pod: Value| json!({ "spec": { "template": { "spec": pod } } });
    let change = pod(json!({ "containers": [
        { "name": "postgres", "image": "postgres:17",
          "env": [{ "name": "B", "value": "20" }, { "name": "C", "value": "3" }],
          "ports": [{ "containerPort": 9187, "name": "metrics" }] },
        { "name": "beside", "image": "beside:1" },
    ] }));
    let changed = at.patch(&path, STRATEGIC, &change).await.code(200);
    let mut names = containers(&changed);
    names.sort();
    assert_eq!(names, ["beside", "postgres"]);
    let postgres = container(&changed, "postgres");
    assert_eq!(postgres["image"], "postgres:17");
    assert_eq!(env(postgres), [("A", "1"), ("B", "20"), ("C", "3")]);
    let mut ports: Vec<_> = postgres["ports"].as_array().unwrap().iter().collect();
    ports.sort_by_key(|port| port["containerPort"].as_u64());
    let ports: Vec<_> = ports.iter().map(|port| port["containerPort"].as_u64().unwrap()).collect();
    assert_eq!(ports, [5432, 9187]);

    // Maps are merged, and a null drops.
    let change = json!({ "metadata": { "labels": { "a": "1", "b": "2" } } });
    at.patch(&path, STRATEGIC, &change).await.code(200);
    let change = json!({ "metadata": { "labels": { "a": null, "c": "3" } } });
    let changed = at.patch(&path, STRATEGIC, &change).await.code(200);
    assert_eq!(changed["metadata"]["labels"], json!({ "b": "2", "c": "3" }));
}

pub(crate) async fn strategic_merge_with_directives(at: &Scope) {
    at.stateful_set("a").await;
    let path = at.path("apps/statefulsets/a");
    let pod = |pod: Value| json!({ "spec": { "template": { "spec": pod } } });
    // As kubectl writes it: one variable gone, one changed, in this order.
    let change = pod(json!({
        "$setElementOrder/containers": [{ "name": "postgres" }],
        "containers": [{
            "name": "postgres",
            "$setElementOrder/env": [{ "name": "Z" }, { "name": "A" }],
            "env": [{ "name": "B", "$patch": "delete" }, { "name": "Z", "value": "26" }],
        }],
    }));
    let changed = at.patch(&path, STRATEGIC, &change).await.code(200);
    assert_eq!(env(container(&changed, "postgres")), [("Z", "26"), ("A", "1")]);

    let replaced = pod(json!({ "containers": [
        { "$patch": "replace" }, { "name": "only", "image": "only:1" },
    ] }));
    let changed = at.patch(&path, STRATEGIC, &replaced).await.code(200);
    assert_eq!(containers(&changed), ["only"]);

    let finalizers = json!({ "metadata": { "finalizers": ["toygres.io/a", "toygres.io/b"] } });
    at.patch(&path, STRATEGIC, &finalizers).await.code(200);
    let fewer = json!({ "metadata": { "$deleteFromPrimitiveList/finalizers": ["toygres.io/a"] } });
    let changed = at.patch(&path, STRATEGIC, &fewer).await.code(200);
    assert_eq!(changed["metadata"]["finalizers"], json!(["toygres.io/b"]));
    let more = json!({ "metadata": { "finalizers": ["toygres.io/c"] } });
    let changed = at.patch(&path, STRATEGIC, &more).await.code(200);
    let finalizers = changed["metadata"]["finalizers"].as_array().unwrap();
    assert_eq!(finalizers.len(), 2, "a list of words is merged too: {finalizers:?}");
}

pub(crate) async fn of_another_version(at: &Scope) {
    let made = at.config_map("a", json!({})).await;
    let path = at.path("configmaps/a");
    let version = &made["metadata"]["resourceVersion"];
    let change =
        |value: &str| json!({ "metadata": { "resourceVersion": version }, "data": { "a": value } });
    at.patch(&path, MERGE, &change("2")).await.code(200);
    at.patch(&path, MERGE, &change("3")).await.refused(409, "Conflict");
    at.patch(&path, STRATEGIC, &change("3")).await.refused(409, "Conflict");
    assert_eq!(at.get(&path).await.code(200)["data"], json!({ "a": "2" }));
}

pub(crate) async fn of_what_is_missing(at: &Scope) {
    let path = at.path("configmaps/a");
    for (kind, change) in [(MERGE, json!({})), (OPERATIONS, json!([])), (STRATEGIC, json!({}))] {
        at.patch(&path, kind, &change).await.refused(404, "NotFound");
    }
}

pub(crate) async fn of_an_unknown_type(at: &Scope) {
    at.config_map("a", json!({})).await;
    let path = at.path("configmaps/a");
    let told = at.patch(&path, "application/json", &json!({})).await;
    told.refused(415, "UnsupportedMediaType");
}

fn containers(set: &Value) -> Vec<String> {
    let containers = set["spec"]["template"]["spec"]["containers"].as_array().unwrap();
    containers.iter().map(|it| crate::scope::text(&it["name"])).collect()
}

fn container<'a>(set: &'a Value, name: &str) -> &'a Value {
    let containers = set["spec"]["template"]["spec"]["containers"].as_array().unwrap();
    containers.iter().find(|it| it["name"] == name).unwrap()
}

fn env(container: &Value) -> Vec<(&str, &str)> {
    let env = container["env"].as_array().unwrap().iter();
    env.map(|it| (it["name"].as_str().unwrap(), it["value"].as_str().unwrap())).collect()
}

/// What is said of a set beside its `spec` is no change of that.
pub(crate) async fn of_what_is_said_of_a_set_alone(at: &Scope) {
    let made = at.stateful_set("a").await;
    let annotate = ["annotate", "statefulset/a", "note=b"];
    at.kubectl(&annotate).prints();
    at.kubectl(&["label", "statefulset/a", "team=data"]).prints();
    at.kubectl(&["annotate", "statefulset/a", "note-"]).prints();
    let after = at.get(&at.path("apps/statefulsets/a")).await.code(200);
    assert_eq!(after["metadata"]["labels"]["team"], "data");
    assert_eq!(after["metadata"]["generation"], made["metadata"]["generation"]);
    assert_eq!(after["spec"], made["spec"]);
    let image = json!({ "spec": { "template": { "spec": {
        "containers": [{ "name": "postgres", "image": "postgres:17" }] } } } });
    let changed = at.patch(&at.path("apps/statefulsets/a"), STRATEGIC, &image).await.code(200);
    let next = made["metadata"]["generation"].as_i64().unwrap() + 1;
    assert_eq!(changed["metadata"]["generation"], next);
}
