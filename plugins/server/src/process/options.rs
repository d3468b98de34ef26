//! What is typed for `start` and `restart`.

use super::record::Record;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;
use toygres_plugin_api::{Error, Result, ValueEnum};

/// What the process does.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// Serve the API and work on orchestrations
    Standalone,
    /// Only serve the API
    Api,
    /// Only work on orchestrations; opens no port
    Worker,
}

impl Mode {
    /// It serves the API.
    pub(crate) fn serves(self) -> bool {
        self != Self::Worker
    }

    /// It works on orchestrations.
    pub(crate) fn works(self) -> bool {
        self != Self::Api
    }

    /// The mode of this name in a setting.
    ///
    /// # Errors
    /// Which modes there are.
    pub(crate) fn read(name: &str) -> Result<Self> {
        [Self::Standalone, Self::Api, Self::Worker]
            .into_iter()
            .find(|mode| mode.name() == name)
            .ok_or_else(|| {
                Error::usage(format!("there is no mode `{name}`"))
                    .hint("modes are standalone, api and worker; see `toygres server config`")
            })
    }
}

/// The options that were typed; what was not is taken from the settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Typed {
    pub(crate) mode: Option<Mode>,
    pub(crate) bind: Option<String>,
    pub(crate) port: Option<u16>,
    pub(crate) workers: Option<u32>,
    pub(crate) log_level: Option<String>,
    /// Where its plugins are looked for first.
    pub(crate) plugin_dirs: Vec<PathBuf>,
    /// The settings that were given as options of the connection; they are passed on in the
    /// environment.
    pub(crate) passed: Vec<String>,
}

impl Typed {
    /// These, and what `before` says where these say nothing.
    pub(crate) fn over(self, before: Self) -> Self {
        let mut passed = [self.passed, before.passed].concat();
        passed.sort();
        passed.dedup();
        Self {
            passed,
            mode: self.mode.or(before.mode),
            bind: self.bind.or(before.bind),
            port: self.port.or(before.port),
            workers: self.workers.or(before.workers),
            log_level: self.log_level.or(before.log_level),
            plugin_dirs: match self.plugin_dirs.is_empty() {
                true => before.plugin_dirs,
                false => self.plugin_dirs,
            },
        }
    }

    /// Those that a server which runs does not have, as they are typed.
    pub(crate) fn unlike(&self, record: &Record) -> Vec<String> {
        let other = Self {
            mode: self.mode.filter(|mode| *mode != record.mode),
            bind: self.bind.clone().filter(|bind| *bind != record.bind),
            // Any port is any port, and the one that it has is the one that it has.
            port: self.port.filter(|port| *port != record.port && !record.listens_on(*port)),
            workers: self.workers.filter(|workers| *workers != record.workers),
            log_level: self.log_level.clone().filter(|level| *level != record.log_level),
            plugin_dirs: Vec::new(),
            passed: Vec::new(),
        };
        let words = other.words();
        words.iter().map(|word| word.to_string_lossy().into_owned()).collect()
    }

    /// As they are typed, but for the plugins' folders.
    pub(crate) fn words(&self) -> Vec<OsString> {
        let port = self.port.map(|port| port.to_string());
        let workers = self.workers.map(|workers| workers.to_string());
        let given = [
            ("--mode", self.mode.map(|mode| mode.name().to_owned())),
            ("--bind", self.bind.clone()),
            ("--port", port),
            ("--workers", workers),
            ("--log-level", self.log_level.clone()),
        ];
        let passed = self.passed.iter().map(|key| ("--passed", Some(key.clone())));
        let given = given.into_iter().chain(passed);
        let given = given.filter_map(|(name, value)| Some((name, value?)));
        given.flat_map(|(name, value)| [OsString::from(name), value.into()]).collect()
    }
}

/// How a start is waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// Go on trying while a backend cannot be reached.
    pub(crate) wait: bool,
    /// For so long in all.
    pub(crate) timeout: Duration,
}
