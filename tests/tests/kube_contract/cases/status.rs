//! The parts of an object with a path of their own.

use crate::Scope;
use crate::scope::{MERGE, OPERATIONS};
use serde_json::{Value, json};

pub(crate) async fn its_own_path_touches_nothing_else(at: &Scope) {
    at.stateful_set("a").await;
    let path = at.path("apps/statefulsets/a");
    let status = format!("{path}/status");
    let change = json!({
        "spec": { "replicas": 5 },
        "status": { "conditions": [{ "type": "Tried", "status": "True" }] },
    });
    let changed = at.patch(&status, MERGE, &change).await.code(200);
    assert_eq!(changed["kind"], "StatefulSet");
    assert_eq!(changed["spec"]["replicas"], 0);
    assert_eq!(changed["metadata"]["generation"], 1);
    assert_eq!(changed["status"]["conditions"][0]["type"], "Tried");

    let again = |object: &mut Value| {
        object["spec"]["replicas"] = json!(5);
        object["status"]["conditions"] = json!([{ "type": "Again", "status": "True" }]);
    };
    let changed = at.replace(&status, again).await;
    assert_eq!(changed["spec"]["replicas"], 0);
    assert_eq!(changed["metadata"]["generation"], 1);
    assert_eq!(changed["status"]["conditions"][0]["type"], "Again");
    at.get(&at.path("apps/statefulsets/b/status")).await.refused(404, "NotFound");
}

pub(crate) async fn the_objects_path_does_not_touch_it(at: &Scope) {
    let mut claimed = crate::scope::stateful_set("a");
    claimed["status"] = json!({ "replicas": 7, "readyReplicas": 7 });
    let made = at.post(&at.path("apps/statefulsets"), &claimed).await.code(201);
    assert_eq!(made["status"]["replicas"], 0);
    assert!(made["status"].get("readyReplicas").is_none_or(|it| it == 0));
    let path = at.path("apps/statefulsets/a");
    at.until(&path, |set| set["status"]["observedGeneration"] == 1).await;
    let change =
        json!({ "metadata": { "labels": { "a": "b" } }, "status": { "readyReplicas": 7 } });
    let changed = at.patch(&path, MERGE, &change).await.code(200);
    assert_eq!(changed["metadata"]["labels"], json!({ "a": "b" }));
    assert!(changed["status"].get("readyReplicas").is_none_or(|it| it == 0));
    let put = at.replace(&path, |object| object["status"]["readyReplicas"] = json!(7)).await;
    assert!(put["status"].get("readyReplicas").is_none_or(|it| it == 0));
}

pub(crate) async fn scale_is_a_view_of_replicas(at: &Scope) {
    at.stateful_set("a").await;
    let path = at.path("apps/statefulsets/a/scale");
    let scale = at.get(&path).await.code(200);
    assert_eq!(scale["kind"], "Scale");
    assert_eq!(scale["apiVersion"], "autoscaling/v1");
    assert_eq!(scale["metadata"]["name"], "a");
    assert_eq!(scale["spec"].get("replicas").map_or(0, |it| it.as_u64().unwrap()), 0);
    assert_eq!(scale["status"]["selector"], "set=a");
    // Up and down at once, so that no process need come of it.
    let change = json!([{ "op": "add", "path": "/spec/replicas", "value": 0 }]);
    at.patch(&path, OPERATIONS, &change).await.code(200);
    let refused = json!([{ "op": "add", "path": "/spec/replicas", "value": -1 }]);
    at.patch(&path, OPERATIONS, &refused).await.refused(422, "Invalid");
}
