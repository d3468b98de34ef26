//! Kubernetes: the cluster, the namespace, and the objects of instances. Only what is judged is
//! read out of the objects, so that a large cluster takes little memory.

use super::quickest::quickest;
use super::{Lazy, QUESTION, lazy};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Instant;
use toygres_model::kubernetes::{APP, APP_LABEL, INSTANCE_LABEL};
use toygres_plugin_api::protocol::KubeTarget;
use toygres_plugin_api::{Context, Error, ErrorKind, Result};

/// What the API server answers.
pub(crate) struct Answers {
    ctx: Context,
    pub(crate) target: Lazy<KubeTarget>,
    pub(crate) version: Lazy<Version>,
    pub(crate) namespace: Lazy<Object>,
    pub(crate) nodes: Lazy<Vec<Object>>,
    pub(crate) classes: Lazy<Vec<Object>>,
    pub(crate) quotas: Lazy<Vec<Object>>,
    pub(crate) events: Lazy<Vec<Event>>,
    pub(crate) stateful_sets: Lazy<Vec<Object>>,
    pub(crate) services: Lazy<Vec<Object>>,
    pub(crate) claims: Lazy<Vec<Object>>,
    pub(crate) pods: Lazy<Vec<Object>>,
}

/// What `/version` says.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Version {
    #[serde(rename = "gitVersion")]
    pub(crate) text: String,
    pub(crate) major: String,
    pub(crate) minor: String,
    #[serde(skip)]
    pub(crate) took_ms: f64,
}

/// What is read of any object.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Object {
    pub(crate) metadata: Metadata,
    pub(crate) spec: Value,
    pub(crate) status: Value,
}

/// What is read of an object's metadata.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Metadata {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) creation_timestamp: Option<String>,
    pub(crate) deletion_timestamp: Option<String>,
    pub(crate) finalizers: Vec<String>,
}

impl Object {
    /// The instance that it belongs to.
    pub(crate) fn instance(&self) -> Option<&str> {
        self.metadata.labels.get(INSTANCE_LABEL).map(String::as_str)
    }

    /// It is going away.
    pub(crate) fn is_going(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
    }

    /// A condition of its status is true.
    pub(crate) fn has_condition(&self, name: &str) -> bool {
        let conditions = self.status["conditions"].as_array().into_iter().flatten();
        conditions.clone().any(|found| found["type"] == name && found["status"] == "True")
    }
}

/// What is read of an event.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Event {
    pub(crate) reason: String,
    pub(crate) message: String,
    pub(crate) involved_object: Involved,
    last_timestamp: Option<String>,
    event_time: Option<String>,
    series: Option<Series>,
    metadata: Metadata,
}

/// One event for many of a kind.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Series {
    last_observed_time: Option<String>,
}

impl Event {
    /// When it happened last. Who records events fills in one of several fields.
    pub(crate) fn at(&self) -> Option<&str> {
        let series = self.series.as_ref().and_then(|series| series.last_observed_time.as_ref());
        series
            .or(self.last_timestamp.as_ref())
            .or(self.event_time.as_ref())
            .or(self.metadata.creation_timestamp.as_ref())
            .map(String::as_str)
    }
}

/// Whom an event is about.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Involved {
    pub(crate) kind: String,
    pub(crate) name: String,
}

#[derive(Deserialize)]
struct Page<T> {
    #[serde(default = "Vec::new")]
    items: Vec<T>,
    #[serde(default)]
    metadata: PageMetadata,
}

#[derive(Default, Deserialize)]
struct PageMetadata {
    #[serde(default, rename = "continue")]
    next: Option<String>,
}

