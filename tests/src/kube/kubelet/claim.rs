//! Volumes: a claim is bound at once, and kept as long as a pod uses it.

use super::{Cluster, Reconciled, settled, unless_gone};
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use kube::api::{Api, ListParams, Patch, PatchParams};
use kube::runtime::reflector::ObjectRef;
use serde_json::json;
use std::sync::Arc;

/// What the API server puts on every claim.
const PROTECTION: &str = "kubernetes.io/pvc-protection";

/// The claims that a pod mounts.
pub(super) fn used_by(pod: &Pod) -> Vec<ObjectRef<PersistentVolumeClaim>> {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    claims(pod).map(|name| ObjectRef::new(name).within(namespace)).collect()
}

pub(super) async fn reconcile(
    claim: Arc<PersistentVolumeClaim>,
    cluster: Arc<Cluster>,
) -> Reconciled {
    let namespace = claim.metadata.namespace.as_deref().unwrap_or_default();
    let name = claim.metadata.name.as_deref().unwrap_or_default();
    let api: Api<PersistentVolumeClaim> = Api::namespaced(cluster.client.clone(), namespace);
    if claim.metadata.deletion_timestamp.is_some() {
        let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
        let pods = pods.list(&ListParams::default()).await?;
        if !pods.iter().any(|pod| claims(pod).any(|used| used == name)) {
            let finalizers = claim.metadata.finalizers.clone().unwrap_or_default();
            let kept: Vec<_> = finalizers.iter().filter(|it| *it != PROTECTION).collect();
            if kept.len() < finalizers.len() {
                let change = Patch::Merge(json!({ "metadata": { "finalizers": kept } }));
                unless_gone(api.patch(name, &PatchParams::default(), &change).await)?;
            }
        }
        return settled();
    }
    let phase = claim.status.as_ref().and_then(|status| status.phase.as_deref());
    if phase != Some("Bound") {
        bind(&api, name, &claim).await?;
    }
    settled()
}

async fn bind(
    api: &Api<PersistentVolumeClaim>,
    name: &str,
    claim: &PersistentVolumeClaim,
) -> Result<(), kube::Error> {
    let spec = claim.spec.as_ref();
    if spec.is_some_and(|spec| spec.volume_name.is_none()) {
        let volume = format!("pvc-{}", claim.metadata.uid.as_deref().unwrap_or_default());
        let change = Patch::Merge(json!({ "spec": { "volumeName": volume } }));
        unless_gone(api.patch(name, &PatchParams::default(), &change).await)?;
    }
    let requests = spec.and_then(|spec| spec.resources.as_ref()?.requests.clone());
    let change = Patch::Merge(json!({ "status": {
        "phase": "Bound",
        "accessModes": spec.and_then(|spec| spec.access_modes.clone()),
        "capacity": requests,
    } }));
    unless_gone(api.patch_status(name, &PatchParams::default(), &change).await)?;
    Ok(())
}

fn claims(pod: &Pod) -> impl Iterator<Item = &str> {
    let volumes = pod.spec.as_ref().and_then(|spec| spec.volumes.as_deref()).unwrap_or_default();
    volumes
        .iter()
        .filter_map(|volume| Some(volume.persistent_volume_claim.as_ref()?.claim_name.as_str()))
}
