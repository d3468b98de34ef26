//! The end of pods: the kubelet's share of a deletion, and the garbage collector.

use super::{Cluster, Reconciled, settled, unless_gone};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams};
use std::sync::Arc;

pub(super) async fn reconcile(pod: Arc<Pod>, cluster: Arc<Cluster>) -> Reconciled {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
    let ending = pod.metadata.deletion_timestamp.is_some();
    if ending || is_orphan(&pod, &cluster).await? {
        // Its containers have ended at once, there being none.
        unless_gone(pods.delete(name, &DeleteParams::default().grace_period(0)).await)?;
    }
    settled()
}

/// Whether the stateful set that owns the pod is no more.
async fn is_orphan(pod: &Pod, cluster: &Cluster) -> Result<bool, kube::Error> {
    let owners = pod.metadata.owner_references.as_deref().unwrap_or_default();
    let Some(owner) = owners.iter().find(|owner| owner.kind == "StatefulSet") else {
        return Ok(false);
    };
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let sets: Api<StatefulSet> = Api::namespaced(cluster.client.clone(), namespace);
    let Some(set) = sets.get_opt(&owner.name).await? else { return Ok(true) };
    let finalizers = set.metadata.finalizers.as_deref().unwrap_or_default();
    let foreground = finalizers.iter().any(|finalizer| finalizer == "foregroundDeletion");
    Ok(set.metadata.uid.as_ref() != Some(&owner.uid) || foreground)
}
