//! What others are told while the server runs: the pid file, the API's address, the readiness.

use crate::api::Readiness;
use crate::control::Worker;
use crate::process::home::{self, Home};
use crate::process::record::Record;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use toygres_plugin_api::{Error, Result, ValueEnum};

/// Keeps the files and the readiness in step.
pub(super) struct Keeper {
    home: Home,
    record: Mutex<Record>,
    readiness: watch::Sender<Readiness>,
}

impl Keeper {
    pub(super) fn new(home: Home, record: Record, readiness: watch::Sender<Readiness>) -> Self {
        Self { home, record: Mutex::new(record), readiness }
    }

    /// Where it is found.
    pub(super) fn place(&self) -> String {
        let record = self.record();
        match &record.url {
            Some(url) => format!("{url} (process {})", record.identity.pid),
            None => format!("process {}", record.identity.pid),
        }
    }

    /// This process as the deployment knows it: no other has its id, not one of its number later.
    pub(super) fn worker(&self) -> Worker {
        let record = self.record();
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let identity = &record.identity;
        Worker {
            id: format!("{host}-{}-{:x}", identity.pid, identity.start_ticks),
            host,
            pid: identity.pid.unsigned_abs(),
            mode: record.mode.name().to_owned(),
            version: record.version.clone(),
            started_ms: jiff::Timestamp::now().as_millisecond(),
            drain: Duration::ZERO,
        }
    }

    /// Everything is there for the first time.
    pub(super) fn ready(&self) -> Result<()> {
        let mut record = self.record();
        record.ready_at = Some(jiff::Timestamp::now().to_string());
        record.waits_for = Vec::new();
        if let Some(url) = &record.url {
            let file = self.home.url_file();
            home::replace(&file, &format!("{url}\n"), 0o644)
                .map_err(|error| home::unwritable(&file, error))?;
        }
        let file = &self.home.pid_file;
        record.write(file).map_err(|error| home::unwritable(file, error))
    }

    /// Not yet, and why.
    pub(super) fn waits_for(&self, error: &Error) {
        let reasons = std::iter::once(&error.message).chain(&error.causes).cloned().collect();
        self.tell(|record| record.waits_for = reasons);
    }

    /// What was found when it was looked again.
    pub(super) fn update(&self, found: Readiness) {
        let before = self.readiness.borrow().clone();
        let reasons = found.reasons();
        let changed = before.ready != found.ready || before.reasons() != reasons;
        let known = before.checked_at.is_some();
        let ready = found.ready;
        self.readiness.send_modify(|now| {
            let stopping = now.stopping;
            *now = Readiness { stopping, ..found };
        });
        if !changed || !known {
            return;
        }
        if ready {
            tracing::info!("the server is ready again");
        } else {
            tracing::warn!("the server is not ready: {}", reasons.join("; "));
        }
        self.tell(|record| {
            record.ready_at = ready.then(|| jiff::Timestamp::now().to_string());
            record.waits_for = reasons;
        });
    }

    /// It was told to end.
    pub(super) fn stopping(&self) {
        self.readiness.send_modify(|now| now.stopping = true);
        self.tell(|record| record.stopping = true);
    }

    /// Takes away what says that it runs.
    pub(super) fn remove(&self) {
        for file in [self.home.url_file(), self.home.pid_file.clone()] {
            if let Err(error) = home::remove(&file) {
                tracing::warn!(%error, "{} stays", file.display());
            }
        }
    }

    /// Changes the record. That the pid file cannot be written is no reason to stop serving.
    fn tell(&self, change: impl FnOnce(&mut Record)) {
        let mut record = self.record();
        change(&mut record);
        if let Err(error) = record.write(&self.home.pid_file) {
            tracing::warn!(%error, "the pid file cannot be written");
        }
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
