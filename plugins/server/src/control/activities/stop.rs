//! `stop-create-instance` and `stop-health-monitor`: what works on an instance ends before the
//! instance does.

use super::{Activity, names};
use crate::control::broken::Broken;
use crate::control::cms::Workflow;
use crate::control::order::Removal;
use crate::control::{Inner, cms};
use serde_json::{Value, json};
use toygres_model::kubernetes::{create_orchestration, health_orchestration};

const REASON: &str = "the instance is being deleted";

pub(super) struct Create;

impl Activity for Create {
    const NAME: &'static str = names::STOP_CREATE;
    type Input = Removal;

    async fn run(control: &Inner, removal: &Removal) -> Result<Value, Broken> {
        let record = cms::record(&control.cms.pool, &removal.instance_id).await?;
        let recorded = record.and_then(|record| record.create_id);
        stop(control, recorded.unwrap_or_else(|| create_orchestration(&removal.k8s_name))).await
    }
}

pub(super) struct Monitor;

impl Activity for Monitor {
    const NAME: &'static str = names::STOP_MONITOR;
    type Input = Removal;

    async fn run(control: &Inner, removal: &Removal) -> Result<Value, Broken> {
        let record = cms::record(&control.cms.pool, &removal.instance_id).await?;
        let recorded = record.and_then(|record| record.health_id);
        stop(control, recorded.unwrap_or_else(|| health_orchestration(&removal.k8s_name))).await
    }
}

/// Asks an orchestration to end, and says whether it has.
async fn stop(control: &Inner, id: String) -> Result<Value, Broken> {
    let live = cms::workflow(&control.cms, &id).await? == Workflow::Live;
    if live {
        control.client.cancel_instance(&id, REASON).await?;
    }
    Ok(json!({"ended": !live, "orchestration_id": id}))
}
