//! The settings that the process needs, read once.

use super::home::Home;
use super::options::{Mode, Typed};
use crate::control::ControlSettings;
use crate::log;
use serde_json::Value;
use std::net::IpAddr;
use std::time::Duration;
use toygres_plugin_api::protocol::{Config, Source};
use toygres_plugin_api::{Context, Error, Result};

/// The configuration as the host answered it.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    config: Config,
}

impl Settings {
    /// Asks the host.
    ///
    /// # Errors
    /// When the configuration file is broken.
    pub(crate) async fn read(ctx: &Context) -> Result<Self> {
        Ok(Self { config: ctx.config().all().await? })
    }

    /// The context of the configuration file.
    pub(crate) fn context(&self) -> Option<&str> {
        self.config.context.as_deref()
    }

    /// Where the process keeps its files.
    ///
    /// # Errors
    /// When neither `TOYGRES_HOME` nor `HOME` says so.
    pub(crate) fn home(&self) -> Result<Home> {
        let path = |key: &str| {
            let path = self.text(key).map(std::path::PathBuf::from).ok_or_else(|| {
                Error::usage("there is no home folder").hint("set `TOYGRES_HOME` to a folder")
            })?;
            // What is kept of it is read from other folders.
            Ok::<_, Error>(std::path::absolute(&path).unwrap_or(path))
        };
        Ok(Home {
            folder: path("paths.home")?,
            pid_file: path("paths.pid_file")?,
            log_file: path("paths.log_file")?,
        })
    }

    /// A setting's text; `None` where nothing sets it.
    pub(crate) fn text(&self, key: &str) -> Option<String> {
        match &self.setting(key)?.value {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }

    /// Something set it: it is no default.
    pub(crate) fn is_set(&self, key: &str) -> bool {
        self.setting(key)
            .is_some_and(|found| found.source != Source::Default && !found.value.is_null())
    }

    /// Where a setting's value comes from.
    pub(crate) fn source(&self, key: &str) -> Option<Source> {
        self.setting(key).map(|found| found.source)
    }

    /// The settings that stand on the command line as options of the connection or in the `.env`
    /// file of the current folder, each with the variable that says the same.
    pub(crate) fn passed(&self) -> Vec<(String, String)> {
        let passed = [Source::Flag, Source::DotEnv];
        let given = self.config.settings.iter().filter(|found| passed.contains(&found.source));
        given.filter_map(|found| Some((found.key.clone(), found.env.clone()?))).collect()
    }

    /// The variable that sets a setting.
    pub(crate) fn variable(&self, key: &str) -> Option<String> {
        self.setting(key)?.env.clone()
    }

    /// A whole number within bounds.
    ///
    /// # Errors
    /// What it may be.
    pub(crate) fn number(&self, key: &str, least: u64, most: u64) -> Result<u64> {
        let text = self.text(key).unwrap_or_default();
        text.parse().ok().filter(|number| (least..=most).contains(number)).ok_or_else(|| {
            Error::usage(format!("the setting `{key}` cannot be `{text}`"))
                .hint(format!("give a whole number from {least} to {most}; {HINT}"))
        })
    }

    /// A number of milliseconds.
    ///
    /// # Errors
    /// What it may be.
    pub(crate) fn duration(&self, key: &str, least_ms: u64) -> Result<Duration> {
        Ok(Duration::from_millis(self.number(key, least_ms, 24 * 3600 * 1000)?))
    }

    /// A number of things.
    fn count(&self, key: &str, least: u64, most: u64) -> Result<usize> {
        Ok(usize::try_from(self.number(key, least, most)?).unwrap_or(usize::MAX))
    }

    /// A number of days: one at least, ten years at most.
    fn days(&self, key: &str) -> Result<i32> {
        Ok(i32::try_from(self.number(key, 1, 3650)?).unwrap_or(i32::MAX))
    }

    fn flag(&self, key: &str) -> Result<Option<bool>> {
        match self.text(key).as_deref() {
            None => Ok(None),
            Some("true" | "1" | "yes" | "on") => Ok(Some(true)),
            Some("false" | "0" | "no" | "off") => Ok(Some(false)),
            Some(other) => Err(Error::usage(format!("the setting `{key}` cannot be `{other}`"))
                .hint(format!("give `true` or `false`; {HINT}"))),
        }
    }

    fn setting(&self, key: &str) -> Option<&toygres_plugin_api::protocol::Setting> {
        self.config.settings.iter().find(|found| found.key == key)
    }
}

const HINT: &str = "see where it is set with `toygres server config`";

/// What a process is to do: the typed options over the settings.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) mode: Mode,
    pub(crate) bind: IpAddr,
    pub(crate) port: u16,
    pub(crate) workers: u32,
    pub(crate) log_level: String,
    pub(crate) log_max_bytes: u64,
    pub(crate) log_keep: u32,
    /// Names besides the loopback's that the API answers to.
    pub(crate) hosts: Vec<String>,
    pub(crate) request_timeout: Duration,
    pub(crate) follow_timeout: Duration,
    /// Connections of clients, as far as there are descriptors for them.
    pub(crate) connections: usize,
    /// Those of one address; 0 is a quarter of them.
    pub(crate) connections_per_address: usize,
    /// Commands that run for clients at a time.
    pub(crate) commands: usize,
    pub(crate) drain: Duration,
}

