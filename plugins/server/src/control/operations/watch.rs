//! Watch: an instance whose health nobody watches any more gets a monitor again.

use crate::control::activities::start_monitor;
use crate::control::cms::{self, HEALTH_COLUMN, Workflow};
use crate::control::order::Watch;
use crate::control::{ControlPlane, broken};
use toygres_model::instance::State;
use toygres_plugin_api::shell::ShellCommand;
use toygres_plugin_api::{Error, Result};

impl ControlPlane {
    /// Makes sure that an orchestration watches over a running instance; answers its id, and
    /// whether it was started now.
    ///
    /// # Errors
    /// `NotFound`; `Failed` for one that does not run; `Unavailable` when the database cannot be
    /// asked.
    pub(crate) async fn watch(&self, name: &str) -> Result<(String, bool)> {
        self.reached().await?;
        let record = self.find(name).await?;
        if record.state != State::Running {
            return Err(Error::failed(format!(
                "`{}` is {}: only what runs is watched",
                record.k8s_name, record.state
            ))
            .hint(format!("see `{}`", ShellCommand::new("toygres get").arg(&record.k8s_name))));
        }
        if let Some(id) = &record.health_id {
            let recorded = cms::workflow(&self.inner.cms, id).await.map_err(broken::cms)?;
            if recorded == Workflow::Live {
                return Ok((id.clone(), false));
            }
        }
        let interval = self.inner.settings.monitor_interval.as_millis();
        let watch = Watch {
            user_name: record.user_name.clone(),
            k8s_name: record.k8s_name.clone(),
            instance_id: record.id.clone(),
            namespace: record.namespace.clone(),
            interval_ms: u64::try_from(interval).unwrap_or(u64::MAX),
        };
        let (id, started) = start_monitor(&self.inner, &watch).await?;
        cms::mark_orchestration(&self.inner.cms.pool, &record.id, HEALTH_COLUMN, &id)
            .await
            .map_err(broken::cms)?;
        tracing::info!(k8s_name = record.k8s_name, orchestration = id, started, "watched");
        Ok((id, started))
    }
}
