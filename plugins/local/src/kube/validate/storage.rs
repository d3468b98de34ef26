//! Claims, volumes and storage classes.

use super::{one_of, pod};
use crate::kube::object::{items, text};
use crate::kube::quantity::Quantity;
use crate::kube::status::Cause;
use serde_json::Value;

const MODES: [&str; 4] = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];

/// A whole PersistentVolumeClaim.
pub(super) fn check_claim(object: &Value, causes: &mut Vec<Cause>) {
    let modes = items(object, "/spec/accessModes");
    if modes.is_empty() {
        causes.push(Cause::required("spec.accessModes", "at least 1 access mode is required"));
    }
    check_modes(modes, causes);
    one_of(object, "/spec/volumeMode", &["Block", "Filesystem"], causes);
    match object.pointer("/spec/resources/requests/storage") {
        None => causes.push(Cause::required("spec.resources[storage]", "")),
        Some(size) => check_size(size, "spec.resources[storage]", causes),
    }
}

fn check_modes(modes: &[Value], causes: &mut Vec<Cause>) {
    for mode in modes {
        if !mode.as_str().is_some_and(|mode| MODES.contains(&mode)) {
            causes.push(Cause::unsupported("spec.accessModes", mode, &MODES));
        }
    }
}

fn check_size(size: &Value, field: &str, causes: &mut Vec<Cause>) {
    if size.as_str().and_then(Quantity::parse).is_some_and(|size| size.billionths() == 0) {
        causes.push(Cause::invalid(field, size, "must be greater than zero"));
    } else {
        pod::check_quantity(size, field, causes);
    }
}

/// Checks that a claim only grows.
pub(super) fn check_claim_change(object: &Value, old: &Value, causes: &mut Vec<Cause>) {
    if frozen(object, old) != frozen(old, old) {
        let detail = "spec is immutable after creation except resources.requests for bound claims";
        causes.push(Cause::forbidden("spec", detail));
    }
    let size = |claim: &Value| {
        let size = text(claim, "/spec/resources/requests/storage");
        Quantity::parse(size).map(Quantity::billionths)
    };
    let (Some(now), Some(then)) = (size(object), size(old)) else { return };
    if now < then {
        let field = "spec.resources.requests.storage";
        causes.push(Cause::forbidden(field, "field can not be less than previous value"));
    } else if now > then && text(old, "/status/phase") != "Bound" {
        let detail = "spec is immutable after creation except resources.requests for bound claims";
        causes.push(Cause::forbidden("spec", detail));
    }
}

/// The `spec` without what may change.
fn frozen(claim: &Value, old: &Value) -> Value {
    let mut spec = claim.get("spec").cloned().unwrap_or_default();
    if let Value::Object(map) = &mut spec {
        map.shift_remove("resources");
        // Binding gives a claim its volume, once.
        if text(old, "/spec/volumeName").is_empty() {
            map.shift_remove("volumeName");
        }
    }
    spec
}

/// A whole PersistentVolume.
pub(super) fn check_volume(object: &Value, causes: &mut Vec<Cause>) {
    let modes = items(object, "/spec/accessModes");
    if modes.is_empty() {
        causes.push(Cause::required("spec.accessModes", ""));
    }
    check_modes(modes, causes);
    match object.pointer("/spec/capacity/storage") {
        None => causes.push(Cause::required("spec.capacity", "")),
        Some(size) => check_size(size, "spec.capacity[storage]", causes),
    }
    let policies = ["Delete", "Recycle", "Retain"];
    one_of(object, "/spec/persistentVolumeReclaimPolicy", &policies, causes);
}

/// A whole StorageClass.
pub(super) fn check_class(object: &Value, causes: &mut Vec<Cause>) {
    if text(object, "/provisioner").is_empty() {
        causes.push(Cause::required("provisioner", ""));
    }
    one_of(object, "/reclaimPolicy", &["Delete", "Retain"], causes);
    one_of(object, "/volumeBindingMode", &["Immediate", "WaitForFirstConsumer"], causes);
}

/// Checks that what volumes were made by stays.
pub(super) fn check_class_change(object: &Value, old: &Value, causes: &mut Vec<Cause>) {
    for field in ["parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"] {
        if object.get(field) != old.get(field) {
            causes.push(Cause::forbidden(field, "updates to this field are forbidden."));
        }
    }
}
