//! Drift: where the metadata database and Kubernetes differ, field by field.
//!
//! Pure: records of both sides in, findings out. What an orchestration is changing, what is being
//! deleted and what Kubernetes fills in by itself is no drift.

mod advice;
mod compare;
mod finding;
mod live;
mod objects;
mod orphans;
mod record;
mod rules;
mod running;
mod stuck;

pub use crate::cluster_reading::{Quantity, bytes};
pub use advice::{causes, resolutions};
pub use compare::{Compared, InFlight, Settings, compare};
pub use finding::{Field, Finding, Kind, Severity};
pub use live::Live;
pub use objects::{Claim, Cluster, Group, Object, Piece, Pod, Service, StatefulSet, Unread};
pub use record::Record;
pub use rules::{Rule, RuleError};
pub use stuck::StuckDeletion;

/// The bytes of Kubernetes' Gi.
pub const GI: i64 = 1 << 30;

#[cfg(test)]
mod tests;
