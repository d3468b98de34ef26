//! PersistentVolumeClaims: each gets a folder, which goes with it. That no pod uses it any more is
//! the API server's care; that nothing of it is left before the object goes is ours.

use super::{DATA, Shared};
use crate::files;
use crate::kube::object::{is_terminating, items, map, name, namespace, text, uid};
use crate::kube::resource::{CLAIM, STORAGE_CLASS};
use crate::postgres::running;
use crate::process::Process;
use serde_json::{Value, json};
use std::time::Duration;
use toygres_plugin_api::Result;

/// Keeps a claim until its folder is gone, so that another one of its name begins with an empty one.
const FOLDER: &str = "toygres.dev/folder";

/// How long a server that no pod owns any more has to end.
const SERVER_GRACE: Duration = Duration::from_secs(10);

/// Binds a claim that is new; removes the folder of one that is going.
pub(super) async fn reconcile(shared: &Shared, space: &str, claim: &str) -> Result<()> {
    let Some(claim) = shared.objects.get(&CLAIM, space, claim) else { return Ok(()) };
    if is_terminating(&claim) {
        return release(shared, &claim).await;
    }
    bind(shared, &claim).await
}

async fn bind(shared: &Shared, claim: &Value) -> Result<()> {
    if text(claim, "/status/phase") == "Bound" && has_folder(claim) {
        return Ok(());
    }
    if let Some((reason, message)) = unprovisionable(shared, claim) {
        shared.events.warning(claim, reason, &message).await;
        return Ok(());
    }
    let folder = shared.folders.volumes().join(namespace(claim)).join(name(claim));
    files::make_volume(&folder, shared.account.as_ref())?;
    let volume = format!("pvc-{}", uid(claim));
    let named = shared.objects.change(&CLAIM, namespace(claim), name(claim), |claim| {
        let named = !text(claim, "/spec/volumeName").is_empty();
        if is_terminating(claim) || has_folder(claim) {
            return false;
        }
        if !named {
            map(claim, "spec")["volumeName"] = volume.as_str().into();
        }
        let metadata = map(claim, "metadata");
        let mut finalizers = items(metadata, "/finalizers").to_vec();
        finalizers.push(FOLDER.into());
        metadata["finalizers"] = finalizers.into();
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

/// Why no volume is made for a claim: the reason and the message of its event.
fn unprovisionable(shared: &Shared, claim: &Value) -> Option<(&'static str, String)> {
    match text(claim, "/spec/storageClassName") {
        "" => Some((
            "FailedBinding",
            "no persistent volumes available for this claim and no storage class is set".to_owned(),
        )),
        class if shared.objects.get(&STORAGE_CLASS, "", class).is_none() => Some((
            "ProvisioningFailed",
            format!("storageclass.storage.k8s.io \"{class}\" not found"),
        )),
        _ => None,
    }
}

/// Removes the folder, and lets the object go after that.
async fn release(shared: &Shared, claim: &Value) -> Result<()> {
    if !has_folder(claim) || items(claim, "/metadata/finalizers").len() > 1 {
        return Ok(());
    }
    let folder = shared.folders.volumes().join(namespace(claim)).join(name(claim));
    if let Some(left) = running(&folder.join(DATA)) {
        // No pod uses the claim any more: this one was removed by force, or its daemon was killed
        // before it stopped the server.
        Process::adopt(left.identity).stop(SERVER_GRACE).await;
    }
    let removed = tokio::task::spawn_blocking(move || files::remove_folder(&folder)).await?;
    if let Err(error) = removed {
        shared.events.warning(claim, "VolumeFailedDelete", &error.message).await;
        return Err(error);
    }
    let let_go = shared.objects.change(&CLAIM, namespace(claim), name(claim), |claim| {
        let metadata = map(claim, "metadata");
        let mut finalizers = items(metadata, "/finalizers").to_vec();
        finalizers.retain(|it| it != FOLDER);
        metadata["finalizers"] = finalizers.into();
        true
    });
    let_go.await.map(|_| ())
}

fn has_folder(claim: &Value) -> bool {
    items(claim, "/metadata/finalizers").iter().any(|it| it == FOLDER)
}
