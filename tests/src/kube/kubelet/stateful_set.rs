//! The controller of stateful sets: one pod for each, and the status.

use super::knobs::Trouble;
use super::{Cluster, Reconciled, settled, unless_gone};
use crate::Result;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, ObjectMeta, Patch, PatchParams, PostParams};
use kube::core::Resource as _;
use kube::runtime::controller::Action;
use serde_json::{Value, json};
use std::sync::Arc;

/// The name of a set's only pod.
pub(super) fn pod_name(set: &str) -> String {
    format!("{set}-0")
}

pub(super) async fn reconcile(set: Arc<StatefulSet>, cluster: Arc<Cluster>) -> Reconciled {
    let namespace = set.metadata.namespace.as_deref().unwrap_or_default();
    let sets: Api<StatefulSet> = Api::namespaced(cluster.client.clone(), namespace);
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
    let name = set.metadata.name.as_deref().unwrap_or_default();
    let pod = pods.get_opt(&pod_name(name)).await?;
    if set.metadata.deletion_timestamp.is_some() {
        return finish(&sets, &set, pod.is_some()).await;
    }
    let wanted = set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1) > 0;
    let (ready, action) = match &pod {
        None if wanted => {
            create(&pods, &set).await?;
            (false, Action::await_change())
        }
        None => (false, Action::await_change()),
        Some(pod) if pod.metadata.deletion_timestamp.is_some() => (false, Action::await_change()),
        Some(pod) if !wanted || !is_up_to_date(pod, &set) => {
            let name = pod.metadata.name.as_deref().unwrap_or_default();
            unless_gone(pods.delete(name, &DeleteParams::default()).await)?;
            (false, Action::await_change())
        }
        Some(pod) => run(&pods, pod, name, &cluster).await?,
    };
    report(&sets, &set, pod.is_some(), ready).await?;
    Ok(action)
}

/// What a set that is being deleted waits for: with `Foreground`, that its pod is gone.
async fn finish(sets: &Api<StatefulSet>, set: &StatefulSet, has_pod: bool) -> Reconciled {
    let finalizers = set.metadata.finalizers.clone().unwrap_or_default();
    let kept: Vec<_> = finalizers
        .iter()
        .filter(|&finalizer| match finalizer.as_str() {
            "foregroundDeletion" => has_pod,
            "orphan" => false,
            _ => true,
        })
        .collect();
    if kept.len() < finalizers.len() {
        let change = json!({ "metadata": { "finalizers": kept } });
        let name = set.metadata.name.as_deref().unwrap_or_default();
        unless_gone(sets.patch(name, &PatchParams::default(), &Patch::Merge(change)).await)?;
    }
    settled()
}

/// Makes the pod of a set, on a node already.
async fn create(pods: &Api<Pod>, set: &StatefulSet) -> Result<(), kube::Error> {
    let Some(template) = set.spec.as_ref().map(|spec| &spec.template) else { return Ok(()) };
    let name = pod_name(set.metadata.name.as_deref().unwrap_or_default());
    let of_template = template.metadata.clone().unwrap_or_default();
    let metadata = ObjectMeta {
        name: Some(name.clone()),
        labels: of_template.labels,
        annotations: of_template.annotations,
        owner_references: set.controller_owner_ref(&()).map(|owner| vec![owner]),
        ..ObjectMeta::default()
    };
    let mut spec = template.spec.clone().unwrap_or_default();
    spec.node_name = Some("test".to_owned());
    spec.hostname = Some(name);
    let pod = Pod { metadata, spec: Some(spec), status: None };
    match pods.create(&PostParams::default(), &pod).await {
        // The next change tells of the one that is there.
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
        // The set or its namespace goes at this moment.
        Err(kube::Error::Api(status)) if matches!(status.code, 403 | 404) => Ok(()),
        created => created.map(drop),
    }
}

/// Whether a pod is this set's, of its present template. What a template may change is the image.
fn is_up_to_date(pod: &Pod, set: &StatefulSet) -> bool {
    let owners = pod.metadata.owner_references.as_deref().unwrap_or_default();
    let owned = owners.iter().any(|owner| Some(&owner.uid) == set.metadata.uid.as_ref());
    let images = |spec: Option<&k8s_openapi::api::core::v1::PodSpec>| {
        let containers = spec.map(|spec| spec.containers.clone()).unwrap_or_default();
        containers.into_iter().map(|container| container.image).collect::<Vec<_>>()
    };
    let template = set.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
    owned && images(pod.spec.as_ref()) == images(template)
}

