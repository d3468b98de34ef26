use super::{Api, PODS, pod};
use crate::kube::status::Result;
use crate::kube::{LogOptions, PodLogs};
use axum::body::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt};
use serde_json::{Value, json};
use std::io;
use std::sync::Arc;

/// Tells what it was asked for; where it is followed, it never ends.
struct Echo;

impl PodLogs for Echo {
    fn open(
        &self,
        pod: Arc<Value>,
        options: LogOptions,
    ) -> BoxFuture<'static, Result<BoxStream<'static, io::Result<Bytes>>>> {
        Box::pin(async move {
            let name = crate::kube::object::name(&pod).to_owned();
            let told = stream::iter([Ok(Bytes::from(format!("{name} {options:?}")))]);
            Ok(if options.follow { told.chain(stream::pending()).boxed() } else { told.boxed() })
        })
    }
}

#[tokio::test]
async fn a_log_is_asked_of_whoever_runs_the_pod() {
    let api = Api::new();
    api.post(PODS, &pod("a")).await.ok();
    let path = format!("{PODS}/a/log");
    api.get(&path).await.refused(400, "BadRequest");
    api.server.set_logs(Arc::new(Echo));
    let log =
        api.get(&format!("{path}?tailLines=3&timestamps=true&previous=1&sinceSeconds=60")).await;
    let expected = LogOptions {
        container: Some("c".into()),
        previous: true,
        tail_lines: Some(3),
        since_seconds: Some(60),
        timestamps: true,
        ..LogOptions::default()
    };
    assert_eq!(log.media, "text/plain");
    assert_eq!(log.body, format!("a {expected:?}"));
    api.get(&format!("{path}?container=d")).await.refused(400, "BadRequest");
    api.get(&format!("{path}?tailLines=-1")).await.refused(400, "BadRequest");
    api.get(&format!("{PODS}/b/log")).await.refused(404, "NotFound");
    api.post(&path, &json!({})).await.refused(405, "MethodNotAllowed");

    let mut two = pod("two");
    two["spec"]["containers"] = json!([{"name": "x", "image": "i"}, {"name": "y", "image": "i"}]);
    api.post(PODS, &two).await.ok();
    let path = format!("{PODS}/two/log");
    let refused = api.get(&path).await.refused(400, "BadRequest");
    assert!(refused["message"].as_str().unwrap().contains("[x y]"));
    assert!(api.get(&format!("{path}?container=y")).await.body.as_str().unwrap().contains("\"y\""));
}

#[tokio::test]
async fn a_log_that_is_followed_ends_with_the_server() {
    let api = Api::new();
    api.server.set_logs(Arc::new(Echo));
    api.post(PODS, &pod("a")).await.ok();
    let path = format!("{PODS}/a/log?follow=true");
    let (log, ()) = tokio::join!(api.get(&path), async {
        tokio::task::yield_now().await;
        api.server.stop();
    });
    assert!(log.ok().as_str().unwrap().starts_with("a "));
}
