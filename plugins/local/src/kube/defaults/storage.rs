//! Claims, volumes and storage classes.

use super::STORAGE_CLASS;
use crate::kube::object::{map, or, or_text};
use serde_json::Value;

/// A whole PersistentVolumeClaim.
pub(super) fn claim(object: &mut Value) {
    let spec = map(object, "spec");
    or_text(spec, "volumeMode", "Filesystem");
    // An empty name is an answer, too: it asks for a volume without a class.
    or(spec, "storageClassName", STORAGE_CLASS);
    phase(object);
}

/// A claim waits until it says something else.
pub(super) fn phase(object: &mut Value) {
    or_text(map(object, "status"), "phase", "Pending");
}

/// A whole PersistentVolume.
pub(super) fn volume(object: &mut Value) {
    let spec = map(object, "spec");
    or_text(spec, "persistentVolumeReclaimPolicy", "Retain");
    or_text(spec, "volumeMode", "Filesystem");
    phase(object);
}

/// A whole StorageClass.
pub(super) fn class(object: &mut Value) {
    or_text(object, "reclaimPolicy", "Delete");
    or_text(object, "volumeBindingMode", "Immediate");
}
