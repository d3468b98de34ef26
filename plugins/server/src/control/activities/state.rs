//! `cms-update-instance-state`: what became of an instance, with its event.

use super::{Activity, names};
use crate::control::broken::Broken;
use crate::control::{Inner, cms};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use toygres_model::instance::State;

/// Where an instance can be reached; no part of it has a password.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::control) struct Reached {
    pub(in crate::control) dns_name: Option<String>,
    pub(in crate::control) external_ip: Option<String>,
    pub(in crate::control) ip_url: Option<String>,
    pub(in crate::control) dns_url: Option<String>,
}

/// What became of an instance.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::control) struct NewState {
    pub(in crate::control) k8s_name: String,
    pub(in crate::control) instance_id: String,
    /// The states from which it comes.
    pub(in crate::control) from: Vec<State>,
    pub(in crate::control) state: State,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::control) message: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::control) reached: Option<Reached>,
}

pub(super) struct Update;

impl Activity for Update {
    const NAME: &'static str = names::STATE;
    type Input = NewState;

    async fn run(control: &Inner, input: &NewState) -> Result<Value, Broken> {
        let mut transaction = control.cms.pool.begin().await?;
        let change = cms::Change {
            id: &input.instance_id,
            from: &input.from,
            to: input.state,
            message: input.message.as_deref(),
        };
        let state = cms::change(&mut transaction, &change).await?;
        if let Some(reached) = input.reached.as_ref().filter(|_| state == Some(input.state)) {
            cms::write_reached(&mut transaction, &input.instance_id, reached).await?;
        }
        transaction.commit().await?;
        match state {
            Some(state) if state == input.state => Ok(json!({"state": state})),
            // What is running must not be told so to somebody who deletes it meanwhile.
            Some(state) if input.state == State::Running => {
                Err(Broken::lasting(format!("the instance is {state} by now")))
            }
            state => Ok(json!({"state": state, "kept": true})),
        }
    }
}
