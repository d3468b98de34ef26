//! `start-health-monitor` and `cms-record-health-monitor`.

use super::{Activity, names};
use crate::control::broken::Broken;
use crate::control::cms::Workflow;
use crate::control::orchestrations::HEALTH_MONITOR;
use crate::control::order::Watch;
use crate::control::{Inner, cms};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use toygres_model::kubernetes::health_orchestration;

pub(super) struct Start;

impl Activity for Start {
    const NAME: &'static str = names::START_MONITOR;
    type Input = Watch;

    async fn run(control: &Inner, watch: &Watch) -> Result<Value, Broken> {
        let (id, _) = start(control, watch).await?;
        Ok(json!({"orchestration_id": id}))
    }
}

/// Makes sure that an orchestration watches over an instance; answers its id, and whether it was
/// started.
///
/// # Errors
/// The database's.
pub(in crate::control) async fn start(
    control: &Inner,
    watch: &Watch,
) -> Result<(String, bool), Broken> {
    let plain = health_orchestration(&watch.k8s_name);
    let (id, start) = match cms::workflow(&control.cms, &plain).await? {
        Workflow::Live => (plain, false),
        Workflow::Unknown => (plain, true),
        // One that was ended keeps its records; its successor gets a number.
        Workflow::Completed | Workflow::Failed(_) => {
            (cms::next_id(&control.cms.pool, &control.cms, &plain, None).await?, true)
        }
    };
    if start {
        let input = serde_json::to_string(watch)?;
        // A second start of the same id is ignored by the workflows themselves.
        control.client.start_orchestration(&id, HEALTH_MONITOR, input).await?;
    }
    Ok((id, start))
}

/// Which orchestration watches over an instance.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::control) struct Watcher {
    pub(in crate::control) k8s_name: String,
    pub(in crate::control) instance_id: String,
    pub(in crate::control) orchestration_id: String,
}

pub(super) struct Record;

impl Activity for Record {
    const NAME: &'static str = names::RECORD_MONITOR;
    type Input = Watcher;

    async fn run(control: &Inner, input: &Watcher) -> Result<Value, Broken> {
        let column = cms::HEALTH_COLUMN;
        let (id, monitor) = (&input.instance_id, &input.orchestration_id);
        cms::mark_orchestration(&control.cms.pool, id, column, monitor).await?;
        Ok(json!({"recorded": true}))
    }
}