impl Answers {
    pub(super) fn new(ctx: &Context) -> Self {
        let cluster = |path: &str| lazy(list::<Object>(ctx.clone(), path.to_owned(), false));
        let own = |path: &str| lazy(list::<Object>(ctx.clone(), path.to_owned(), true));
        let labelled = |path: &str| {
            lazy(list::<Object>(
                ctx.clone(),
                format!("{path}?labelSelector={APP_LABEL}%3D{APP}"),
                true,
            ))
        };
        Self {
            target: lazy({
                let ctx = ctx.clone();
                async move { ctx.kube_target().await }
            }),
            version: lazy(version(ctx.clone())),
            namespace: lazy(namespace(ctx.clone())),
            nodes: cluster("/api/v1/nodes"),
            classes: cluster("/apis/storage.k8s.io/v1/storageclasses"),
            quotas: own("/api/v1/@/resourcequotas"),
            events: lazy(list::<Event>(
                ctx.clone(),
                "/api/v1/@/events?fieldSelector=type%3DWarning".to_owned(),
                true,
            )),
            stateful_sets: labelled("/apis/apps/v1/@/statefulsets"),
            services: labelled("/api/v1/@/services"),
            claims: labelled("/api/v1/@/persistentvolumeclaims"),
            pods: labelled("/api/v1/@/pods"),
            ctx: ctx.clone(),
        }
    }

    /// Whether this user may do something in the namespace.
    ///
    /// # Errors
    /// When the API server cannot be asked.
    pub(crate) async fn may(&self, group: &str, resource: &str, verb: &str) -> Result<bool> {
        let target = self.target.clone().await?;
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {
                "namespace": target.namespace, "group": group, "resource": resource, "verb": verb,
            }},
        });
        let request = http::Request::post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews")
            .header("content-type", "application/json")
            .body(serde_json::to_vec(&review)?)
            .map_err(|error| Error::plugin("a request could not be made").cause(error))?;
        let answer: Value = ask(&self.ctx, request).await?;
        Ok(answer["status"]["allowed"] == true)
    }
}

async fn version(ctx: Context) -> Result<Version> {
    let ask = async || {
        let begun = Instant::now();
        let mut version: Version = get(&ctx, "/version").await?;
        version.took_ms = begun.elapsed().as_secs_f64() * 1000.0;
        Ok(version)
    };
    quickest(ask, |version| version.took_ms).await
}

async fn namespace(ctx: Context) -> Result<Object> {
    let target = ctx.kube_target().await?;
    get(&ctx, &format!("/api/v1/namespaces/{}", target.namespace)).await
}

/// All objects of a list, page by page; `@` in the path stands for the namespace's own.
async fn list<T: DeserializeOwned>(ctx: Context, path: String, namespaced: bool) -> Result<Vec<T>> {
    let path = if namespaced {
        let target = ctx.kube_target().await?;
        path.replace('@', &format!("namespaces/{}", target.namespace))
    } else {
        path
    };
    let mut all = Vec::new();
    let mut next: Option<String> = None;
    loop {
        let sign = if path.contains('?') { '&' } else { '?' };
        let mut page = format!("{path}{sign}limit=1000");
        if let Some(token) = &next {
            page.push_str(&format!("&continue={}", escaped(token)));
        }
        let page: Page<T> = get(&ctx, &page).await?;
        all.extend(page.items);
        next = page.metadata.next.filter(|token| !token.is_empty());
        if next.is_none() {
            return Ok(all);
        }
    }
}

