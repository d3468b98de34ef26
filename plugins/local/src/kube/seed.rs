//! What every cluster has: namespaces, a machine, a storage class.

use super::defaults::STORAGE_CLASS;
use super::resource::{self, Resource};
use super::status::Result;
use super::verbs::{self, Verbs};
use serde_json::{Value, json};

/// Name of the only machine.
pub(crate) const NODE: &str = "local";

/// The version that the server says it is: the kinds, verbs and defaults are those of this release,
/// as far as they are served.
pub(crate) const VERSION: &str = "v1.32.0+toygres-local";

/// Makes what is missing.
pub(crate) fn plant(verbs: &mut Verbs<'_, '_>) -> Result<()> {
    for name in ["default", "kube-system", "toygres"] {
        ensure(verbs, &resource::NAMESPACE, json!({"metadata": {"name": name}}))?;
    }
    ensure(verbs, &resource::NODE, node())?;
    ensure(verbs, &resource::STORAGE_CLASS, storage_class())
}

fn ensure(verbs: &mut Verbs<'_, '_>, resource: &'static Resource, object: Value) -> Result<()> {
    let key = resource::Key::of(resource, &object);
    if verbs.store.state().get(&key).is_some() {
        return Ok(());
    }
    let prepared = verbs::prepare(resource, "", object)?;
    verbs.create(resource, prepared.object).map(|_| ())
}

fn storage_class() -> Value {
    json!({
        "metadata": {
            "name": STORAGE_CLASS,
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": "toygres.dev/folder",
    })
}

fn node() -> Value {
    let now = super::object::now();
    json!({
        "metadata": {"name": NODE, "labels": {
            "kubernetes.io/hostname": NODE, "kubernetes.io/os": "linux",
        }},
        "spec": {},
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": "127.0.0.1"}, {"type": "Hostname", "address": NODE},
            ],
            "conditions": [{
                "type": "Ready", "status": "True", "reason": "Local",
                "message": "processes of this machine are its pods",
                "lastHeartbeatTime": now, "lastTransitionTime": now,
            }],
            "nodeInfo": {
                "architecture": std::env::consts::ARCH, "operatingSystem": std::env::consts::OS,
                "kubeletVersion": VERSION, "kubeProxyVersion": VERSION, "bootID": "", "machineID": "",
                "systemUUID": "", "kernelVersion": "", "osImage": "",
                "containerRuntimeVersion": "toygres-local://0",
            },
        },
    })
}
