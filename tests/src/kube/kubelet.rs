//! The parts of a cluster that an API server alone lacks and that the control plane waits for.
//!
//! It plays the controllers of stateful sets, claims and namespaces, the kubelet, the garbage
//! collector and the load balancer, each from watches as the real ones do. No container runs: every
//! service leads to one real PostgreSQL.

mod claim;
mod knobs;
mod namespace;
mod pod;
mod postgres;
mod service;
mod stateful_set;

pub use postgres::open_postgres;

use super::client;
use crate::Result;
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Namespace, PersistentVolumeClaim, Pod, Service};
use knobs::Knobs;
use kube::runtime::controller::{Action, Controller};
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher::Config;
use kube::{Api, Client};
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// After a conflict or another failure, a part tries again.
const AGAIN: Duration = Duration::from_millis(100);

/// What all parts share.
pub(crate) struct Cluster {
    client: Client,
    /// The port of the PostgreSQL that every service leads to.
    port: u16,
    knobs: Arc<Knobs>,
}

/// One part that is running.
type Part = Pin<Box<dyn Future<Output = ()>>>;

/// What a part answers: when to look again, beside at every change.
type Reconciled = Result<Action, kube::Error>;

/// The parts at work on one API server. They stop with this value.
#[derive(Debug)]
pub struct Kubelet {
    knobs: Arc<Knobs>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Kubelet {
    /// Starts the parts on the API server of a kubeconfig whose user may do everything. Services
    /// lead to the PostgreSQL on this port of 127.0.0.1.
    ///
    /// # Errors
    /// When the kubeconfig cannot be used.
    pub fn start(kubeconfig: &Path, port: u16) -> Result<Self> {
        let knobs = Arc::new(Knobs::default());
        let (stop, stopped) = oneshot::channel();
        let (started, starting) = std::sync::mpsc::channel();
        let (kubeconfig, given) = (kubeconfig.to_owned(), Arc::clone(&knobs));
        let thread = std::thread::Builder::new().name("kubelet".into()).spawn(move || {
            let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(started.send(Err(error.into()))),
            };
            runtime.block_on(async {
                let client = match client(&kubeconfig).await {
                    Ok(client) => client,
                    Err(error) => return drop(started.send(Err(error))),
                };
                let _waiting = started.send(Ok(()));
                let parts = join_all(parts(&Arc::new(Cluster { client, port, knobs: given })));
                tokio::select! { _ = parts => {}, _ = stopped => {} }
            });
        })?;
        starting.recv()??;
        Ok(Self { knobs, stop: Some(stop), thread: Some(thread) })
    }

    /// The pod of this stateful set does not become ready until [`Kubelet::release`].
    pub fn hold(&self, name: &str) {
        self.knobs.hold(name);
    }

    /// The image of this stateful set cannot be pulled until [`Kubelet::release`].
    pub fn fail_image(&self, name: &str) {
        self.knobs.fail_image(name);
    }

    /// Takes back what [`Kubelet::hold`] or [`Kubelet::fail_image`] did.
    pub fn release(&self, name: &str) {
        self.knobs.release(name);
    }

    /// How long every pod takes from now on from its creation until it is ready.
    pub fn delay(&self, delay: Duration) {
        self.knobs.delay(delay);
    }
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

/// All parts, each a controller over one kind.
fn parts(cluster: &Arc<Cluster>) -> Vec<Part> {
    let client = &cluster.client;
    let sets: Api<StatefulSet> = Api::all(client.clone());
    let pods: Api<Pod> = Api::all(client.clone());
    let every = Config::default;

    let stateful_sets = Controller::new(sets.clone(), every())
        .owns(pods.clone(), every())
        .reconcile_all_on(cluster.knobs.turned())
        .run(stateful_set::reconcile, again, Arc::clone(cluster));
    let of_sets = Controller::new(pods.clone(), every())
        .watches(sets, every(), |set| {
            let namespace = set.metadata.namespace?;
            Some(ObjectRef::new(&stateful_set::pod_name(&set.metadata.name?)).within(&namespace))
        })
        .run(pod::reconcile, again, Arc::clone(cluster));
    let claims = Controller::new(Api::<PersistentVolumeClaim>::all(client.clone()), every())
        .watches(pods, every(), |pod| claim::used_by(&pod))
        .run(claim::reconcile, again, Arc::clone(cluster));
    let services = Controller::new(Api::<Service>::all(client.clone()), every()).run(
        service::reconcile,
        again,
        Arc::clone(cluster),
    );
    let namespaces = Controller::new(Api::<Namespace>::all(client.clone()), every()).run(
        namespace::reconcile,
        again,
        Arc::clone(cluster),
    );

    vec![
        Box::pin(stateful_sets.for_each(ignore)),
        Box::pin(of_sets.for_each(ignore)),
        Box::pin(claims.for_each(ignore)),
        Box::pin(services.for_each(ignore)),
        Box::pin(namespaces.for_each(ignore)),
    ]
}

/// What failed is tried again: a conflict with the control plane is the usual case.
fn again<K>(_object: Arc<K>, _error: &kube::Error, _cluster: Arc<Cluster>) -> Action {
    Action::requeue(AGAIN)
}

/// A run of a part that ended, well or not, needs nothing more.
async fn ignore<T>(_ended: T) {}

/// Nothing to do until the next change.
fn settled() -> Reconciled {
    Ok(Action::await_change())
}

/// Takes an object that is gone already for a success.
fn unless_gone<T>(answer: Result<T, kube::Error>) -> Result<Option<T>, kube::Error> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
        Err(error) => Err(error),
    }
}
