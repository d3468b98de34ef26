//! What an operator decides about the control plane.

use std::fmt;
use std::time::Duration;
use toygres_plugin_api::{Error, Result};

/// How the control plane of a deployment works. The defaults are those of [`ControlSettings::new`].
#[derive(Clone)]
pub(crate) struct ControlSettings {
    /// The PostgreSQL that holds both schemas.
    pub(crate) database_url: String,
    /// The schema of the CMS.
    pub(crate) cms_schema: String,
    /// The schema of the workflows' records.
    pub(crate) duroxide_schema: String,
    /// The namespace of new instances.
    pub(crate) namespace: String,
    /// The image, in which `{version}` stands for the version.
    pub(crate) image: String,
    /// The storage class; the cluster's default where there is none.
    pub(crate) storage_class: Option<String>,
    /// What follows a DNS label, such as `westus3.cloudapp.azure.com`.
    pub(crate) dns_suffix: Option<String>,
    /// Whether new instances get a NetworkPolicy.
    pub(crate) network_policy: bool,
    /// Whether this process reaches the addresses inside the cluster.
    pub(crate) cluster_network: bool,
    /// Whether the cluster is the stand-in of `toygres local`, whose pods run the programs of one
    /// machine.
    pub(crate) is_local: bool,
    /// The pause between two health checks of an instance.
    pub(crate) monitor_interval: Duration,
    /// The pause between two attempts of anything that is waited for.
    pub(crate) ready_interval: Duration,
    /// How long work is leased, so how soon another process takes over that of a dead one.
    pub(crate) lease: Duration,
    /// How many days the results of health checks are kept.
    pub(crate) keep_checks_days: i32,
    /// How many days the events of instances, and drifts that were resolved, are kept.
    pub(crate) keep_events_days: i32,
    /// How many activities run at once in this process.
    pub(crate) workers: usize,
}

impl ControlSettings {
    /// The defaults of everything but the database.
    pub(crate) fn new(database_url: impl Into<String>) -> Self {
        Self {
            database_url: database_url.into(),
            cms_schema: "toygres_cms".to_owned(),
            duroxide_schema: "toygres_duroxide".to_owned(),
            namespace: "toygres".to_owned(),
            image: "postgres:{version}".to_owned(),
            storage_class: None,
            dns_suffix: None,
            network_policy: false,
            // Set by Kubernetes in every pod.
            cluster_network: std::env::var_os("KUBERNETES_SERVICE_HOST").is_some(),
            is_local: false,
            monitor_interval: Duration::from_secs(30),
            ready_interval: Duration::from_secs(30),
            lease: Duration::from_secs(30),
            keep_checks_days: 7,
            keep_events_days: 90,
            workers: 8,
        }
    }

    /// Checks what becomes part of SQL, and what would make a process useless.
    pub(super) fn check(&self) -> Result<()> {
        for (setting, schema) in [
            ("database.cms_schema", &self.cms_schema),
            ("database.duroxide_schema", &self.duroxide_schema),
        ] {
            if !is_identifier(schema) {
                return Err(Error::usage(format!("`{schema}` cannot be the schema `{setting}`"))
                    .hint("a schema's name has letters, digits and `_`, and at most 63 of them"));
            }
        }
        if self.workers == 0 {
            return Err(Error::usage("a process without workers would do no work")
                .hint("give at least one worker, or run it with `--mode api`"));
        }
        Ok(())
    }
}

fn is_identifier(name: &str) -> bool {
    let begins = name.starts_with(|c: char| c == '_' || c.is_ascii_lowercase());
    let goes_on = |c: char| c == '_' || c.is_ascii_lowercase() || c.is_ascii_digit();
    begins && name.len() <= 63 && name.chars().all(goes_on)
}

impl fmt::Debug for ControlSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ControlSettings")
            .field("cms_schema", &self.cms_schema)
            .field("duroxide_schema", &self.duroxide_schema)
            .field("namespace", &self.namespace)
            .field("image", &self.image)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{ControlSettings, is_identifier};

    #[test]
    fn schemas_are_plain_names() {
        assert!(is_identifier("toygres_cms") && is_identifier("_a1"));
        for bad in ["", "1a", "a-b", "a;b", "A", &"x".repeat(64), "a\"b"] {
            assert!(!is_identifier(bad), "{bad}");
        }
    }

    #[test]
    fn the_database_s_url_is_not_shown() {
        let settings = ControlSettings::new("postgresql://a:canary@localhost/x");
        assert!(!format!("{settings:?}").contains("canary"));
        assert!(settings.check().is_ok());
        assert!(ControlSettings { workers: 0, ..settings }.check().is_err());
    }
}
