//! `deploy-postgres`: makes the objects in Kubernetes.

use super::{Activity, names};
use crate::control::broken::Broken;
use crate::control::cluster::Owner;
use crate::control::order::Order;
use crate::control::{Inner, cms, faults};
use serde_json::{Value, json};
use toygres_model::instance::State;
use toygres_model::kubernetes::{Desired, image, secret};

pub(super) struct Deploy;

impl Activity for Deploy {
    const NAME: &'static str = names::DEPLOY;
    type Input = Order;

    async fn run(control: &Inner, order: &Order) -> Result<Value, Broken> {
        // Held while objects are made: a deletion waits for it, and what comes after a deletion
        // began finds the state changed. So nothing is made behind a deletion's back, not even by
        // a worker that was slow and whose work another one took over.
        let turn = cms::make_turn(&control.cms, &order.instance_id).await?;
        let password = control.cluster.password(&order.namespace, &order.k8s_name).await?;
        if password.is_none() {
            let name = secret(&order.k8s_name);
            return Err(Broken::lasting(format!("the Secret `{name}` with the password is gone")));
        }
        let settings = &control.settings;
        let image = image(&settings.image, &order.version);
        let desired = Desired {
            id: &order.instance_id,
            k8s_name: &order.k8s_name,
            namespace: &order.namespace,
            version: &order.version,
            image: &image,
            storage_gb: order.storage_gb,
            storage_class: settings.storage_class.as_deref(),
            load_balancer: order.load_balancer,
            dns_label: order.dns_label.as_deref(),
        };
        faults::gate(names::DEPLOY).await;
        let made = control.cluster.deploy(&desired, settings.network_policy).await?;
        if let Err(lost) = turn.end().await {
            unmake_if_late(control, order).await?;
            return Err(lost);
        }
        Ok(json!({"made": made, "image": image, "namespace": order.namespace}))
    }
}

/// The turn was lost while objects were made, as when this process hung for minutes: where the
/// instance was given up meanwhile, nobody else knows of what was made since.
async fn unmake_if_late(control: &Inner, order: &Order) -> Result<(), Broken> {
    let record = cms::record(&control.cms.pool, &order.instance_id).await?;
    if record.is_some_and(|record| matches!(record.state, State::Creating | State::Running)) {
        return Ok(());
    }
    let owner =
        Owner { id: &order.instance_id, k8s_name: &order.k8s_name, namespace: &order.namespace };
    let rest = control.cluster.remove(owner, control.settings.network_policy).await?;
    tracing::warn!(k8s_name = order.k8s_name, ?rest, "unmade what was made too late");
    Ok(())
}