/// A token as a part of a query.
fn escaped(token: &str) -> String {
    let mut text = String::with_capacity(token.len());
    for byte in token.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// Objects as they are.
pub(crate) type KubernetesList = Vec<Value>;

/// All objects of a list; `@` in the path stands for the namespace's own.
///
/// # Errors
/// When Kubernetes cannot be asked.
pub(crate) async fn read_list(
    ctx: Context,
    path: String,
    namespaced: bool,
) -> Result<KubernetesList> {
    list(ctx, path, namespaced).await
}

async fn get<T: DeserializeOwned>(ctx: &Context, path: &str) -> Result<T> {
    let request = http::Request::get(path)
        .body(Vec::new())
        .map_err(|error| Error::plugin("a request could not be made").cause(error))?;
    ask(ctx, request).await.map_err(|error| match error.kind {
        ErrorKind::Refused => not_permitted(path),
        _ => error,
    })
}

/// What every user of these checks has to be able to list; without it nothing can be said.
const NEEDED: [&str; 4] = ["statefulsets", "services", "persistentvolumeclaims", "pods"];

/// The message of what a user may do without: the checks that want it are skipped.
const NOT_PERMITTED: &str = "not permitted";

/// That this user lacks a right, by its verb and resource.
fn not_permitted(path: &str) -> Error {
    let path = path.split('?').next().unwrap_or_default();
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    // `/api/v1/namespaces/NAME` is one object, and so is what lies below a resource by its name.
    let (verb, resource) = match parts.as_slice() {
        [.., "namespaces", _] => ("get", "namespaces"),
        [.., resource] => ("list", *resource),
        [] => ("get", "/"),
    };
    let place = match parts.as_slice() {
        [.., "namespaces", namespace, _] => format!(" in namespace `{namespace}`"),
        _ => String::new(),
    };
    let right = format!("needs `{verb}` on `{resource}`{place}");
    let message =
        if NEEDED.contains(&resource) { "Kubernetes forbids the request" } else { NOT_PERMITTED };
    Error::unavailable(message)
        .cause(right)
        .retryable(false)
        .hint("see `kubectl auth can-i --list`")
}

async fn ask<T: DeserializeOwned>(ctx: &Context, request: http::Request<Vec<u8>>) -> Result<T> {
    let client = ctx.kube().await?;
    let answered = tokio::time::timeout(QUESTION, client.request::<T>(request)).await;
    let answered = answered.map_err(|_| {
        Error::timed_out(format!("Kubernetes did not answer within {} s", QUESTION.as_secs()))
    })?;
    answered.map_err(own_error)
}

/// The host's own error, where there was no response; else Kubernetes'.
fn own_error(error: kube::Error) -> Error {
    if let kube::Error::Service(inner) = &error
        && let Some(own) = inner.downcast_ref::<Error>()
    {
        return own.clone();
    }
    if let kube::Error::Api(status) = &error
        && status.code == 403
    {
        return Error::refused(status.message.clone());
    }
    Error::from(error)
}

/// Whether an error says that this user lacks a right that it need not have.
pub(crate) fn is_not_permitted(error: &Error) -> bool {
    error.message == NOT_PERMITTED
}

#[cfg(test)]
mod tests {
    use super::{Object, escaped, is_not_permitted, not_permitted};
    use serde_json::json;

    #[test]
    fn a_token_passes_through_a_query() {
        assert_eq!(escaped("a+b/c=="), "a%2Bb%2Fc%3D%3D");
    }

    #[test]
    fn a_missing_right_is_named() {
        for (path, right, may_be_missing) in [
            ("/api/v1/nodes?limit=1000", "needs `list` on `nodes`", true),
            ("/api/v1/namespaces/toygres", "needs `get` on `namespaces`", true),
            (
                "/api/v1/namespaces/toygres/events?fieldSelector=type%3DWarning",
                "needs `list` on `events` in namespace `toygres`",
                true,
            ),
            (
                "/apis/apps/v1/namespaces/toygres/statefulsets?labelSelector=app",
                "needs `list` on `statefulsets` in namespace `toygres`",
                false,
            ),
        ] {
            let error = not_permitted(path);
            assert_eq!(error.causes, [right]);
            assert_eq!(is_not_permitted(&error), may_be_missing, "{path}");
        }
    }

    #[test]
    fn objects_of_any_kind_are_read() {
        let pod: Object = serde_json::from_value(json!({
            "metadata": {"name": "a-0", "labels": {"instance": "a"}, "uid": "x"},
            "status": {"conditions": [{"type": "Ready", "status": "True"}]},
        }))
        .unwrap();
        assert_eq!(pod.instance(), Some("a"));
        assert!(pod.has_condition("Ready") && !pod.has_condition("Gone") && !pod.is_going());
        assert!(!Object::default().has_condition("Ready"));
    }
}
