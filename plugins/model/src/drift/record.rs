//! An instance's record in the CMS, as far as it is compared.

use crate::instance::State;
use crate::request::major_version;
use serde::Deserialize;

/// An instance's record. No password is in it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Record {
    /// A UUID.
    pub id: String,
    /// The name that its user gave it.
    pub user_name: String,
    /// Its name in Kubernetes.
    pub k8s_name: String,
    /// The namespace of its objects.
    pub namespace: String,
    /// The version of PostgreSQL.
    pub version: String,
    /// In Kubernetes' Gi.
    pub storage_gb: i64,
    /// Whether its Service is a load balancer.
    pub load_balancer: bool,
    /// The label of its public DNS name, or the whole name.
    pub dns_name: Option<String>,
    /// The load balancer's address.
    pub external_ip: Option<String>,
    /// The host of its connection string by address.
    pub host: Option<String>,
    /// The port of its connection string.
    pub port: Option<u16>,
    /// Whether the connection string has the password in it, as old deployments left it.
    pub keeps_password: bool,
    /// Where it is in its life.
    pub state: State,
    /// The orchestration that made it.
    pub create_id: Option<String>,
    /// The orchestration that unmakes it.
    pub delete_id: Option<String>,
    /// The orchestration that watches over it.
    pub monitor_id: Option<String>,
    /// When it was changed last, in milliseconds since the epoch.
    pub updated_ms: i64,
    /// The version that its server reported at the last health check.
    #[serde(default)]
    pub running_version: Option<String>,
}

impl Record {
    /// The address that the CMS tells: the load balancer's, or what the connection string has.
    #[must_use]
    pub fn address(&self) -> Option<&str> {
        self.external_ip.as_deref().filter(|address| !address.is_empty())
    }

    /// The version that its server reported, where that is of another major version than was asked
    /// for.
    #[must_use]
    pub fn other_major(&self) -> Option<&str> {
        let running = self.running_version.as_deref()?;
        let is_other = major_version(running)? != major_version(&self.version)?;
        is_other.then_some(running)
    }

    /// The first label of its DNS name.
    #[must_use]
    pub fn dns_label(&self) -> Option<&str> {
        let name = self.dns_name.as_deref().filter(|name| !name.is_empty())?;
        name.split('.').next()
    }
}
