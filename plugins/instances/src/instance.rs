//! An instance as the API tells it, and what can be said of it besides.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use toygres_model::time;
use toygres_plugin_api::Schema;
use url::Url;

/// Two structs with the same fields, the second with more: a flattened one would have no schema.
macro_rules! instance {
    ($($(#[$doc:meta])* $field:ident: $kind:ty,)+) => {
        /// What the API says of an instance. What it leaves out is `None`, what it adds is ignored:
        /// the server may be older or newer.
        #[derive(Debug, Clone, Default, Serialize, Deserialize, Schema)]
        #[serde(default)]
        pub(crate) struct Instance {
            $($(#[$doc])* pub(crate) $field: $kind,)+
        }

        /// The same, with what one command alone can know.
        #[derive(Debug, Clone, Default, Serialize, Schema)]
        pub(crate) struct Detail {
            $($(#[$doc])* pub(crate) $field: $kind,)+
            /// Its superuser's password; `None` unless it was asked for and is known.
            pub(crate) password: Option<String>,
            /// The steps of the orchestration that works on it, or of its last one.
            pub(crate) progress: Vec<Step>,
        }

        impl Detail {
            pub(crate) fn new(instance: Instance, password: Option<String>, steps: Vec<Step>) -> Self {
                Self { $($field: instance.$field,)+ password, progress: steps }
            }
        }
    };
}

instance! {
    /// The name that its user gave it.
    name: String,
    /// Its name in Kubernetes.
    k8s_name: String,
    id: Option<String>,
    namespace: Option<String>,
    /// `creating`, `running`, `deleting`, `deleted` or `failed`.
    state: String,
    /// `healthy`, `unhealthy` or `unknown`.
    health: Option<String>,
    /// The version that was asked for.
    postgres_version: Option<String>,
    /// The version that its server reported at the last health check.
    running_version: Option<String>,
    storage_gb: Option<i64>,
    load_balancer: Option<bool>,
    dns_name: Option<String>,
    external_ip: Option<String>,
    port: Option<u16>,
    /// With `***` for the password unless that was asked for.
    connection_string: Option<String>,
    create_orchestration_id: Option<String>,
    delete_orchestration_id: Option<String>,
    health_orchestration_id: Option<String>,
    created_at: Option<String>,
    updated_at: Option<String>,
    deleted_at: Option<String>,
    tags: Value,
    /// When its health was checked last.
    health_checked_at: Option<String>,
    /// Why the last check found it unhealthy.
    health_error: Option<String>,
    /// Why it is as it is, where it failed.
    message: Option<String>,
    /// Where it answers, `host:port`; told from the connection string.
    address: Option<String>,
    /// The version that runs, with the one that was asked for where that is another.
    version: Option<String>,
    /// `storage_gb` in bytes.
    storage_bytes: Option<i64>,
    /// What Kubernetes has of it now; `null` for one that is deleted, or from an older server.
    observed: Option<Observed>,
    /// What is wrong with it, in one line; `null` where nothing is known to be.
    reason: Option<String>,
    /// How often the containers of its pod were started again; `null` without a pod.
    restarts: Option<i64>,
}

/// What Kubernetes has of an instance.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Schema)]
#[serde(default)]
pub(crate) struct Observed {
    /// What is wrong with its objects, the worst first; `null` where they could not be read.
    pub(crate) problems: Option<Vec<Problem>>,
    /// Why `problems` is `null`.
    pub(crate) reason: Option<String>,
    /// How often the containers of its pod were started again.
    pub(crate) restarts: Option<i64>,
    pub(crate) last_restart_at: Option<String>,
    /// Why the container before ended.
    pub(crate) last_restart_reason: Option<String>,
}

/// Something that is wrong with an object of an instance.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Schema)]
#[serde(default)]
pub(crate) struct Problem {
    /// `secret_missing`, `claim_deleting`, `container_failing`, ….
    pub(crate) code: String,
    /// As `kubectl` names it: `persistentvolumeclaim/mydb-a1b2c3d4-pvc`.
    pub(crate) object: String,
    pub(crate) message: String,
}

/// One step of an orchestration.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Schema)]
#[serde(default)]
pub(crate) struct Step {
    pub(crate) step: String,
    /// `running`, `completed` or `failed`.
    pub(crate) state: String,
    pub(crate) started_at: Option<String>,
    pub(crate) ended_at: Option<String>,
    /// What it answered or how it failed.
    pub(crate) message: Option<String>,
    /// From start to end; `None` while it runs.
    pub(crate) duration_ms: Option<i64>,
    /// A command of `kubectl` that shows what it waits for, where that is known.
    pub(crate) look: Option<String>,
}

/// A restart is worth a word in the list for so long.
const RECENT_RESTART_MS: i64 = 3_600_000;

/// Kubernetes allots powers of two.
const BYTES_OF_A_GB: i64 = 1 << 30;

impl Instance {
    /// Fills in what follows from the rest.
    pub(crate) fn completed(mut self) -> Self {
        self.address = self.told_address();
        self.version = self.told_version();
        self.storage_bytes = self.storage_gb.and_then(|gb| gb.checked_mul(BYTES_OF_A_GB));
        self.reason = self.first_reason();
        self.restarts = self.observed.as_ref().and_then(|observed| observed.restarts);
        self
    }

    /// The version that runs, beside the one that was asked for where that is another.
    pub(crate) fn told_version(&self) -> Option<String> {
        let (Some(running), Some(requested)) = (&self.running_version, &self.postgres_version)
        else {
            return self.running_version.clone().or_else(|| self.postgres_version.clone());
        };
        // Whoever asks for `18` gets its newest minor version.
        let rest = running.strip_prefix(requested.as_str());
        let is_what_was_asked = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        Some(match is_what_was_asked {
            true => running.clone(),
            false => format!("{running} (requested {requested})"),
        })
    }

    /// What is wrong with its objects, the worst first.
    pub(crate) fn problems(&self) -> &[Problem] {
        let observed = self.observed.as_ref().and_then(|observed| observed.problems.as_deref());
        observed.unwrap_or_default()
    }

    /// Why it failed; what is wrong with its objects; why its last check did not find it healthy; that
    /// its container was started again a moment ago.
    fn first_reason(&self) -> Option<String> {
        let failed = || self.message.clone().filter(|_| self.state == "failed");
        let problem = || self.problems().first().map(|problem| problem.message.clone());
        let unwell = self.state == "running" && self.health.as_deref() != Some("healthy");
        let sick = || self.health_error.clone().filter(|_| unwell);
        failed().or_else(problem).or_else(sick).or_else(|| self.recent_restart())
    }

    fn recent_restart(&self) -> Option<String> {
        let observed = self.observed.as_ref()?;
        let at = observed.last_restart_at.as_deref().and_then(time::parse)?;
        let age = crate::wait::now() - at;
        (0..RECENT_RESTART_MS).contains(&age).then(|| {
            let why = observed.last_restart_reason.as_deref().unwrap_or("no reason was recorded");
            let times = match observed.restarts {
                Some(1) | None => "restarted".to_owned(),
                Some(count) => format!("restarted {count} times, last"),
            };
            format!("its pod {times} {} ago: {why}", time::words(age))
        })
    }

    fn told_address(&self) -> Option<String> {
        if self.state == "deleted" {
            return None;
        }
        let of_url = self.url().and_then(|url| {
            let host = url.host_str().filter(|host| !host.is_empty())?.to_owned();
            Some(format!("{host}:{}", url.port().or(self.port).unwrap_or(5432)))
        });
        let host = self.dns_name.as_ref().or(self.external_ip.as_ref());
        of_url.or_else(|| Some(format!("{}:{}", host?, self.port?)))
    }

    fn url(&self) -> Option<Url> {
        Url::parse(self.connection_string.as_deref()?).ok()
    }

    /// The password of the connection string, where that has it in clear.
    pub(crate) fn password(&self) -> Option<String> {
        let url = self.url()?;
        let password = percent_encoding::percent_decode_str(url.password()?).decode_utf8().ok()?;
        (password != "***").then(|| password.into_owned())
    }
}

impl Step {
    /// Fills in what follows from the rest.
    pub(crate) fn completed(mut self) -> Self {
        let started = self.started_at.as_deref().and_then(time::parse);
        let ended = self.ended_at.as_deref().and_then(time::parse);
        self.duration_ms = started.zip(ended).map(|(started, ended)| (ended - started).max(0));
        self
    }

    /// How long it has run at this time, in milliseconds since the epoch.
    pub(crate) fn so_far(&self, now: i64) -> Option<i64> {
        let started = self.started_at.as_deref().and_then(time::parse)?;
        Some((now - started).max(0))
    }
}

#[cfg(test)]
mod tests {
    use super::{Instance, Step};

    fn with(connection_string: &str) -> Instance {
        let connection_string = Some(connection_string.to_owned());
        Instance { connection_string, ..Instance::default() }.completed()
    }

    #[test]
    fn the_connection_string_says_where_and_with_what() {
        let masked = with("postgresql://postgres:***@db.example.com:6432/postgres");
        assert_eq!(masked.address.as_deref(), Some("db.example.com:6432"));
        assert_eq!(masked.password(), None);
        let shown = with("postgresql://postgres:p%40ss%2Fw%25@127.0.0.1:1/postgres");
        assert_eq!(shown.password().as_deref(), Some("p@ss/w%"));
        assert_eq!(with("postgresql://postgres:***@h/postgres").address.as_deref(), Some("h:5432"));
        assert_eq!(with("[]").address, None);
        let deleted = Instance { state: "deleted".to_owned(), ..with("postgresql://h/postgres") };
        assert_eq!(deleted.completed().address, None);
    }

    #[test]
    fn the_version_that_runs_is_told_beside_the_one_that_was_asked_for() {
        let told = |running: Option<&str>, requested: &str| {
            let instance = Instance {
                running_version: running.map(str::to_owned),
                postgres_version: Some(requested.to_owned()),
                ..Instance::default()
            };
            instance.told_version().unwrap()
        };
        assert_eq!(told(None, "18"), "18");
        assert_eq!(told(Some("18.1"), "18"), "18.1");
        assert_eq!(told(Some("18.1"), "18.1"), "18.1");
        assert_eq!(told(Some("15.18"), "18"), "15.18 (requested 18)");
        assert_eq!(told(Some("18.10"), "18.1"), "18.10 (requested 18.1)");
    }

    #[test]
    fn without_one_the_service_s_own_address_is_told() {
        let instance = Instance {
            dns_name: Some("d".to_owned()),
            external_ip: Some("10.0.0.1".to_owned()),
            port: Some(5432),
            storage_gb: Some(10),
            ..Instance::default()
        };
        let told = instance.clone().completed();
        assert_eq!(told.address.as_deref(), Some("d:5432"));
        assert_eq!(told.storage_bytes, Some(10_737_418_240));
        assert_eq!(Instance { port: None, ..instance }.completed().address, None);
    }

    #[test]
    fn a_step_has_a_duration_once_it_has_ended() {
        let step = Step {
            started_at: Some("2024-11-17T12:00:00Z".to_owned()),
            ended_at: Some("2024-11-17T12:00:01.5Z".to_owned()),
            ..Step::default()
        };
        assert_eq!(step.clone().completed().duration_ms, Some(1500));
        let running = Step { ended_at: None, ..step }.completed();
        assert_eq!(running.duration_ms, None);
        assert_eq!(running.so_far(1_731_844_802_000), Some(2000));
    }
}
