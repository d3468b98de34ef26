//! Requests as clients make them, answered without a socket.

mod deleting;
mod format;
mod lists;
mod logs;
mod rules;
mod services;
mod watching;

use crate::kube::{ApiServer, Tokens};
use axum::body::Body;
use axum::http::{Request, Response};
use serde_json::{Value, json};
use tower::ServiceExt;

const TOKEN: &str = "secret";

/// A server with a store of its own.
struct Api {
    server: ApiServer,
    folder: tempfile::TempDir,
}

/// An answer.
struct Answer {
    code: u16,
    media: String,
    warnings: Vec<String>,
    body: Value,
}

impl Answer {
    #[track_caller]
    fn ok(self) -> Value {
        assert!((200..300).contains(&self.code), "{}: {:#}", self.code, self.body);
        self.body
    }

    #[track_caller]
    fn refused(self, code: u16, reason: &str) -> Value {
        assert_eq!(self.code, code, "{:#}", self.body);
        assert_eq!(self.body["kind"], "Status");
        assert_eq!(self.body["code"], code);
        assert_eq!(self.body["reason"], reason, "{:#}", self.body);
        self.body
    }
}

impl Api {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = ApiServer::open(folder.path(), Tokens::new([TOKEN])).unwrap();
        Self { server, folder }
    }

    /// The same store in a new process, as it were.
    fn reopened(self) -> Self {
        let Self { server, folder } = self;
        drop(server);
        let server = ApiServer::open(folder.path(), Tokens::new([TOKEN])).unwrap();
        Self { server, folder }
    }

    async fn raw(&self, request: Request<Body>) -> Response<Body> {
        self.server.router().oneshot(request).await.unwrap()
    }

    async fn send(&self, method: &str, path: &str, media: &str, body: impl Into<Body>) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {TOKEN}"))
            .header("content-type", media)
            .body(body.into())
            .unwrap();
        read(self.raw(request).await).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "", Body::empty()).await
    }

    async fn accepting(&self, path: &str, accept: &str) -> Answer {
        let request = Request::builder()
            .uri(path)
            .header("authorization", format!("Bearer {TOKEN}"))
            .header("accept", accept)
            .body(Body::empty())
            .unwrap();
        read(self.raw(request).await).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, "application/json", body.to_string()).await
    }

    async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send("PUT", path, "application/json", body.to_string()).await
    }

    async fn merge(&self, path: &str, body: &Value) -> Answer {
        self.send("PATCH", path, "application/merge-patch+json", body.to_string()).await
    }

    async fn delete(&self, path: &str, options: &Value) -> Answer {
        self.send("DELETE", path, "application/json", options.to_string()).await
    }

    /// Makes a ConfigMap.
    async fn map(&self, name: &str, labels: Value) -> Value {
        let map = json!({"metadata": {"name": name, "labels": labels}, "data": {"a": "1"}});
        self.post(MAPS, &map).await.ok()
    }
}

const MAPS: &str = "/api/v1/namespaces/toygres/configmaps";
const PODS: &str = "/api/v1/namespaces/toygres/pods";
const SETS: &str = "/apis/apps/v1/namespaces/toygres/statefulsets";
const CLAIMS: &str = "/api/v1/namespaces/toygres/persistentvolumeclaims";
const SERVICES: &str = "/api/v1/namespaces/toygres/services";

async fn read(response: Response<Body>) -> Answer {
    let code = response.status().as_u16();
    let text = |name: &str| {
        let values = response.headers().get_all(name).iter();
        values.map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (media, warnings) = (text("content-type").concat(), text("warning"));
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let body = serde_json::from_slice(&bytes)
        .unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned().into());
    Answer { code, media, warnings, body }
}

fn names(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().unwrap();
    items.iter().map(|item| item["metadata"]["name"].as_str().unwrap()).collect()
}

fn set(name: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {
        "serviceName": name,
        "selector": {"matchLabels": {"set": name}},
        "template": {
            "metadata": {"labels": {"set": name}},
            "spec": {"containers": [{"name": "c", "image": "postgres:18"}]},
        },
    }})
}

fn pod(name: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {
        "nodeName": "local", "containers": [{"name": "c", "image": "postgres:18"}],
    }})
}
