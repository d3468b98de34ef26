//! Events: what happened to an object, as `kubectl describe` tells it.

use super::objects::Objects;
use crate::kube::object::{name, namespace, now, number, text, uid};
use crate::kube::resource::EVENT;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Events are kept so long.
const KEPT: jiff::SignedDuration = jiff::SignedDuration::from_hours(1);

/// Object, reason and message: the same again is counted instead of written again.
type Same = (String, String, String);

/// Writes events.
#[derive(Debug, Clone)]
pub(super) struct Events {
    objects: Objects,
    names: Arc<Mutex<HashMap<Same, String>>>,
}

impl Events {
    pub(super) fn new(objects: Objects) -> Self {
        Self { objects, names: Arc::default() }
    }

    /// Something went as it should.
    pub(super) async fn normal(&self, object: &Value, reason: &str, message: &str) {
        self.record(object, "Normal", reason, message).await;
    }

    /// Something did not.
    pub(super) async fn warning(&self, object: &Value, reason: &str, message: &str) {
        self.record(object, "Warning", reason, message).await;
    }

    async fn record(&self, object: &Value, kind: &str, reason: &str, message: &str) {
        let same = (uid(object).to_owned(), reason.to_owned(), message.to_owned());
        let known = self.lock().get(&same).cloned();
        if let Some(known) = known
            && self.count(namespace(object), &known).await
        {
            return;
        }
        let event = event(object, kind, reason, message);
        self.lock().insert(same, name(&event).to_owned());
        // An event that is lost must not stop what it tells.
        let _lost = self.objects.create(&EVENT, event).await;
    }

    /// Counts one more of an event that is there; false where it is gone.
    async fn count(&self, namespace: &str, name: &str) -> bool {
        let counted = self.objects.change(&EVENT, namespace, name, |event| {
            event["count"] = (number(event, "/count").unwrap_or(1) + 1).into();
            event["lastTimestamp"] = now().into();
            true
        });
        counted.await.is_ok_and(|event| event.is_some())
    }

    /// Removes old ones.
    pub(super) async fn expire(&self) {
        let limit = jiff::Timestamp::now() - KEPT;
        for event in self.objects.list(&EVENT) {
            let last = text(&event, "/lastTimestamp").parse::<jiff::Timestamp>();
            if last.is_ok_and(|last| last < limit) {
                self.lock().retain(|_, known| known != name(&event));
                // What stays now goes the next time.
                let _left = self.objects.delete(&EVENT, &event, None).await;
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Same, String>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn event(object: &Value, kind: &str, reason: &str, message: &str) -> Value {
    // By name is by time, also within a second.
    let id = jiff::Timestamp::now().as_nanosecond();
    let component = match text(object, "/kind") {
        "Pod" => "kubelet",
        "StatefulSet" => "statefulset-controller",
        _ => "persistentvolume-controller",
    };
    json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": format!("{}.{id:x}", name(object)),
            "namespace": namespace(object),
        },
        "involvedObject": {
            "apiVersion": text(object, "/apiVersion"),
            "kind": text(object, "/kind"),
            "namespace": namespace(object),
            "name": name(object),
            "uid": uid(object),
            "resourceVersion": text(object, "/metadata/resourceVersion"),
        },
        "type": kind,
        "reason": reason,
        "message": message,
        "count": 1,
        "firstTimestamp": now(),
        "lastTimestamp": now(),
        "source": { "component": component, "host": super::NODE },
        "reportingComponent": component,
        "reportingInstance": super::NODE,
    })
}
