//! One case's own namespace on a server.

use crate::{Answer, Kubectl, Server, Watching};
use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use std::future::Future;
use std::path::Path;
use toygres_tests::kube::client;
use toygres_tests::wait::PATIENCE;

/// The types of patches.
pub(crate) const MERGE: &str = "application/merge-patch+json";
pub(crate) const OPERATIONS: &str = "application/json-patch+json";
pub(crate) const STRATEGIC: &str = "application/strategic-merge-patch+json";

/// More changes than any server of the contract keeps for their number alone.
const CHANGES: usize = 11_000;
/// How many make them at the same time.
const WRITERS: usize = 8;

const JSON: &str = "application/json";

/// A new namespace and the means to work in it.
pub(crate) struct Scope {
    pub(crate) client: Client,
    pub(crate) namespace: String,
    server: &'static Server,
}

impl Scope {
    pub(crate) async fn new(server: &'static Server) -> Self {
        let client = client(&server.kubeconfig).await.unwrap();
        let mut this = Self { client, namespace: String::new(), server };
        let namespace = json!({ "metadata": { "generateName": "contract-" } });
        let made = this.post("/api/v1/namespaces", &namespace).await.code(201);
        this.namespace = text(&made["metadata"]["name"]);
        this
    }

    /// A path in the namespace: `configmaps/a` is of the core group, `apps/statefulsets/a` of
    /// another.
    pub(crate) fn path(&self, of: &str) -> String {
        let (group, rest) = match of.split_once('/') {
            Some(("apps", rest)) => ("apis/apps/v1", rest),
            Some(("networking.k8s.io", rest)) => ("apis/networking.k8s.io/v1", rest),
            _ => ("api/v1", of),
        };
        format!("/{group}/namespaces/{}/{rest}", self.namespace)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, JSON, Vec::new()).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask("POST", path, JSON, body.to_string().into()).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.ask("PUT", path, JSON, body.to_string().into()).await
    }

    pub(crate) async fn patch(&self, path: &str, kind: &str, body: &Value) -> Answer {
        self.ask("PATCH", path, kind, body.to_string().into()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.ask("DELETE", path, JSON, Vec::new()).await
    }

    pub(crate) async fn delete_with(&self, path: &str, options: &Value) -> Answer {
        self.ask("DELETE", path, JSON, options.to_string().into()).await
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, kind: &str, body: Vec<u8>) -> Answer {
        ask(&self.client, method, path, kind, body).await
    }

    /// Makes a ConfigMap with these labels and answers it.
    pub(crate) async fn config_map(&self, name: &str, labels: Value) -> Value {
        let map = json!({ "metadata": { "name": name, "labels": labels }, "data": { "a": "1" } });
        self.post(&self.path("configmaps"), &map).await.code(201)
    }

    /// Makes a StatefulSet without pods and answers it.
    pub(crate) async fn stateful_set(&self, name: &str) -> Value {
        self.post(&self.path("apps/statefulsets"), &stateful_set(name)).await.code(201)
    }

    /// The names in a list, in its order.
    pub(crate) async fn names(&self, path: &str) -> Vec<String> {
        names(&self.get(path).await.code(200))
    }

    /// Waits until the thing at this path is as wanted, and answers it.
    pub(crate) async fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let look = || async {
            let answer = self.get(path).await;
            (answer.code == 200 && wanted(&answer.body)).then_some(answer.body)
        };
        until(&format!("{path} to be as wanted"), look).await
    }

    /// Writes the thing at this path with a change, as it is now: whoever controls it writes too, and
    /// where that came between it is read again.
    pub(crate) async fn replace(&self, path: &str, change: impl Fn(&mut Value)) -> Value {
        let write = || async {
            let mut object = self.get(path).await.code(200);
            change(&mut object);
            let answer = self.put(path, &object).await;
            (answer.code != 409).then_some(answer)
        };
        until(&format!("{path} to be written"), write).await.code(200)
    }

    /// Patches the thing at this path, again where whoever controls it came between.
    pub(crate) async fn patch_contended(&self, path: &str, kind: &str, body: &Value) -> Answer {
        let write = || async {
            let answer = self.patch(path, kind, body).await;
            (answer.code != 409).then_some(answer)
        };
        until(&format!("{path} to be patched"), write).await
    }

    /// Waits until nothing is at this path any more.
    pub(crate) async fn until_gone(&self, path: &str) {
        let look = || async { (self.get(path).await.code == 404).then_some(()) };
        until(&format!("{path} to be gone"), look).await;
    }

    /// A watch of the list at this path, which has a query already.
    pub(crate) async fn watch(&self, path: &str) -> Watching {
        Watching::start(&self.client, path).await
    }

    /// An answer whose body is not read yet.
    pub(crate) async fn begin(&self, path: &str) -> http::Response<Body> {
        let request = http::Request::get(path).body(Body::empty()).unwrap();
        self.client.send(request).await.unwrap()
    }

    /// Lets the server forget what was, except where it still is.
    pub(crate) async fn forget_history(&self) {
        if self.server.forget_history() {
            return;
        }
        // One that keeps so many changes forgets them when as many have come after them.
        self.config_map("busy", json!({})).await;
        let path = self.path("configmaps/busy");
        let write = async |writer: usize| {
            for change in 0..CHANGES / WRITERS {
                let data = json!({ "data": { "a": format!("{writer} {change}") } });
                self.patch(&path, MERGE, &data).await.code(200);
            }
        };
        futures_util::future::join_all((0..WRITERS).map(write)).await;
    }

    pub(crate) fn kubectl(&self, args: &[&str]) -> Kubectl {
        Kubectl::new(&self.server.kubeconfig, &self.namespace, args)
    }

    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.server.kubeconfig
    }
}

/// One request by this client.
pub(crate) async fn ask(
    client: &Client,
    method: &str,
    path: &str,
    kind: &str,
    body: Vec<u8>,
) -> Answer {
    let request = http::Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", kind)
        .header("accept", JSON)
        .body(Body::from(body))
        .unwrap();
    let answer = client.send(request).await.unwrap();
    let code = answer.status().as_u16();
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    let body = serde_json::from_slice(&bytes).unwrap_or_default();
    Answer { code, body, asked: format!("{method} {path}") }
}

/// Looks again and again until there is an answer.
pub(crate) async fn until<T, F>(what: &str, mut look: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, looking).await;
    waited.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// A StatefulSet without pods, so that no process comes of it.
pub(crate) fn stateful_set(name: &str) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": { "name": name },
        "spec": {
            "replicas": 0,
            "serviceName": name,
            "selector": { "matchLabels": { "set": name } },
            "template": {
                "metadata": { "labels": { "set": name } },
                "spec": { "containers": [{
                    "name": "postgres",
                    "image": "postgres:18",
                    "env": [{ "name": "A", "value": "1" }, { "name": "B", "value": "2" }],
                    "ports": [{ "containerPort": 5432 }],
                }] },
            },
        },
    })
}

pub(crate) fn names(list: &Value) -> Vec<String> {
    let items = list["items"].as_array().unwrap_or_else(|| panic!("no list: {list:#}"));
    items.iter().map(|item| text(&item["metadata"]["name"])).collect()
}

#[track_caller]
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value:#}")).to_owned()
}
