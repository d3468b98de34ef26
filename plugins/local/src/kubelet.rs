//! What a cluster does with its objects: pods run, StatefulSets have pods, claims have folders and
//! Services have ports.
//!
//! A pod is a `postgres` process of this machine that outlives the daemon: the next one takes it
//! over, with its connections.

mod claims;
mod environment;
mod events;
mod image;
mod logs;
mod objects;
mod plan;
mod ports;
mod queue;
mod services;
mod sets;
mod view;
mod worker;

pub(crate) use plan::DATA;

use crate::daemon::Log;
use crate::folders::Folders;
use crate::kube::object::{as_map, items, map, name, namespace, number, text, uid};
use crate::kube::resource::{self, POD, SERVICE};
use crate::kube::{ApiServer, NODE};
use crate::postgres::Installed;
use crate::process::account::Account;
use events::Events;
use objects::Objects;
use ports::{Ports, labels};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use toygres_plugin_api::Result;

/// The annotation that says where a pod listens.
const PORT_NAME: &str = "toygres.dev/port";

/// Its place in a pod.
const PORT: &str = "/metadata/annotations/toygres.dev~1port";

/// The annotation of the node that says which major versions of PostgreSQL are installed.
const VERSIONS: &str = "toygres.dev/postgres-versions";

/// What all who look after objects share.
#[derive(Debug)]
struct Shared {
    objects: Objects,
    events: Events,
    ports: Arc<Ports>,
    folders: Folders,
    installed: Installed,
    account: Option<Account>,
    log: Log,
    /// Pods have no process; all Services lead to one server.
    light: bool,
    stop: CancellationToken,
}

impl Shared {
    /// The folder with the logs of a pod's containers.
    fn logs_of(&self, pod: &Value) -> PathBuf {
        let folder = format!("{}_{}_{}", namespace(pod), name(pod), uid(pod));
        self.folders.logs().join("pods").join(folder)
    }
}

/// Looks after the objects of an API server.
#[derive(Debug)]
pub(crate) struct Kubelet {
    shared: Arc<Shared>,
    api: ApiServerHandle,
}

/// How one pod is, for `local status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PodStatus {
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// `running`, `pending`, … or why it waits.
    pub(crate) state: String,
    pub(crate) ready: bool,
    pub(crate) pid: Option<i32>,
    pub(crate) port: Option<u16>,
    pub(crate) restarts: i64,
    pub(crate) since: Option<String>,
}

struct ApiServerHandle(ApiServer);

impl std::fmt::Debug for ApiServerHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ApiServer")
    }
}

impl Kubelet {
    /// Takes over the objects as they are: ports are known again and no pod is called ready that is
    /// not. Nothing runs yet.
    pub(crate) async fn new(
        api: ApiServer,
        folders: Folders,
        installed: Installed,
        account: Option<Account>,
        log: Log,
        light: Option<u16>,
    ) -> Result<Self> {
        let objects = Objects::new(api.clone());
        let ports = Arc::new(Ports::new(light));
        for service in objects.list(&SERVICE) {
            let selector = labels(service.pointer("/spec/selector"));
            if let Some(port) = services::port_of(&service).filter(|_| !selector.is_empty()) {
                ports.remember(namespace(&service), selector, port);
            }
        }
        let shared = Arc::new(Shared {
            events: Events::new(objects.clone()),
            objects,
            ports: ports.clone(),
            folders,
            installed,
            account,
            log,
            light: light.is_some(),
            stop: CancellationToken::new(),
        });
        api.set_admission(Arc::new(services::LoadBalancer(ports)));
        api.set_logs(Arc::new(logs::Logs(shared.clone())));
        let kubelet = Self { shared, api: ApiServerHandle(api) };
        kubelet.forget_readiness().await?;
        kubelet.tell_versions().await?;
        Ok(kubelet)
    }

    /// Looks after everything until [`Kubelet::stop`], and then until no pod runs any more.
    pub(crate) async fn run(&self) {
        queue::run(&self.shared, &self.api.0).await;
    }

    /// Lets it stop all pods. Their objects stay.
    pub(crate) fn stop(&self) {
        self.shared.stop.cancel();
    }

    /// Becomes another number when pods may have changed.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.shared.objects.changes()
    }

    /// How each pod is.
    pub(crate) fn pods(&self) -> Vec<PodStatus> {
        self.shared.objects.list(&POD).iter().map(|pod| status(pod)).collect()
    }

    /// Says on the node which major versions of PostgreSQL its pods can have.
    async fn tell_versions(&self) -> Result<()> {
        let majors: Vec<String> =
            self.shared.installed.majors().iter().map(ToString::to_string).collect();
        let said = majors.join(",");
        let told = self.shared.objects.change(&resource::NODE, "", NODE, |node| {
            let path = format!("/metadata/annotations/{}", VERSIONS.replace('/', "~1"));
            if text(node, &path) == said {
                return false;
            }
            as_map(map(map(node, "metadata"), "annotations"))
                .insert(VERSIONS.to_owned(), said.as_str().into());
            true
        });
        told.await.map(drop)
    }

    /// Nobody has asked these processes yet whether they still serve.
    async fn forget_readiness(&self) -> Result<()> {
        let objects = &self.shared.objects;
        for pod in objects.list(&POD) {
            let changed = objects.change_status(&POD, namespace(&pod), name(&pod), |pod| {
                let ready = sets::is_ready(pod);
                for condition in pod
                    .pointer_mut("/status/conditions")
                    .and_then(Value::as_array_mut)
                    .into_iter()
                    .flatten()
                    .filter(|it| ["Ready", "ContainersReady"].contains(&text(it, "/type")))
                {
                    condition["status"] = "False".into();
                }
                let containers = pod.pointer_mut("/status/containerStatuses");
                for container in containers.and_then(Value::as_array_mut).into_iter().flatten() {
                    container["ready"] = false.into();
                }
                ready
            });
            changed.await?;
        }
        Ok(())
    }
}

/// `CrashLoopBackOff` becomes `crash_loop_back_off`.
fn snake(reason: &str) -> String {
    let mut snake = String::new();
    for letter in reason.chars() {
        if letter.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

fn status(pod: &Value) -> PodStatus {
    let containers = items(pod, "/status/containerStatuses");
    let main = containers.iter().find(|it| it.pointer("/state/running").is_some());
    let waiting = containers.iter().map(|it| text(it, "/state/waiting/reason"));
    let why = waiting.into_iter().find(|reason| !reason.is_empty());
    let phase = text(pod, "/status/phase");
    let state = if crate::kube::object::is_terminating(pod) {
        "Terminating"
    } else {
        why.unwrap_or(if phase.is_empty() { "Pending" } else { phase })
    };
    let id = main.map(|it| text(it, "/containerID")).unwrap_or_default();
    let since = main.map(|it| text(it, "/state/running/startedAt").to_owned());
    let pid = id.strip_prefix("process://").and_then(|pid| pid.parse().ok());
    PodStatus {
        namespace: namespace(pod).to_owned(),
        name: name(pod).to_owned(),
        state: snake(state),
        ready: sets::is_ready(pod),
        pid: pid.filter(|pid| *pid > 0),
        port: text(pod, PORT).parse().ok(),
        restarts: containers
            .iter()
            .filter_map(|it| number(it, "/restartCount"))
            .max()
            .unwrap_or_default(),
        since,
    }
}
