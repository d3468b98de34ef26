//! Whether an object is being deleted, as its metadata says.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use toygres_model::cluster_reading::Deletion;

/// The deletion that was asked for, if one was.
pub(super) fn deletion(metadata: &ObjectMeta) -> Option<Deletion> {
    let since_ms = Some(metadata.deletion_timestamp.as_ref()?.0.as_millisecond());
    Some(Deletion { since_ms, finalizers: metadata.finalizers.clone().unwrap_or_default() })
}
