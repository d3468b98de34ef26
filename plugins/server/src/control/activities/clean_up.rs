//! `start-clean-up` and `wait-for-clean-up`: the deletion of what a creation made before it failed.

use super::{Activity, names};
use crate::control::broken::{Broken, reason};
use crate::control::cms::Workflow;
use crate::control::order::Removal;
use crate::control::{Inner, cms, janitor};
use serde::Deserialize;
use serde_json::{Value, json};
use toygres_model::instance::State;

pub(super) struct Start;

impl Activity for Start {
    const NAME: &'static str = names::START_CLEAN_UP;
    type Input = Removal;

    /// Fails the instance and starts its deletion; answers `null` where somebody else deletes it.
    async fn run(control: &Inner, removal: &Removal) -> Result<Value, Broken> {
        let why = removal.failure.as_deref().unwrap_or_default();
        // Running already where it was the start of its monitor that failed.
        let from = [State::Creating, State::Running];
        let started = janitor::give_up(control, &removal.instance_id, &from, why).await?;
        Ok(json!({"orchestration_id": started}))
    }
}

pub(super) struct Await;

/// Which deletion is waited for: the answer of [`Start`].
#[derive(Debug, Deserialize)]
pub(super) struct Started {
    orchestration_id: String,
}

impl Activity for Await {
    const NAME: &'static str = names::AWAIT_CLEAN_UP;
    type Input = Started;

    async fn run(control: &Inner, started: &Started) -> Result<Value, Broken> {
        let id = &started.orchestration_id;
        Ok(match cms::workflow(&control.cms, id).await? {
            Workflow::Completed => json!({"ended": true, "failure": null}),
            Workflow::Failed(why) => json!({"ended": true, "failure": reason(&why)}),
            // What was never started, the janitor starts.
            Workflow::Unknown | Workflow::Live => {
                json!({"ended": false, "waiting_for": format!("`{id}` is at work")})
            }
        })
    }
}
