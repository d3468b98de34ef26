//! Claims, volumes and storage classes.

use super::words::{access_modes, age};
use super::{Column, Table, column, wide};
use crate::kube::object::{is_terminating, text};
use serde_json::Value;

const CLAIM_COLUMNS: &[Column] = &[
    column("Status"),
    column("Volume"),
    column("Capacity"),
    column("Access Modes"),
    column("StorageClass"),
    column("Age"),
    wide("VolumeMode"),
];

/// Claims.
pub(super) const CLAIM: Table = Table { columns: CLAIM_COLUMNS, cells: claim };

fn claim(claim: &Value) -> Vec<Value> {
    let phase = if is_terminating(claim) { "Terminating" } else { text(claim, "/status/phase") };
    let volume = text(claim, "/spec/volumeName");
    let modes = if volume.is_empty() { "" } else { &access_modes(claim, "/spec/accessModes") };
    vec![
        phase.into(),
        volume.into(),
        text(claim, "/status/capacity/storage").into(),
        modes.into(),
        text(claim, "/spec/storageClassName").into(),
        age(claim).into(),
        text(claim, "/spec/volumeMode").into(),
    ]
}

const VOLUME_COLUMNS: &[Column] = &[
    column("Capacity"),
    column("Access Modes"),
    column("Reclaim Policy"),
    column("Status"),
    column("Claim"),
    column("StorageClass"),
    column("Reason"),
    column("Age"),
    wide("VolumeMode"),
];

/// Volumes.
pub(super) const VOLUME: Table = Table { columns: VOLUME_COLUMNS, cells: volume };

fn volume(volume: &Value) -> Vec<Value> {
    let phase = if is_terminating(volume) { "Terminating" } else { text(volume, "/status/phase") };
    let claim = match text(volume, "/spec/claimRef/name") {
        "" => String::new(),
        name => format!("{}/{name}", text(volume, "/spec/claimRef/namespace")),
    };
    vec![
        text(volume, "/spec/capacity/storage").into(),
        access_modes(volume, "/spec/accessModes").into(),
        text(volume, "/spec/persistentVolumeReclaimPolicy").into(),
        phase.into(),
        claim.into(),
        text(volume, "/spec/storageClassName").into(),
        text(volume, "/status/reason").into(),
        age(volume).into(),
        text(volume, "/spec/volumeMode").into(),
    ]
}

const CLASS_COLUMNS: &[Column] = &[
    column("Provisioner"),
    column("ReclaimPolicy"),
    column("VolumeBindingMode"),
    column("AllowVolumeExpansion"),
    column("Age"),
];

/// Storage classes.
pub(super) const CLASS: Table = Table { columns: CLASS_COLUMNS, cells: class };

fn class(class: &Value) -> Vec<Value> {
    let grows = class.get("allowVolumeExpansion") == Some(&Value::Bool(true));
    vec![
        text(class, "/provisioner").into(),
        text(class, "/reclaimPolicy").into(),
        text(class, "/volumeBindingMode").into(),
        grows.to_string().into(),
        age(class).into(),
    ]
}
