//! `delete-postgres`: unmakes the objects in Kubernetes.

use super::{Activity, names};
use crate::control::broken::Broken;
use crate::control::cluster::Owner;
use crate::control::order::Removal;
use crate::control::{Inner, cms};
use serde_json::{Value, json};

pub(super) struct Remove;

impl Activity for Remove {
    const NAME: &'static str = names::REMOVE;
    type Input = Removal;

    async fn run(control: &Inner, removal: &Removal) -> Result<Value, Broken> {
        // Not while a deployment is still making things: see `deploy-postgres`.
        let turn = cms::unmake_turn(&control.cms, removal).await?;
        let owner = Owner {
            id: &removal.instance_id,
            k8s_name: &removal.k8s_name,
            namespace: &removal.namespace,
        };
        let rest = control.cluster.remove(owner, control.settings.network_policy).await?;
        turn.end().await?;
        let texts: Vec<&str> = rest.iter().map(|it| it.text.as_str()).collect();
        let look = rest.iter().find_map(|it| it.look.as_deref());
        let answer = json!({
            "gone": rest.is_empty(),
            "still_there": texts,
            "look": look,
            "failing": look.is_some(),
        });
        Ok(answer)
    }
}