/// Lets the pod run as the knobs want it; answers whether it is ready.
async fn run(
    pods: &Api<Pod>,
    pod: &Pod,
    set: &str,
    cluster: &Cluster,
) -> Result<(bool, Action), kube::Error> {
    let (trouble, delay) = cluster.knobs.of(set);
    let uid = pod.metadata.uid.as_deref().unwrap_or_default();
    let left = delay.saturating_sub(cluster.knobs.age(uid));
    let starting = Some(Trouble::Held).filter(|_| !left.is_zero() && !is_ready(pod));
    let trouble = trouble.or(starting);
    let status = status(pod, trouble);
    if !has_status(pod, &status) {
        let change = json!({ "status": status });
        let name = pod.metadata.name.as_deref().unwrap_or_default();
        unless_gone(pods.patch_status(name, &PatchParams::default(), &Patch::Merge(change)).await)?;
    }
    let action = if starting.is_some() { Action::requeue(left) } else { Action::await_change() };
    Ok((trouble.is_none(), action))
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_deref());
    conditions.unwrap_or_default().iter().any(|it| it.type_ == "Ready" && it.status == "True")
}

/// The status of a pod whose containers are in this trouble, or none.
fn status(pod: &Pod, trouble: Option<Trouble>) -> Value {
    let ready = trouble.is_none();
    let truth = if ready { "True" } else { "False" };
    let since = pod.metadata.creation_timestamp.clone();
    let state = match trouble {
        None => json!({ "running": { "startedAt": since } }),
        Some(Trouble::Held) => json!({ "waiting": { "reason": "ContainerCreating" } }),
        Some(Trouble::NoImage) => json!({ "waiting": {
            "reason": "ErrImagePull",
            "message": "the image cannot be pulled: manifest unknown",
        } }),
    };
    let containers = pod.spec.as_ref().map(|spec| spec.containers.as_slice()).unwrap_or_default();
    let condition = |name: &str, status: &str| json!({ "type": name, "status": status, "lastTransitionTime": since });
    json!({
        "phase": if ready { "Running" } else { "Pending" },
        "podIP": "127.0.0.1",
        "hostIP": "127.0.0.1",
        "startTime": since,
        "conditions": [
            condition("PodScheduled", "True"),
            condition("Initialized", "True"),
            condition("ContainersReady", truth),
            condition("Ready", truth),
        ],
        "containerStatuses": containers.iter().map(|container| json!({
            "name": container.name,
            "image": container.image,
            "imageID": "",
            "ready": ready,
            "started": ready,
            "restartCount": 0,
            "state": state,
        })).collect::<Vec<_>>(),
    })
}

/// Whether the pod is in this state already, so far as anybody can tell.
fn has_status(pod: &Pod, wanted: &Value) -> bool {
    let now = serde_json::to_value(&pod.status).unwrap_or_default();
    let state = |status: &Value| {
        let container = &status["containerStatuses"][0]["state"];
        let waiting = container["waiting"]["reason"].clone();
        (status["phase"].clone(), waiting, !container["running"].is_null())
    };
    state(&now) == state(wanted)
}

/// Tells in the set's status what is known of its pod.
async fn report(
    sets: &Api<StatefulSet>,
    set: &StatefulSet,
    has_pod: bool,
    ready: bool,
) -> Result<(), kube::Error> {
    let count = i32::from(has_pod);
    let status = set.status.clone().unwrap_or_default();
    let known = (status.replicas, status.ready_replicas.unwrap_or(0), status.observed_generation);
    if known == (count, i32::from(ready), set.metadata.generation) {
        return Ok(());
    }
    let change = json!({ "status": {
        "observedGeneration": set.metadata.generation,
        "replicas": count,
        "currentReplicas": count,
        "updatedReplicas": count,
        "readyReplicas": i32::from(ready),
        "availableReplicas": i32::from(ready),
    } });
    let name = set.metadata.name.as_deref().unwrap_or_default();
    unless_gone(sets.patch_status(name, &PatchParams::default(), &Patch::Merge(change)).await)?;
    Ok(())
}
