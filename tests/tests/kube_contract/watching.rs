//! A watch, event by event.

use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body;
use serde_json::Value;
use toygres_tests::wait::PATIENCE;

/// A watch that is open.
pub(crate) struct Watching {
    body: Body,
    read: Vec<u8>,
}

impl Watching {
    pub(crate) async fn start(client: &Client, path: &str) -> Self {
        let request = http::Request::get(path).body(Body::empty()).unwrap();
        let answer = client.send(request).await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        Self::of(answer)
    }

    /// The watch that this answer begins.
    pub(crate) fn of(answer: http::Response<Body>) -> Self {
        Self { body: answer.into_body(), read: Vec::new() }
    }

    /// The next event's type and object; bookmarks are passed over.
    pub(crate) async fn next(&mut self) -> (String, Value) {
        let event = self.next_or_end().await.expect("the watch ended");
        (crate::scope::text(&event["type"]), event["object"].clone())
    }

    /// The type of the next event and the name of its object.
    pub(crate) async fn next_name(&mut self) -> (String, String) {
        let (kind, object) = self.next().await;
        (kind, crate::scope::text(&object["metadata"]["name"]))
    }

    /// The next event, or none when the server ends the watch.
    pub(crate) async fn next_or_end(&mut self) -> Option<Value> {
        loop {
            let line = tokio::time::timeout(PATIENCE, self.line()).await.expect("no event came")?;
            let event: Value = serde_json::from_slice(&line).unwrap();
            if event["type"] != "BOOKMARK" {
                return Some(event);
            }
        }
    }

    async fn line(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let rest = self.read.split_off(end + 1);
                return Some(std::mem::replace(&mut self.read, rest));
            }
            let frame = self.body.frame().await?.unwrap();
            if let Ok(data) = frame.into_data() {
                self.read.extend_from_slice(&data);
            }
        }
    }
}
