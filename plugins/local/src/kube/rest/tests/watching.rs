use super::{Api, MAPS, TOKEN};
use crate::kube::resource::CONFIG_MAP;
use crate::kube::{Watch, WatchEvent};
use axum::body::{Body, BodyDataStream};
use axum::http::Request;
use futures_util::StreamExt;
use serde_json::{Value, json};
use std::time::Duration;

/// An open watch.
struct Open {
    body: BodyDataStream,
    read: Vec<u8>,
}

impl Open {
    async fn new(api: &Api, path: &str) -> Self {
        let request = Request::builder()
            .uri(path)
            .header("authorization", format!("Bearer {TOKEN}"))
            .body(Body::empty())
            .unwrap();
        let response = api.raw(request).await;
        assert_eq!(response.status(), 200);
        Self { body: response.into_body().into_data_stream(), read: Vec::new() }
    }

    /// The next event; none at the end.
    async fn event(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).unwrap());
            }
            let piece = tokio::time::timeout(Duration::from_secs(20), self.body.next()).await;
            self.read.extend(piece.expect("nothing came")?.unwrap());
        }
    }

    /// The type of the next event and the name in it.
    async fn next(&mut self) -> (String, String) {
        let event = self.event().await.expect("the watch ended");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (text(&event["type"]), text(&event["object"]["metadata"]["name"]))
    }
}

fn event(kind: &str, name: &str) -> (String, String) {
    (kind.to_owned(), name.to_owned())
}

#[tokio::test]
async fn what_comes_to_be_selected_is_new_and_what_ceases_to_be_is_gone() {
    let api = Api::new();
    api.map("a", json!({"x": "1"})).await;
    api.map("b", json!({"x": "2"})).await;
    let mut watch = Open::new(&api, &format!("{MAPS}?watch=true&labelSelector=x%3D1")).await;
    assert_eq!(watch.next().await, event("ADDED", "a"));
    let label = |value: &str| json!({"metadata": {"labels": {"x": value}}});
    api.merge(&format!("{MAPS}/b"), &label("1")).await.ok();
    assert_eq!(watch.next().await, event("ADDED", "b"));
    api.merge(&format!("{MAPS}/b"), &json!({"data": {"a": "2"}})).await.ok();
    assert_eq!(watch.next().await, event("MODIFIED", "b"));
    let other = api.merge(&format!("{MAPS}/b"), &label("3")).await.ok();
    let gone = watch.event().await.unwrap();
    assert_eq!(
        (&gone["type"], &gone["object"]["metadata"]["labels"]["x"]),
        (&json!("DELETED"), &json!("1"))
    );
    let version = |object: &Value| object["metadata"]["resourceVersion"].clone();
    assert_eq!(version(&gone["object"]), version(&other));
    api.delete(&format!("{MAPS}/a"), &json!({})).await.ok();
    assert_eq!(watch.next().await, event("DELETED", "a"));
}

#[tokio::test]
async fn a_watch_goes_on_from_a_version_and_ends_in_time() {
    let api = Api::new();
    let first = api.map("a", json!({})).await;
    api.map("b", json!({})).await;
    api.delete(&format!("{MAPS}/a"), &json!({})).await.ok();
    let version = first["metadata"]["resourceVersion"].as_str().unwrap();
    let path = format!(
        "{MAPS}?watch=1&resourceVersion={version}&timeoutSeconds=1&allowWatchBookmarks=true"
    );
    let mut watch = Open::new(&api, &path).await;
    assert_eq!(watch.next().await, event("ADDED", "b"));
    assert_eq!(watch.next().await, event("DELETED", "a"));
    let bookmark = watch.event().await.unwrap();
    assert_eq!(bookmark["type"], "BOOKMARK");
    assert_eq!(bookmark["object"]["kind"], "ConfigMap");
    assert_eq!(watch.event().await, None);
}

#[tokio::test]
async fn a_server_that_stops_ends_its_watches() {
    let api = Api::new();
    let mut watch = Open::new(&api, &format!("{MAPS}?watch=true")).await;
    api.server.stop();
    assert_eq!(watch.event().await, None);
}

#[tokio::test]
async fn the_first_events_may_be_marked_and_rows_have_columns_once() {
    let api = Api::new();
    api.map("a", json!({})).await;
    let path = format!("{MAPS}?watch=true&sendInitialEvents=true&allowWatchBookmarks=true");
    let mut watch = Open::new(&api, &path).await;
    assert_eq!(watch.next().await, event("ADDED", "a"));
    let mark = watch.event().await.unwrap();
    assert_eq!(mark["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");

    let request = Request::builder()
        .uri(format!("{MAPS}?watch=true"))
        .header("authorization", format!("Bearer {TOKEN}"))
        .header("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")
        .body(Body::empty())
        .unwrap();
    let body = api.raw(request).await.into_body().into_data_stream();
    let mut watch = Open { body, read: Vec::new() };
    let first = watch.event().await.unwrap();
    assert_eq!(first["object"]["rows"][0]["cells"][0], "a");
    assert!(first["object"]["columnDefinitions"].is_array());
    api.map("b", json!({})).await;
    let second = watch.event().await.unwrap();
    assert_eq!(second["object"]["rows"][0]["cells"][0], "b");
    assert!(second["object"]["columnDefinitions"].is_null());
}

#[tokio::test]
async fn the_one_in_the_process_starts_anew_where_it_is_too_slow() {
    async fn started(watch: &mut Watch) -> usize {
        match watch.next().await {
            WatchEvent::Started(all) => all.len(),
            other => panic!("{other:?}"),
        }
    }
    let api = Api::new();
    let mut watch = api.server.watch(&CONFIG_MAP, Some("toygres"));
    assert_eq!(started(&mut watch).await, 0);
    api.map("a", json!({})).await;
    let WatchEvent::Applied(made) = watch.next().await else { panic!("nothing was made") };
    assert_eq!(made["metadata"]["name"], "a");
    api.delete(&format!("{MAPS}/a"), &json!({})).await.ok();
    assert!(matches!(watch.next().await, WatchEvent::Deleted(_)));
    api.map("b", json!({})).await;
    let key = crate::kube::resource::Key::of(&CONFIG_MAP, &made);
    let many = |store: &mut crate::kube::storage::Transaction<'_>| {
        (0..10_001).try_for_each(|_| store.put(key.resource, Value::clone(&made)).map(|_| ()))
    };
    api.server.store().write(many).unwrap();
    assert_eq!(started(&mut watch).await, 2);
}
