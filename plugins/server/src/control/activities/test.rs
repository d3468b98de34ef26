//! `test-connection`: connects as a user would, with the Secret's password.

use super::{Activity, names};
use crate::control::broken::Broken;
use crate::control::order::Order;
use crate::control::{Inner, probe};
use serde_json::{Value, json};
use toygres_model::kubernetes::secret;

pub(super) struct Test;

impl Activity for Test {
    const NAME: &'static str = names::TEST;
    type Input = Order;

    async fn run(control: &Inner, order: &Order) -> Result<Value, Broken> {
        let Order { namespace, k8s_name, .. } = order;
        let Some(address) = control.cluster.reach(namespace, k8s_name, None).await? else {
            let reason = "this server is outside the cluster, where the instance has no address";
            return Ok(json!({"tested": false, "reason": reason}));
        };
        let password = control.cluster.password(namespace, k8s_name).await?.ok_or_else(|| {
            Broken::lasting(format!("the Secret `{}` with the password is gone", secret(k8s_name)))
        })?;
        let answer = probe::ask(&address, &password).await?;
        Ok(json!({
            "tested": true,
            "version": format!("PostgreSQL {}", answer.version),
            "response_ms": answer.response_ms,
        }))
    }
}
