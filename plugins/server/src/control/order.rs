//! What orchestrations are started with. It never holds a password: that is in the Secret alone.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The input of `create-instance`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) user_name: String,
    pub(super) k8s_name: String,
    pub(super) instance_id: String,
    pub(super) namespace: String,
    pub(super) dns_label: Option<String>,
    pub(super) version: String,
    pub(super) storage_gb: i32,
    pub(super) load_balancer: bool,
    /// The pause between two attempts, decided when it was started: a replay must not depend on
    /// what a later process was told.
    pub(super) poll_ms: u64,
    /// The pause between two health checks, decided likewise.
    pub(super) monitor_ms: u64,
}

impl Order {
    pub(super) fn poll(&self) -> Duration {
        Duration::from_millis(self.poll_ms)
    }
}

/// The input of `delete-instance`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Removal {
    pub(super) user_name: String,
    pub(super) k8s_name: String,
    pub(super) instance_id: String,
    pub(super) namespace: String,
    /// Why it is unmade though nobody asked for it: it then ends as failed, not as deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<String>,
    pub(super) poll_ms: u64,
}

impl Removal {
    /// The removal of what a creation made before it failed.
    pub(super) fn after(order: &Order, failure: &str) -> Self {
        Self {
            user_name: order.user_name.clone(),
            k8s_name: order.k8s_name.clone(),
            instance_id: order.instance_id.clone(),
            namespace: order.namespace.clone(),
            failure: Some(failure.to_owned()),
            poll_ms: order.poll_ms,
        }
    }

    pub(super) fn poll(&self) -> Duration {
        Duration::from_millis(self.poll_ms)
    }
}

/// The input of `health-monitor`, of each of its executions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Watch {
    pub(super) user_name: String,
    pub(super) k8s_name: String,
    pub(super) instance_id: String,
    pub(super) namespace: String,
    /// The pause between two checks.
    pub(super) interval_ms: u64,
}
