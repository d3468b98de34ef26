//! The orchestrations: what is done in which order, and what is undone when a step fails.
//!
//! They are replayed: everything that depends on the time, on chance or on a setting is in an
//! activity or in the input.

mod create;
mod delete;
mod health;
mod step;

use duroxide::runtime::registry::OrchestrationRegistry;
use serde::de::DeserializeOwned;

/// The orchestration that makes an instance.
pub(super) const CREATE_INSTANCE: &str = "create-instance";
/// The orchestration that unmakes an instance.
pub(super) const DELETE_INSTANCE: &str = "delete-instance";
/// The orchestration that watches over an instance.
pub(super) const HEALTH_MONITOR: &str = "health-monitor";

/// All of them, at version 1.0.0 and, where steps have changed since, at the later version with which
/// new ones start.
pub(super) fn registry() -> OrchestrationRegistry {
    OrchestrationRegistry::builder()
        .register(CREATE_INSTANCE, create::create_instance_1_0)
        .register_versioned(CREATE_INSTANCE, "1.1.0", create::create_instance)
        .register(DELETE_INSTANCE, delete::delete_instance)
        .register(HEALTH_MONITOR, health::health_monitor)
        .build()
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| format!("a value could not be read: {error}"))
}
