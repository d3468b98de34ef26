//! PersistentVolumeClaims: each gets a folder, which goes with it once no pod uses it.

use super::{Shared, plan};
use crate::files;
use crate::kube::object::{is_terminating, items, map, name, namespace, text, uid};
use crate::kube::resource::{CLAIM, POD};
use serde_json::{Value, json};
use toygres_plugin_api::Result;

/// Keeps a claim until no pod uses it.
const PROTECTION: &str = "kubernetes.io/pvc-protection";

/// Binds a claim that is new; removes the folder of one that is going.
pub(super) async fn reconcile(shared: &Shared, space: &str, claim: &str) -> Result<()> {
    let Some(claim) = shared.objects.get(&CLAIM, space, claim) else { return Ok(()) };
    if is_terminating(&claim) {
        return release(shared, &claim).await;
    }
    if !is_protected(&claim) {
        let protected = shared.objects.change(&CLAIM, space, name(&claim), |claim| {
            if is_terminating(claim) || is_protected(claim) {
                return false;
            }
            let metadata = map(claim, "metadata");
            let mut finalizers = items(metadata, "/finalizers").to_vec();
            finalizers.push(PROTECTION.into());
            metadata["finalizers"] = finalizers.into();
            true
        });
        protected.await?;
    }
    bind(shared, &claim).await
}

async fn bind(shared: &Shared, claim: &Value) -> Result<()> {
    if text(claim, "/status/phase") == "Bound" {
        return Ok(());
    }
    let folder = shared.folders.volumes().join(namespace(claim));
    let account = shared.account.as_ref();
    files::make_folder(&folder, 0o700, account)?;
    files::make_folder(&folder.join(name(claim)), 0o700, account)?;
    let volume = format!("pvc-{}", uid(claim));
    let named = shared.objects.change(&CLAIM, namespace(claim), name(claim), |claim| {
        if !text(claim, "/spec/volumeName").is_empty() {
            return false;
        }
        map(claim, "spec")["volumeName"] = volume.as_str().into();
        true
    });
    named.await?;
    let bound = shared.objects.change_status(&CLAIM, namespace(claim), name(claim), |claim| {
        let capacity = claim.pointer("/spec/resources/requests").cloned();
        claim["status"] = json!({
            "phase": "Bound",
            "accessModes": items(claim, "/spec/accessModes"),
            "capacity": capacity.unwrap_or_else(|| json!({})),
        });
        true
    });
    bound.await?;
    let message = format!("Successfully provisioned volume {volume}");
    shared.events.normal(claim, "ProvisioningSucceeded", &message).await;
    Ok(())
}

/// Removes the folder, and lets the object go after that.
async fn release(shared: &Shared, claim: &Value) -> Result<()> {
    if !is_protected(claim) || is_used(shared, claim) {
        return Ok(());
    }
    let folder = shared.folders.volumes().join(namespace(claim)).join(name(claim));
    let removed = tokio::task::spawn_blocking(move || files::remove_folder(&folder)).await?;
    if let Err(error) = removed {
        shared.events.warning(claim, "VolumeFailedDelete", &error.message).await;
        return Err(error);
    }
    let let_go = shared.objects.change(&CLAIM, namespace(claim), name(claim), |claim| {
        let metadata = map(claim, "metadata");
        let mut finalizers = items(metadata, "/finalizers").to_vec();
        finalizers.retain(|it| it != PROTECTION);
        metadata["finalizers"] = finalizers.into();
        true
    });
    let_go.await.map(|_| ())
}

fn is_protected(claim: &Value) -> bool {
    items(claim, "/metadata/finalizers").iter().any(|it| it == PROTECTION)
}

/// Whether a pod that is there mounts it.
fn is_used(shared: &Shared, claim: &Value) -> bool {
    shared
        .objects
        .list(&POD)
        .iter()
        .any(|pod| namespace(pod) == namespace(claim) && plan::claims(pod).contains(&name(claim)))
}
