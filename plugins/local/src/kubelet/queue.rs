//! Who has to look at what: every change of an object wakes those that it concerns.

use super::ports::labels;
use super::worker::Worker;
use super::{Shared, claims, plan, sets};
use crate::kube::object::{items, name, namespace, text, uid};
use crate::kube::resource::{
    CLAIM, CONFIG_MAP, POD, Resource, SECRET, SERVICE, STATEFUL_SET, STORAGE_CLASS,
};
use crate::kube::{ApiServer, Watch, WatchEvent};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use toygres_plugin_api::Result;

/// What failed is tried again after so long.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// Old events are looked for so often.
const EXPIRE: Duration = Duration::from_secs(300);

/// One thing to look at: a StatefulSet or a claim, by namespace and name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Work {
    Set(String, String),
    Claim(String, String),
}

/// Looks after all objects until everything shall stop, and then until all pods have.
pub(super) async fn run(shared: &Arc<Shared>, api: &ApiServer) {
    let watched: [&'static Resource; 7] =
        [&STATEFUL_SET, &POD, &CLAIM, &SERVICE, &SECRET, &CONFIG_MAP, &STORAGE_CLASS];
    let [mut sets, mut pods, mut claims, mut services, mut secrets, mut maps, mut classes] =
        watched.map(|resource| api.watch(resource, None));
    let mut queue = Queue::new(shared.clone());
    let mut expiry = tokio::time::interval(EXPIRE);
    loop {
        tokio::select! {
            () = shared.stop.cancelled() => break,
            event = sets.next() => queue.sets(event),
            event = pods.next() => queue.pods(event),
            event = claims.next() => queue.claims(event),
            event = services.next() => queue.services(&event),
            _ = classes.next() => queue.unbound_claims(),
            _ = changed(&mut secrets, &mut maps) => {}
            Some(done) = queue.running.join_next() => queue.done(done.ok()),
            _ = expiry.tick() => {
                let events = shared.events.clone();
                queue.others.spawn(async move { events.expire().await });
            }
            Some(_) = queue.others.join_next() => {}
        }
        queue.start();
        shared.objects.tell();
    }
    queue.finish().await;
}

async fn changed(secrets: &mut Watch, maps: &mut Watch) -> WatchEvent {
    tokio::select! {
        event = secrets.next() => event,
        event = maps.next() => event,
    }
}

/// Objects that somebody has to look at. No two look at the same one at a time.
struct Queue {
    shared: Arc<Shared>,
    waiting: HashSet<Work>,
    busy: HashSet<Work>,
    running: JoinSet<(Work, Result<()>)>,
    /// Pods by their unique id.
    pods: HashMap<String, watch::Sender<Arc<Value>>>,
    workers: JoinSet<()>,
    others: JoinSet<()>,
}

impl Queue {
    fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            waiting: HashSet::new(),
            busy: HashSet::new(),
            running: JoinSet::new(),
            pods: HashMap::new(),
            workers: JoinSet::new(),
            others: JoinSet::new(),
        }
    }

    fn sets(&mut self, event: WatchEvent) {
        for set in objects(event).0 {
            self.waiting.insert(Work::Set(namespace(&set).to_owned(), name(&set).to_owned()));
        }
    }

    fn claims(&mut self, event: WatchEvent) {
        for claim in objects(event).0 {
            self.waiting.insert(Work::Claim(namespace(&claim).to_owned(), name(&claim).to_owned()));
        }
    }

    /// A claim may have waited for a storage class.
    fn unbound_claims(&mut self) {
        let claims = self.shared.objects.list(&CLAIM);
        for claim in claims.iter().filter(|claim| text(claim, "/status/phase") != "Bound") {
            self.waiting.insert(Work::Claim(namespace(claim).to_owned(), name(claim).to_owned()));
        }
    }

    /// A pod concerns its worker, its set, and its claims once it is gone.
    fn pods(&mut self, event: WatchEvent) {
        let all = matches!(event, WatchEvent::Started(_));
        let (pods, gone) = objects(event);
        if all {
            let there: HashSet<&str> = pods.iter().map(|pod| uid(pod)).collect();
            self.pods.retain(|id, _| there.contains(id.as_str()));
        }
        for pod in pods {
            let space = namespace(&pod).to_owned();
            for owner in items(&pod, "/metadata/ownerReferences") {
                self.waiting.insert(Work::Set(space.clone(), text(owner, "/name").to_owned()));
            }
            if gone {
                // The worker sees that and stops what runs.
                self.pods.remove(uid(&pod));
                for claim in plan::claims(&pod) {
                    self.waiting.insert(Work::Claim(space.clone(), claim.to_owned()));
                }
            } else if let Some(sender) = self.pods.get(uid(&pod)) {
                sender.send_replace(pod);
            } else {
                let (sender, receiver) = watch::channel(pod.clone());
                self.pods.insert(uid(&pod).to_owned(), sender);
                self.workers.spawn(Worker::new(self.shared.clone(), receiver).run());
            }
        }
    }

    /// The port of a Service that is gone is free, unless another one has the same selector.
    fn services(&mut self, event: &WatchEvent) {
        let WatchEvent::Deleted(service) = event else { return };
        let selector = |service: &Value| labels(service.pointer("/spec/selector"));
        let shared = self.shared.objects.list(&SERVICE).iter().any(|other| {
            namespace(other) == namespace(service) && selector(other) == selector(service)
        });
        if !shared {
            self.shared.ports.forget_service(namespace(service), selector(service));
        }
    }

    /// Begins what can be done.
    fn start(&mut self) {
        let ready: Vec<Work> = self.waiting.difference(&self.busy).cloned().collect();
        for work in ready {
            self.waiting.remove(&work);
            self.busy.insert(work.clone());
            let shared = self.shared.clone();
            self.running.spawn(async move {
                let done = match &work {
                    Work::Set(space, set) => sets::reconcile(&shared, space, set).await,
                    Work::Claim(space, claim) => claims::reconcile(&shared, space, claim).await,
                };
                if let Err(error) = &done {
                    shared.log.error(&format!("{work:?}"), error);
                    tokio::time::sleep(TRY_AGAIN).await;
                }
                (work, done)
            });
        }
        while self.workers.try_join_next().is_some() {}
    }

    fn done(&mut self, done: Option<(Work, Result<()>)>) {
        let Some((work, done)) = done else { return };
        self.busy.remove(&work);
        if done.is_err() {
            self.waiting.insert(work);
        }
    }

    /// Waits until all pods have stopped.
    async fn finish(mut self) {
        self.running.shutdown().await;
        self.others.shutdown().await;
        // They have heard it themselves; the senders stay, so that no pod seems to be gone.
        while self.workers.join_next().await.is_some() {}
        drop(self.pods);
    }
}

/// The objects of an event, and whether they are gone.
fn objects(event: WatchEvent) -> (Vec<Arc<Value>>, bool) {
    match event {
        WatchEvent::Started(objects) => (objects, false),
        WatchEvent::Applied(object) => (vec![object], false),
        WatchEvent::Deleted(object) => (vec![object], true),
    }
}
