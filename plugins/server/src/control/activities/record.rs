//! `cms-create-instance-record`: makes sure of the record that the API made.

use super::{Activity, names};
use crate::control::broken::Broken;
use crate::control::order::Order;
use crate::control::{Inner, cms};
use serde_json::{Value, json};
use toygres_model::instance::State;
use toygres_model::kubernetes::create_orchestration;

pub(super) struct Record;

impl Activity for Record {
    const NAME: &'static str = names::RECORD;
    type Input = Order;

    async fn run(control: &Inner, order: &Order) -> Result<Value, Broken> {
        let id = &order.instance_id;
        let made = cms::upsert(&control.cms, order, &create_orchestration(&order.k8s_name)).await?;
        match cms::record(&control.cms.pool, id).await?.map(|record| record.state) {
            Some(State::Creating) => Ok(json!({"recorded": true, "made": made})),
            Some(state) => Err(Broken::lasting(format!("the instance is {state} by now"))),
            None => Err(Broken::lasting("another instance has this name in Kubernetes")),
        }
    }
}
