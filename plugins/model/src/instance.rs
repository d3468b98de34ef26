//! A database instance: what may be asked for, what is told of it, and the states it goes through.

use crate::request::{self, Refusal};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// An enum whose values are the same words in the database, in JSON and on the command line.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $value:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$value_doc])* #[serde(rename = $word)] $value,)+
        }

        impl $name {
            /// Every value, in the order of an instance's life.
            pub const ALL: &[Self] = &[$(Self::$value),+];

            /// The word for it.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$value => $word),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(word: &str) -> Result<Self, String> {
                match word {
                    $($word => Ok(Self::$value),)+
                    _ => Err(format!("`{word}` is none of {}", [$($word),+].join(", "))),
                }
            }
        }
    };
}

words! {
    /// Where an instance is in its life; the type `public.instance_state` of the database.
    State {
        /// Being made.
        Creating = "creating",
        /// Made, and it answered once.
        Running = "running",
        /// Being unmade.
        Deleting = "deleting",
        /// Unmade.
        Deleted = "deleted",
        /// It could not be made or unmade; the last event says why.
        Failed = "failed",
    }
}

words! {
    /// What the last health check found; the type `public.health_status` of the database.
    Health {
        /// It answered.
        Healthy = "healthy",
        /// It did not answer.
        Unhealthy = "unhealthy",
        /// Nobody asked yet, or it cannot be asked.
        Unknown = "unknown",
    }
}

impl State {
    /// Whether an instance in this state holds its name.
    #[must_use]
    pub fn is_live(self) -> bool {
        matches!(self, Self::Creating | Self::Running | Self::Deleting)
    }
}

/// What is told of an instance; no key is ever left out but `progress`, which is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    /// The name that its user gave it.
    pub name: String,
    /// Its name in Kubernetes.
    pub k8s_name: String,
    /// The id of its record, a UUID.
    pub id: String,
    /// The namespace of its objects.
    pub namespace: String,
    /// Where it is in its life.
    pub state: State,
    /// What the last health check found.
    pub health: Health,
    /// The version that was asked for.
    pub postgres_version: String,
    /// The version that its server reported at the last health check.
    #[serde(default)]
    pub running_version: Option<String>,
    /// The storage that was asked for, in Kubernetes' Gi.
    pub storage_gb: i32,
    /// Whether it has a load balancer, or an address in the cluster only.
    pub load_balancer: bool,
    /// Its public DNS name.
    pub dns_name: Option<String>,
    /// The load balancer's address.
    pub external_ip: Option<String>,
    /// The port, as the Service in Kubernetes has it.
    pub port: Option<u16>,
    /// How to reach it; the password is `***` where it was not asked for.
    pub connection_string: Option<String>,
    /// The orchestration that made it.
    pub create_orchestration_id: Option<String>,
    /// The orchestration that unmakes it.
    pub delete_orchestration_id: Option<String>,
    /// The orchestration that watches over it.
    pub health_orchestration_id: Option<String>,
    /// RFC 3339, UTC.
    pub created_at: String,
    /// RFC 3339, UTC.
    pub updated_at: String,
    /// RFC 3339, UTC.
    pub deleted_at: Option<String>,
    /// Its user's own notes.
    pub tags: BTreeMap<String, String>,
    /// When its health was checked last, RFC 3339, UTC.
    #[serde(default)]
    pub health_checked_at: Option<String>,
    /// Why the last check found it unhealthy.
    #[serde(default)]
    pub health_error: Option<String>,
    /// What its last event says, such as why it failed.
    pub message: Option<String>,
    /// What Kubernetes has of it now; `None` for one that is deleted.
    #[serde(default)]
    pub observed: Option<Observed>,
    /// The steps of its live or last orchestration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Vec<ProgressStep>>,
}

/// What Kubernetes has of an instance at this moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Observed {
    /// What is wrong with its objects, the worst first; `None` where they could not be read.
    pub problems: Option<Vec<Problem>>,
    /// Why `problems` is `None`, or what of them could not be read.
    pub reason: Option<String>,
    /// How often the containers of its pod were started again; `None` without a pod.
    pub restarts: Option<i64>,
    /// When that was last, RFC 3339, UTC.
    pub last_restart_at: Option<String>,
    /// Why the container before ended: `OOMKilled (exit code 137)`.
    pub last_restart_reason: Option<String>,
}

