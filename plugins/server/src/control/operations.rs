//! What a user may ask for: create, list, get, delete.

mod create;
mod delete;
mod show;
mod watch;

pub(super) use delete::start as start_deletion;

use super::ControlPlane;
use super::broken;
use super::cms::{self, Record};
use toygres_model::instance::{Health, Instance, State};
use toygres_plugin_api::{Error, Result};

/// An instance that is being made.
#[derive(Debug)]
pub(crate) struct Created {
    pub(crate) instance: Instance,
    /// Only where it was generated.
    pub(crate) password: Option<String>,
}

/// Which instances are listed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Filter {
    pub(crate) state: Option<State>,
    pub(crate) health: Option<Health>,
    /// Deleted ones too.
    pub(crate) all: bool,
}

/// What is shown of an instance beyond its record.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Show {
    /// The password, in the connection string.
    pub(crate) password: bool,
    /// The steps of its live or last orchestration.
    pub(crate) progress: bool,
}

impl ControlPlane {
    /// The instances, the newest first.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be asked.
    pub(crate) async fn list(&self, filter: &Filter) -> Result<Vec<Instance>> {
        let cms = &self.inner.cms;
        let records = async { cms::list(cms, filter).await.map_err(broken::cms) };
        let records = cms.reached(records).await?;
        let mut instances: Vec<Instance> =
            records.iter().map(|record| self.shown(record)).collect();
        self.add_observed(&records, &mut instances).await;
        Ok(instances)
    }

    /// One instance, by its user's name or by its name in Kubernetes.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable` when a backend that is needed cannot be asked.
    pub(crate) async fn get(&self, name: &str, show: Show) -> Result<Instance> {
        self.inner.cms.reached(self.look(name, show)).await
    }

    async fn look(&self, name: &str, show: Show) -> Result<Instance> {
        let record = self.find(name).await?;
        let mut instance = self.shown(&record);
        self.add_observed(std::slice::from_ref(&record), std::slice::from_mut(&mut instance)).await;
        if show.password {
            self.reveal(&record, &mut instance).await?;
        }
        if show.progress {
            instance.progress = Some(self.progress(&record).await?);
        }
        Ok(instance)
    }

    /// Whether the database answers, before anything is changed. What has begun is never dropped.
    async fn reached(&self) -> Result<()> {
        self.inner.cms.reached(self.inner.cms.ping()).await
    }

    async fn find(&self, name: &str) -> Result<Record> {
        let found = cms::find(&self.inner.cms, name).await.map_err(broken::cms)?;
        found.ok_or_else(|| {
            Error::not_found(format!("there is no instance `{name}`")).hint("see `toygres list`")
        })
    }
}
