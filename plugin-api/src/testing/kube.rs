//! Kubernetes, as a test says it answers.

use super::host::TestHost;
use super::state::check;
use crate::abi::{Body, HttpRequest, HttpResponse, body_object, piece};
use crate::error::{Error, Result};
use crate::protocol::CONFIRMED_HEADER;
use abi_stable::std_types::{ROption, RResult, RString, RVec};
use async_ffi::{FfiFuture, FutureExt};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// A request that a command sent to Kubernetes.
#[derive(Debug, Clone, PartialEq)]
pub struct KubeRequest {
    /// `GET`, `PATCH`, ….
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The body; `null` where there is none, a string where it is no JSON.
    pub body: Value,
}

/// What Kubernetes answers.
#[derive(Debug, Clone)]
pub(super) struct KubeAnswer {
    status: u16,
    pieces: VecDeque<Vec<u8>>,
}

impl KubeAnswer {
    /// What stands for the method of a watch, which is a `GET` too.
    pub(super) const WATCH: &'static str = "WATCH";

    pub(super) fn whole(status: u16, body: &Value) -> Self {
        Self { status, pieces: VecDeque::from([body.to_string().into_bytes()]) }
    }

    /// One line an event, each a piece of its own.
    pub(super) fn events(events: impl IntoIterator<Item = Value>) -> Self {
        let pieces = events.into_iter().map(|event| format!("{event}\n").into_bytes());
        Self { status: 200, pieces: pieces.collect() }
    }

    /// As Kubernetes says that there is no such thing.
    fn not_found(path: &str) -> Self {
        Self::whole(
            404,
            &json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                "message": format!("the test has no {path}"), "reason": "NotFound", "code": 404,
            }),
        )
    }

    fn response(self) -> HttpResponse {
        let body = body_object(Pieces(Mutex::new(self.pieces)));
        HttpResponse { status: self.status, headers: RVec::new(), body }
    }
}

impl TestHost {
    pub(super) fn answer_kube(&self, request: &HttpRequest) -> HttpResponse {
        let (method, path) = (request.method.as_str(), request.uri.as_str());
        if let Err(error) = allowed(request) {
            let body = serde_json::to_vec(&error).unwrap_or_default();
            return KubeAnswer { status: 0, pieces: VecDeque::from([body]) }.response();
        }
        let mut state = self.state();
        state.kube_requests.push(KubeRequest {
            method: method.to_owned(),
            path: path.to_owned(),
            body: body_of(&request.body),
        });
        let (plain, query) = path.split_once('?').unwrap_or((path, ""));
        let watches = query.split('&').any(|pair| matches!(pair, "watch=true" | "watch=1"));
        let method = if watches { KubeAnswer::WATCH } else { method };
        let said = |path: &str| state.kube.get(&(method.to_owned(), path.to_owned())).cloned();
        let answer = said(path).or_else(|| said(plain));
        answer.unwrap_or_else(|| KubeAnswer::not_found(path)).response()
    }
}

/// Anything but reading and reviews needs a confirmation, as in the host.
fn allowed(request: &HttpRequest) -> Result<()> {
    let path = request.uri.as_str();
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let review =
        path.ends_with("/selfsubjectaccessreviews") || path.ends_with("/selfsubjectrulesreviews");
    if matches!(request.method.as_str(), "GET" | "HEAD") || review {
        return Ok(());
    }
    let header = request.headers.iter().find(|entry| entry.0.as_str() == CONFIRMED_HEADER);
    let token = header.map(|entry| String::from_utf8_lossy(&entry.1).into_owned());
    check(token.as_deref())
        .map_err(|error: Error| error.hint("ask first, and use `ctx.kube_writing(&confirmed)`"))
}

fn body_of(bytes: &[u8]) -> Value {
    if bytes.is_empty() {
        return Value::Null;
    }
    serde_json::from_slice(bytes)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(bytes).into_owned()))
}

/// A body's pieces, one after the other.
struct Pieces(Mutex<VecDeque<Vec<u8>>>);

impl Body for Pieces {
    fn next(&self) -> FfiFuture<ROption<RResult<RVec<u8>, RString>>> {
        let next = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        std::future::ready(next.map_or(ROption::RNone, piece)).into_ffi()
    }
}

#[cfg(all(test, feature = "kube"))]
mod tests {
    use super::super::TestHost;
    use crate::{Confirmation, ErrorKind};
    use futures_util::{StreamExt, pin_mut};
    use k8s_openapi::api::core::v1::Pod;
    use kube::api::{Api, DeleteParams, WatchEvent, WatchParams};
    use serde_json::{Value, json};

    fn pod(name: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "resourceVersion": "1"}})
    }

    const PODS: &str = "/api/v1/namespaces/toygres/pods";

    fn run<T>(test: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(test)
    }

    #[test]
    fn a_watch_gives_its_events_and_ends() {
        let events = ["a", "b"].map(|name| json!({"type": "ADDED", "object": pod(name)}));
        let host = TestHost::new().kube_watch(PODS, events);
        let names = run(async {
            let pods: Api<Pod> = Api::default_namespaced(host.context().kube().await.unwrap());
            let watched = pods.watch(&WatchParams::default(), "0").await.unwrap();
            pin_mut!(watched);
            let mut names = Vec::new();
            while let Some(event) = watched.next().await {
                if let WatchEvent::Added(pod) = event.unwrap() {
                    names.extend(pod.metadata.name);
                }
            }
            names
        });
        assert_eq!(names, ["a", "b"]);
    }

    #[test]
    fn only_a_confirmation_opens_the_way_to_write() {
        let path = format!("{PODS}/a");
        let host = TestHost::new().kube_answers("DELETE", &path, 200, pod("a"));
        run(async {
            let context = host.context();
            let reading: Api<Pod> = Api::default_namespaced(context.kube().await.unwrap());
            let refused = reading.delete("a", &DeleteParams::default()).await.unwrap_err();
            assert_eq!(crate::Error::from(refused).kind, ErrorKind::Refused);
            assert!(host.kube_requests().is_empty());
            let confirmed = context.ui().confirm(Confirmation::new("Delete it?")).await.unwrap();
            let client = context.kube_writing(&confirmed).await.unwrap();
            let writing: Api<Pod> = Api::default_namespaced(client);
            writing.delete("a", &DeleteParams::default()).await.unwrap();
        });
        assert_eq!(host.kube_requests()[0].method, "DELETE");
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        let error = run(async {
            let pods: Api<Pod> =
                Api::default_namespaced(TestHost::new().context().kube().await.unwrap());
            crate::Error::from(pods.get("a").await.unwrap_err())
        });
        assert_eq!(error.kind, ErrorKind::NotFound);
    }
}
