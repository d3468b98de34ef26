//! Watches.

use crate::Scope;
use crate::scope::{MERGE, text};
use serde_json::json;

fn event(kind: &str, name: &str) -> (String, String) {
    (kind.to_owned(), name.to_owned())
}

pub(crate) async fn from_a_version_on(at: &Scope) {
    let maps = at.path("configmaps");
    at.config_map("before", json!({})).await;
    let version = text(&at.get(&maps).await.code(200)["metadata"]["resourceVersion"]);
    let mut watch = at.watch(&format!("{maps}?watch=true&resourceVersion={version}")).await;
    let made = at.config_map("a", json!({})).await;
    let change = json!({ "data": { "a": "2" } });
    let changed = at.patch(&format!("{maps}/a"), MERGE, &change).await.code(200);
    at.delete(&format!("{maps}/a")).await.code(200);

    assert_eq!(watch.next().await, ("ADDED".to_owned(), made.clone()));
    assert_eq!(watch.next().await, ("MODIFIED".to_owned(), changed.clone()));
    let (kind, deleted) = watch.next().await;
    assert_eq!(kind, "DELETED");
    assert_eq!(deleted["data"], json!({ "a": "2" }));
    let number = |object: &serde_json::Value| {
        text(&object["metadata"]["resourceVersion"]).parse::<u64>().unwrap()
    };
    assert!(number(&made) < number(&changed) && number(&changed) < number(&deleted));

    // From between two changes: what came after, and nothing else.
    let version = number(&made);
    let path = format!("{maps}?watch=1&resourceVersion={version}&allowWatchBookmarks=true");
    let mut later = at.watch(&path).await;
    assert_eq!(later.next_name().await, event("MODIFIED", "a"));
    assert_eq!(later.next_name().await, event("DELETED", "a"));
}

pub(crate) async fn without_a_version_what_is_there_comes_first(at: &Scope) {
    let maps = at.path("configmaps");
    at.config_map("a", json!({ "w": "1" })).await;
    at.config_map("b", json!({ "w": "1" })).await;
    for version in ["", "&resourceVersion=0"] {
        let path = format!("{maps}?watch=true&labelSelector=w%3D1{version}");
        let mut watch = at.watch(&path).await;
        let mut first = [watch.next_name().await, watch.next_name().await];
        first.sort();
        assert_eq!(first, [event("ADDED", "a"), event("ADDED", "b")]);
        let name = if version.is_empty() { "c" } else { "d" };
        at.delete(&at.path("configmaps/a")).await;
        assert_eq!(watch.next_name().await, event("DELETED", "a"));
        at.config_map("a", json!({ "w": "1" })).await;
        assert_eq!(watch.next_name().await, event("ADDED", "a"));
        at.config_map(name, json!({})).await;
    }
}

pub(crate) async fn of_some_labels_only(at: &Scope) {
    let maps = at.path("configmaps");
    let version = text(&at.get(&maps).await.code(200)["metadata"]["resourceVersion"]);
    let path = format!("{maps}?watch=true&resourceVersion={version}&labelSelector=in%3Dyes");
    let mut watch = at.watch(&path).await;
    at.config_map("a", json!({})).await;
    let label = |value: &str| json!({ "metadata": { "labels": { "in": value } } });
    // It comes in, changes, and leaves: to this watch it is made, changed, and deleted.
    at.patch(&format!("{maps}/a"), MERGE, &label("yes")).await.code(200);
    assert_eq!(watch.next_name().await, event("ADDED", "a"));
    at.patch(&format!("{maps}/a"), MERGE, &json!({ "data": { "b": "1" } })).await.code(200);
    assert_eq!(watch.next_name().await, event("MODIFIED", "a"));
    at.patch(&format!("{maps}/a"), MERGE, &label("no")).await.code(200);
    assert_eq!(watch.next_name().await, event("DELETED", "a"));
    at.delete(&format!("{maps}/a")).await.code(200);
    at.config_map("b", json!({ "in": "yes" })).await;
    assert_eq!(watch.next_name().await, event("ADDED", "b"));
}

pub(crate) async fn of_one_name_only(at: &Scope) {
    let maps = at.path("configmaps");
    let version = text(&at.get(&maps).await.code(200)["metadata"]["resourceVersion"]);
    let of = "fieldSelector=metadata.name%3Db";
    let mut watch = at.watch(&format!("{maps}?watch=true&resourceVersion={version}&{of}")).await;
    at.config_map("a", json!({})).await;
    at.config_map("b", json!({})).await;
    assert_eq!(watch.next_name().await, event("ADDED", "b"));
    at.delete(&format!("{maps}/a")).await.code(200);
    at.delete(&format!("{maps}/b")).await.code(200);
    assert_eq!(watch.next_name().await, event("DELETED", "b"));
}

pub(crate) async fn from_a_version_that_is_none(at: &Scope) {
    let path = format!("{}?watch=true&resourceVersion=yesterday", at.path("configmaps"));
    at.get(&path).await.failed();
}

pub(crate) async fn for_a_limited_time(at: &Scope) {
    at.config_map("a", json!({ "w": "1" })).await;
    let path = format!("{}?watch=true&timeoutSeconds=1&labelSelector=w%3D1", at.path("configmaps"));
    let mut watch = at.watch(&path).await;
    assert_eq!(watch.next_name().await, event("ADDED", "a"));
    assert_eq!(watch.next_or_end().await, None);
}