/// Something that is wrong with an object of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What it is: `secret_missing`, `stateful_set_missing`, `service_missing`, `claim_missing`,
    /// `claim_deleting`, `claim_not_bound`, `pod_missing`, `pod_not_ready`, `container_failing` or
    /// `deletion_blocked`.
    pub code: String,
    /// The object, as `kubectl` names it: `persistentvolumeclaim/mydb-a1b2c3d4-pvc`.
    pub object: String,
    /// In words.
    pub message: String,
}

/// One step of an orchestration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgressStep {
    /// The activity's name.
    pub step: String,
    /// `running`, `completed`, `failed` or `waiting`.
    pub state: String,
    /// RFC 3339, UTC.
    pub started_at: Option<String>,
    /// RFC 3339, UTC.
    pub ended_at: Option<String>,
    /// What it waits for, or why it failed.
    pub message: Option<String>,
    /// A command of `kubectl` that shows what it waits for, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look: Option<String>,
}

/// What is asked for when an instance is created. Unknown fields are refused.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewInstance {
    /// Its name; it must not be taken by a live instance.
    pub name: String,
    /// The superuser's password; generated where it is left out.
    #[serde(default)]
    pub password: Option<String>,
    /// The version of PostgreSQL.
    #[serde(default)]
    pub version: Option<String>,
    /// Storage in Gi.
    #[serde(default)]
    pub storage_gb: Option<i64>,
    /// Whether it gets a load balancer; it does where this is left out.
    #[serde(default)]
    pub load_balancer: Option<bool>,
    /// The label of a public DNS name.
    #[serde(default)]
    pub dns_label: Option<String>,
    /// Its user's own notes.
    #[serde(default)]
    pub tags: Option<BTreeMap<String, String>>,
}

impl NewInstance {
    /// The default of everything but the name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            password: None,
            version: None,
            storage_gb: None,
            load_balancer: None,
            dns_label: None,
            tags: None,
        }
    }

    /// Checks all of it, before anything is made.
    ///
    /// # Errors
    /// The first thing that is wrong, and what would have been right.
    pub fn check(&self) -> Result<(), Refusal> {
        request::name(&self.name)?;
        if let Some(password) = &self.password {
            request::password(password)?;
        }
        request::version(self.version())?;
        self.storage_gb()?;
        if let Some(label) = &self.dns_label {
            request::dns_label(label)?;
            if !self.load_balancer() {
                return Err(Refusal {
                    message: "a DNS label was given without a load balancer".to_owned(),
                    hint: "leave the label out, or ask for a load balancer".to_owned(),
                });
            }
        }
        let tags = self.tags.iter().flatten();
        request::tags(tags.map(|(name, value)| (name.as_str(), value.as_str())))
    }

    /// The version, or the default one.
    #[must_use]
    pub fn version(&self) -> &str {
        self.version.as_deref().unwrap_or(request::DEFAULT_VERSION)
    }

    /// The storage in Gi, or the default.
    ///
    /// # Errors
    /// When there cannot be so much or so little.
    pub fn storage_gb(&self) -> Result<i32, Refusal> {
        self.storage_gb.map_or(Ok(request::DEFAULT_STORAGE_GB), request::storage_gb)
    }

    /// Whether it gets a load balancer.
    #[must_use]
    pub fn load_balancer(&self) -> bool {
        self.load_balancer.unwrap_or(true)
    }
}

impl fmt::Debug for NewInstance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewInstance")
            .field("name", &self.name)
            .field("password", &self.password.as_ref().map(|_| "***"))
            .field("version", &self.version)
            .field("storage_gb", &self.storage_gb)
            .field("load_balancer", &self.load_balancer)
            .field("dns_label", &self.dns_label)
            .field("tags", &self.tags)
            .finish()
    }
}

#[cfg(test)]
mod tests;
