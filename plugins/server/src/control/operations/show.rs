//! A record as its user sees it.

use crate::control::address::{MASK, dns_name, of_url, preferred, with_password};
use crate::control::cluster::Inspected;
use crate::control::cms::Record;
use crate::control::{ControlPlane, address};
use serde_json::Value;
use std::collections::BTreeMap;
use toygres_model::instance::{Instance, State};
use toygres_model::time::rfc3339;
use toygres_plugin_api::{Error, Result};

impl ControlPlane {
    /// The record without its password.
    pub(super) fn shown(&self, record: &Record) -> Instance {
        let url = preferred(record);
        let suffix = self.inner.settings.dns_suffix.as_deref();
        Instance {
            name: record.user_name.clone(),
            k8s_name: record.k8s_name.clone(),
            id: record.id.clone(),
            namespace: record.namespace.clone(),
            state: record.state,
            health: record.health,
            postgres_version: record.version.clone(),
            running_version: record.running_version.clone(),
            storage_gb: record.storage_gb,
            load_balancer: record.load_balancer,
            dns_name: record.dns_name.as_ref().map(|label| dns_name(label, suffix)),
            external_ip: record.external_ip.clone(),
            port: url.and_then(of_url).map(|address| address.port),
            connection_string: url.and_then(|url| with_password(url, MASK)),
            create_orchestration_id: record.create_id.clone(),
            delete_orchestration_id: record.delete_id.clone(),
            health_orchestration_id: record.health_id.clone(),
            created_at: rfc3339(record.created_ms).unwrap_or_default(),
            updated_at: rfc3339(record.updated_ms).unwrap_or_default(),
            deleted_at: record.deleted_ms.and_then(rfc3339),
            tags: tags(record.tags.as_ref()),
            health_checked_at: record.checked_ms.and_then(rfc3339),
            health_error: record.health_error.clone(),
            message: record.message.clone(),
            observed: None,
            progress: None,
        }
    }

    /// Adds what Kubernetes has of each instance that is not deleted.
    pub(super) async fn add_observed(&self, records: &[Record], instances: &mut [Instance]) {
        let live = records.iter().enumerate().filter(|(_, record)| record.state != State::Deleted);
        let (places, inspected): (Vec<usize>, Vec<Inspected>) =
            live.map(|(place, record)| (place, inspected(record))).unzip();
        let observed = self.inner.cluster.inspect(inspected).await;
        for (place, observed) in places.into_iter().zip(observed) {
            if let Some(instance) = instances.get_mut(place) {
                instance.observed = Some(observed);
            }
        }
    }

    /// Puts the password into the connection string: the Secret's, or the one that an old
    /// deployment left in the record.
    pub(super) async fn reveal(&self, record: &Record, instance: &mut Instance) -> Result<()> {
        let Some(url) = preferred(record) else { return Ok(()) };
        let kept = self.inner.cluster.password(&record.namespace, &record.k8s_name).await;
        let password = kept.map_err(Error::from)?.or_else(|| address::old_password(url));
        let password = password.ok_or_else(|| {
            let secret = toygres_model::kubernetes::secret(&record.k8s_name);
            Error::not_found(format!("the password is gone: there is no Secret `{secret}`"))
        })?;
        instance.connection_string = with_password(url, &password);
        Ok(())
    }
}

fn inspected(record: &Record) -> Inspected {
    let has_password =
        |url: &Option<String>| url.as_deref().and_then(address::old_password).is_some();
    Inspected {
        namespace: record.namespace.clone(),
        k8s_name: record.k8s_name.clone(),
        state: record.state,
        has_secret: !has_password(&record.ip_url) && !has_password(&record.dns_url),
    }
}

/// Tags of old deployments may be anything; what is no text is shown as JSON.
fn tags(tags: Option<&Value>) -> BTreeMap<String, String> {
    let entries = tags.and_then(Value::as_object).into_iter().flatten();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    entries.map(|(name, value)| (name.clone(), text(value))).collect()
}
