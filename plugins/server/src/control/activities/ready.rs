//! `wait-for-ready`: one look at whether the pod is ready, and what it waits for.

use super::{Activity, names};
use crate::control::Inner;
use crate::control::broken::Broken;
use crate::control::cluster::Awaited;
use crate::control::order::Order;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// An order with the number of the attempt, so that histories tell attempts apart.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::control) struct Attempt {
    pub(in crate::control) attempt: u32,
    pub(in crate::control) attempts: u32,
    #[serde(flatten)]
    pub(in crate::control) order: Order,
}

pub(super) struct Ready;

impl Activity for Ready {
    const NAME: &'static str = names::READY;
    type Input = Attempt;

    async fn run(control: &Inner, input: &Attempt) -> Result<Value, Broken> {
        let Order { namespace, k8s_name, .. } = &input.order;
        let (waits_for, failing) = match control.cluster.readiness(namespace, k8s_name).await? {
            Awaited::There(()) => (None, false),
            Awaited::Waits { what, failing } => (Some(what), failing),
        };
        Ok(json!({
            "ready": waits_for.is_none(),
            "attempt": input.attempt,
            "waiting_for": waits_for,
            "failing": failing,
        }))
    }
}
