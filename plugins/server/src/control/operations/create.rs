//! Create: the record, the Secret and the orchestration, in this order. Whatever ends the process
//! between two of them, the janitor finishes.

use super::Created;
use crate::control::orchestrations::CREATE_INSTANCE;
use crate::control::order::Order;
use crate::control::{ControlPlane, broken, cms, faults, janitor};
use serde_json::json;
use sqlx::types::Uuid;
use std::time::Duration;
use toygres_model::instance::{NewInstance, State};
use toygres_model::kubernetes::{Desired, create_orchestration, k8s_name};
use toygres_model::request;
use toygres_plugin_api::shell::ShellCommand;
use toygres_plugin_api::{Error, Result};

impl ControlPlane {
    /// Begins to make an instance.
    ///
    /// # Errors
    /// `Usage` for what cannot be asked for; `Failed` when the name is taken; `Unavailable` when a
    /// backend cannot be asked, with nothing left over.
    pub(crate) async fn create(&self, wanted: NewInstance) -> Result<Created> {
        wanted.check().map_err(refused)?;
        let mut wanted = wanted;
        if self.inner.settings.is_local {
            wanted.version = Some(self.local_version(wanted.version.as_deref()).await?);
        }
        let order = self.order(&wanted)?;
        self.reached().await.map_err(unmade)?;
        self.record(&order, &wanted).await?;
        let generated = wanted.password.is_none().then(generate_password);
        let password = generated.as_ref().or(wanted.password.as_ref());
        if let Err(error) = self.begin(&order, password.map_or("", String::as_str)).await {
            // Its user hears why; the record says so too, and what was made goes.
            let message = said(&error);
            let from = [State::Creating];
            let gone = janitor::give_up(&self.inner, &order.instance_id, &from, &message).await;
            if let Err(left) = gone {
                tracing::warn!(k8s_name = order.k8s_name, error = %left, "left to the janitor");
            }
            return Err(kept(error, &order));
        }
        tracing::info!(k8s_name = order.k8s_name, instance = order.user_name, "creating");
        let record = cms::record(&self.inner.cms.pool, &order.instance_id).await;
        let record = record.map_err(broken::cms)?;
        let record = record.ok_or_else(|| Error::failed("the record went as it was made"))?;
        Ok(Created { instance: self.shown(&record), password: generated })
    }

    /// The version that a pod of this machine can have: the one that is wanted where it is installed,
    /// or the newest that is.
    async fn local_version(&self, wanted: Option<&str>) -> Result<String> {
        let installed = self.inner.cluster.local_versions().await.map_err(Error::from)?;
        // A stand-in of an earlier release does not say.
        let Some(newest) = installed.iter().max() else {
            return Ok(wanted.unwrap_or(request::DEFAULT_VERSION).to_owned());
        };
        let Some(wanted) = wanted else { return Ok(newest.to_string()) };
        if request::major_version(wanted).is_some_and(|major| installed.contains(&major)) {
            return Ok(wanted.to_owned());
        }
        let names: Vec<String> = installed.iter().map(ToString::to_string).collect();
        let message = format!(
            "PostgreSQL {wanted} is not installed on this machine: installed is {}",
            names.join(", ")
        );
        Err(Error::usage(message).hint(format!(
            "leave the version out for {newest}, or install the other one and restart with: toygres \
             local down, toygres local up"
        )))
    }

    fn order(&self, wanted: &NewInstance) -> Result<Order> {
        let settings = &self.inner.settings;
        // 32 of its bits: enough to tell the instances of one name apart.
        let suffix = Uuid::new_v4().as_fields().0;
        Ok(Order {
            user_name: wanted.name.clone(),
            k8s_name: k8s_name(&wanted.name, suffix),
            instance_id: Uuid::new_v4().to_string(),
            namespace: settings.namespace.clone(),
            dns_label: wanted.dns_label.clone(),
            version: wanted.version().to_owned(),
            storage_gb: wanted.storage_gb().map_err(refused)?,
            load_balancer: wanted.load_balancer(),
            poll_ms: millis(settings.ready_interval),
            monitor_ms: millis(settings.monitor_interval),
        })
    }

    async fn record(&self, order: &Order, wanted: &NewInstance) -> Result<()> {
        let draft = cms::Draft {
            id: &order.instance_id,
            user_name: &order.user_name,
            k8s_name: &order.k8s_name,
            namespace: &order.namespace,
            version: &order.version,
            storage_gb: order.storage_gb,
            load_balancer: order.load_balancer,
            dns_label: order.dns_label.as_deref(),
            orchestration: &create_orchestration(&order.k8s_name),
            tags: json!(wanted.tags.clone().unwrap_or_default()),
        };
        cms::insert(&self.inner.cms, &draft).await
    }

    async fn begin(&self, order: &Order, password: &str) -> Result<()> {
        let desired = Desired {
            id: &order.instance_id,
            k8s_name: &order.k8s_name,
            namespace: &order.namespace,
            version: &order.version,
            image: "",
            storage_gb: order.storage_gb,
            storage_class: None,
            load_balancer: order.load_balancer,
            dns_label: None,
        };
        let keep = || self.inner.cluster.keep_password(&desired, password);
        faults::around("keep-password", keep).await?;
        let id = create_orchestration(&order.k8s_name);
        let input = serde_json::to_string(order)?;
        let start = async || {
            let client = &self.inner.client;
            Ok(client.start_orchestration(&id, CREATE_INSTANCE, &input).await?)
        };
        Ok(faults::around("start-creation", start).await?)
    }
}

/// What failed before anything was written.
fn unmade(error: Error) -> Error {
    let more = error.hint.clone().map(|hint| format!("; {hint}")).unwrap_or_default();
    error.hint(format!("nothing was made{more}"))
}

/// What failed once the record was written; that tells why, until it is removed.
fn kept(error: Error, order: &Order) -> Error {
    let Order { user_name, k8s_name, .. } = order;
    let more = error.hint.clone().map(|hint| format!("; {hint}")).unwrap_or_default();
    error.hint(format!(
        "its record stays: see `{}`, and remove it with `{}`{more}",
        ShellCommand::new("toygres get").arg(k8s_name),
        ShellCommand::new("toygres delete").arg(user_name)
    ))
}

fn refused(refusal: toygres_model::request::Refusal) -> Error {
    Error::usage(refusal.message).hint(refusal.hint)
}

fn said(error: &Error) -> String {
    let causes = error.causes.iter();
    causes.fold(error.message.clone(), |text, cause| format!("{text}: {cause}"))
}

/// 122 random bits as letters and digits, which need no escaping anywhere.
fn generate_password() -> String {
    Uuid::new_v4().simple().to_string()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
