//! The instance that an orchestration is about, and how the cloud treats it.

use super::Scenario;
use crate::secrets::Secrets;
use serde_json::{Value, json};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

/// An orchestration's input, as old deployments wrote it: with the password.
pub(super) fn input(scenario: Scenario, secrets: &Secrets) -> String {
    json!({
        "user_name": scenario.user_name(),
        "k8s_name": scenario.k8s_name(),
        "dns_label": scenario.user_name(),
        "version": "18",
        "storage": 10,
        "load_balancer": true,
        "password": secrets.input,
    })
    .to_string()
}

/// What an orchestration reads from its input.
pub(super) struct Instance {
    pub(super) user_name: String,
    pub(super) k8s_name: String,
    pub(super) password: String,
}

impl Instance {
    pub(super) fn parse(input: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(input).map_err(|error| error.to_string())?;
        let text = |key: &str| match &value[key] {
            Value::String(text) => Ok(text.clone()),
            _ => Err(format!("the input has no `{key}`")),
        };
        Ok(Self {
            user_name: text("user_name")?,
            k8s_name: text("k8s_name")?,
            password: text("password")?,
        })
    }

    fn is(&self, scenario: Scenario) -> bool {
        self.k8s_name == scenario.k8s_name()
    }

    /// How long to wait before asking once more whether it is ready.
    pub(super) fn poll_interval(&self) -> Duration {
        if self.is(Scenario::LongTimer) {
            6 * HOUR
        } else if self.is(Scenario::Cancelled) {
            HOUR
        } else if self.is(Scenario::OverdueTimer) {
            Duration::from_secs(1)
        } else {
            Duration::from_millis(100)
        }
    }

    /// What deploying it leads to, at the given attempt.
    pub(super) fn deployment(&self, attempt: u64) -> Deployment {
        if self.is(Scenario::Failed) || self.is(Scenario::Exhausted) {
            Deployment::Refused("storage quota exceeded: 0 GB of 10 GB left in westus3")
        } else if self.is(Scenario::Retried) && attempt < 3 {
            Deployment::Refused("the API server is busy, try again")
        } else if self.is(Scenario::Executing) {
            Deployment::Endless
        } else {
            Deployment::Done
        }
    }

    /// Whether it is ready when asked for the given time.
    pub(super) fn ready(&self, attempt: u64) -> bool {
        attempt >= 3
    }
}

/// What the cloud does with a deployment.
pub(super) enum Deployment {
    Done,
    Refused(&'static str),
    Endless,
}
