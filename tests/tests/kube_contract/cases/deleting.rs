//! Deleting.

use crate::Scope;
use crate::scope::MERGE;
use serde_json::json;

pub(crate) async fn waits_for_finalizers(at: &Scope) {
    let map = json!({ "metadata": { "name": "a", "finalizers": ["toygres.io/test"] } });
    let made = at.post(&at.path("configmaps"), &map).await.code(201);
    let path = at.path("configmaps/a");
    let deleted = at.delete(&path).await.code(200);
    assert_eq!(deleted["metadata"]["uid"], made["metadata"]["uid"], "{deleted:#}");
    let ending = at.get(&path).await.code(200);
    let since = ending["metadata"]["deletionTimestamp"].clone();
    assert!(since.is_string(), "{ending:#}");
    assert_ne!(ending["metadata"]["resourceVersion"], made["metadata"]["resourceVersion"]);
    at.delete(&path).await.code(200);
    assert_eq!(at.get(&path).await.code(200)["metadata"]["deletionTimestamp"], since);
    let again = json!({ "metadata": { "name": "a" } });
    let told = at.post(&at.path("configmaps"), &again).await.refused(409, "AlreadyExists");
    assert!(told["message"].as_str().unwrap().contains("object is being deleted"), "{told:#}");
    // Another finalizer may not come now.
    let more = json!({ "metadata": { "finalizers": ["toygres.io/test", "toygres.io/more"] } });
    at.patch(&path, MERGE, &more).await.invalid("metadata.finalizers");
    let none = json!({ "metadata": { "finalizers": null } });
    at.patch(&path, MERGE, &none).await.code(200);
    at.get(&path).await.refused(404, "NotFound");
    at.post(&at.path("configmaps"), &again).await.code(201);
}

pub(crate) async fn only_under_its_preconditions(at: &Scope) {
    let made = at.config_map("a", json!({})).await;
    let path = at.path("configmaps/a");
    let when = |what: &str, is: &str| json!({ "preconditions": { what: is } });
    let other = when("uid", "00000000-0000-0000-0000-000000000000");
    at.delete_with(&path, &other).await.refused(409, "Conflict");
    at.delete_with(&path, &when("resourceVersion", "1")).await.refused(409, "Conflict");
    at.get(&path).await.code(200);
    let uid = made["metadata"]["uid"].as_str().unwrap();
    at.delete_with(&path, &when("uid", uid)).await.code(200);
    at.get(&path).await.refused(404, "NotFound");
    let made = at.config_map("a", json!({})).await;
    let version = made["metadata"]["resourceVersion"].as_str().unwrap();
    at.delete_with(&path, &when("resourceVersion", version)).await.code(200);
    at.get(&path).await.refused(404, "NotFound");
}

pub(crate) async fn with_every_propagation_policy(at: &Scope) {
    for policy in ["Background", "Foreground", "Orphan"] {
        let path = at.path("apps/statefulsets/a");
        at.stateful_set("a").await;
        at.delete_with(&path, &json!({ "propagationPolicy": policy })).await.code(200);
        at.until_gone(&path).await;
        at.stateful_set("a").await;
        at.delete(&format!("{path}?propagationPolicy={policy}")).await.code(200);
        at.until_gone(&path).await;
    }
    at.config_map("a", json!({})).await;
    let odd = json!({ "propagationPolicy": "Sideways" });
    at.delete_with(&at.path("configmaps/a"), &odd).await.refused(422, "Invalid");
}

pub(crate) async fn a_collection_by_labels(at: &Scope) {
    at.config_map("a", json!({ "gone": "1" })).await;
    at.config_map("b", json!({ "gone": "1" })).await;
    at.config_map("c", json!({ "gone": "0" })).await;
    let maps = at.path("configmaps");
    at.delete(&format!("{maps}?labelSelector=gone%3D1")).await.code(200);
    assert_eq!(at.names(&format!("{maps}?labelSelector=gone")).await, ["c"]);
    at.delete(&format!("{maps}?labelSelector=gone%3D1")).await.code(200);
}

pub(crate) async fn nothing_in_a_dry_run(at: &Scope) {
    let maps = at.path("configmaps");
    let map = json!({ "metadata": { "name": "a" }, "data": { "a": "1" } });
    at.post(&format!("{maps}?dryRun=All"), &map).await.code(201);
    at.get(&format!("{maps}/a")).await.refused(404, "NotFound");
    at.post(&maps, &map).await.code(201);
    at.post(&format!("{maps}?dryRun=All"), &map).await.refused(409, "AlreadyExists");
    let change = json!({ "data": { "a": "2" } });
    let changed = at.patch(&format!("{maps}/a?dryRun=All"), MERGE, &change).await.code(200);
    assert_eq!(changed["data"], json!({ "a": "2" }));
    at.delete(&format!("{maps}/a?dryRun=All")).await.code(200);
    assert_eq!(at.get(&format!("{maps}/a")).await.code(200)["data"], json!({ "a": "1" }));
}