impl Plan {
    /// Puts options and settings together.
    ///
    /// # Errors
    /// What cannot be, and what can.
    pub(crate) fn new(typed: &Typed, settings: &Settings) -> Result<Self> {
        let mode = match typed.mode {
            Some(mode) => mode,
            None => Mode::read(&settings.text("server.mode").unwrap_or_default())?,
        };
        if mode == Mode::Worker && (typed.bind.is_some() || typed.port.is_some()) {
            return Err(Error::usage("a worker opens no port")
                .hint("leave out `--port` and `--bind`, or take `--mode standalone`"));
        }
        let port = match typed.port {
            Some(port) => port,
            None => u16::try_from(settings.number("server.port", 0, 65_535)?).unwrap_or_default(),
        };
        let workers = match typed.workers {
            Some(workers) => workers.into(),
            None => settings.number("server.workers", 1, MOST_WORKERS)?,
        };
        if !(1..=MOST_WORKERS).contains(&workers) {
            return Err(Error::usage(format!("{workers} workers are not possible"))
                .hint(format!("give `--workers` 1 to {MOST_WORKERS}")));
        }
        let log_level = typed.log_level.clone().or_else(|| settings.text("server.log_level"));
        let log_level = log_level.unwrap_or_default();
        // Read here, so that one which cannot be is refused before anything is started or ended.
        log::filter(&log_level)?;
        let hosts = settings.text("server.hosts").unwrap_or_default();
        let hosts = hosts.split(',').map(|name| name.trim().to_ascii_lowercase());
        Ok(Self {
            mode,
            bind: bind(typed, settings)?,
            port,
            workers: workers as u32,
            log_level,
            log_max_bytes: settings.number("server.log_max_bytes", 4096, u64::MAX)?,
            log_keep: settings.number("server.log_keep", 0, 1000)? as u32,
            hosts: hosts.filter(|name| !name.is_empty()).collect(),
            request_timeout: settings.duration("server.request_timeout_ms", 100)?,
            follow_timeout: settings.duration("server.follow_timeout_ms", 100)?,
            connections: settings.count("server.connections", 16, MOST_CONNECTIONS)?,
            connections_per_address: settings.count(
                "server.connections_per_address",
                0,
                MOST_CONNECTIONS,
            )?,
            commands: settings.count("server.commands", 1, 256)?,
            drain: settings.duration("server.drain_ms", 0)?.min(LONGEST_DRAIN),
        })
    }
}

/// Each takes memory; more clients come through a proxy.
const MOST_CONNECTIONS: u64 = 10_000;

/// More would only wait for the database.
const MOST_WORKERS: u64 = 256;

/// `start` lives this long after it was told to end, less what its last steps take.
const LONGEST_DRAIN: Duration = Duration::from_secs(50);

fn bind(typed: &Typed, settings: &Settings) -> Result<IpAddr> {
    let text = typed.bind.clone().or_else(|| settings.text("server.bind")).unwrap_or_default();
    let text = if text == "localhost" { "127.0.0.1" } else { &text };
    text.trim_start_matches('[').trim_end_matches(']').parse().map_err(|_| {
        Error::usage(format!("`{text}` is no address to listen on"))
            .hint("give an IP address, such as 127.0.0.1, ::1 or 0.0.0.0")
    })
}

/// What the control plane needs.
///
/// # Errors
/// When there is no database, or a setting cannot be what it is.
pub(crate) async fn control(
    ctx: &Context,
    settings: &Settings,
    plan: &Plan,
) -> Result<ControlSettings> {
    let url = ctx.config().reveal("database.url").await?.ok_or_else(|| {
        Error::usage("no database is configured").hint(
            "set `DATABASE_URL` or give `--database-url`; `toygres local up` makes one of its own",
        )
    })?;
    let defaults = ControlSettings::new(url);
    let text = |key: &str| settings.text(key).filter(|text| !text.is_empty());
    let in_cluster = std::env::var_os("KUBERNETES_SERVICE_HOST").is_some();
    /// The context of the kubeconfig that `toygres local up` writes.
    const LOCAL_CONTEXT: &str = "toygres-local";
    Ok(ControlSettings {
        cms_schema: text("database.cms_schema").unwrap_or(defaults.cms_schema),
        duroxide_schema: text("database.duroxide_schema").unwrap_or(defaults.duroxide_schema),
        namespace: ctx.kube_target().await?.namespace,
        image: text("kubernetes.image").unwrap_or(defaults.image),
        storage_class: text("kubernetes.storage_class"),
        is_local: text("kubernetes.context").as_deref() == Some(LOCAL_CONTEXT),
        dns_suffix: text("kubernetes.dns_suffix"),
        network_policy: settings.flag("kubernetes.network_policy")?.unwrap_or(false),
        cluster_network: settings.flag("kubernetes.cluster_network")?.unwrap_or(in_cluster),
        monitor_interval: settings.duration("server.monitor_interval_ms", 10)?,
        ready_interval: settings.duration("server.ready_interval_ms", 10)?,
        lease: settings.duration("server.lease_ms", 1000)?,
        keep_checks_days: settings.days("server.keep_checks_days")?,
        keep_events_days: settings.days("server.keep_events_days")?,
        workers: plan.workers as usize,
        ..ControlSettings::new(defaults.database_url)
    })
}
