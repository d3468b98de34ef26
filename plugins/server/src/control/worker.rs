//! A worker: the workflows' runtime, its heartbeats, the janitor and what forgets, until it is told to
//! stop.

mod log;

pub(super) use log::Log;

use super::{ControlPlane, activities, cms, forget, janitor, orchestrations, rollup};
use duroxide::runtime::{Runtime, RuntimeOptions};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use toygres_plugin_api::Result;

/// The pause between two heartbeats.
const BEAT: Duration = Duration::from_secs(5);

/// What a process says of itself.
#[derive(Debug, Clone)]
pub(crate) struct Worker {
    /// Another one each time a process starts.
    pub(crate) id: String,
    pub(crate) host: String,
    pub(crate) pid: u32,
    /// `standalone`, `api` or `worker`.
    pub(crate) mode: String,
    pub(crate) version: String,
    /// Milliseconds since the epoch.
    pub(crate) started_ms: i64,
    /// How long work that has begun may take to end once it is told to stop.
    pub(crate) drain: Duration,
}

impl ControlPlane {
    /// Works until it is told to stop, then lets what has begun come to its end.
    ///
    /// # Errors
    /// None so far: a backend that is away for a while is waited for.
    pub(crate) async fn work(&self, worker: Worker, stop: CancellationToken) -> Result<()> {
        let log = Log::default();
        let runtime = Runtime::start_with_options(
            self.inner.store.clone(),
            activities::registry(self, &log),
            orchestrations::registry(),
            self.options(&worker),
        )
        .await;
        tracing::info!(worker = worker.id, activities = self.inner.settings.workers, "working");
        tokio::join!(
            self.beats(&worker, &log, self.inner.settings.workers, &stop),
            janitor::run(&self.inner, &stop),
            forget::run(&self.inner, &stop),
            rollup::run(&self.inner, &stop),
        );
        tracing::info!(worker = worker.id, "letting begun work come to its end");
        let drain = u64::try_from(worker.drain.as_millis()).unwrap_or(u64::MAX);
        runtime.shutdown(Some(drain)).await;
        self.last_beat(&worker, &log).await;
        Ok(())
    }

    /// Heartbeats alone, for a process that serves requests and does no work.
    ///
    /// # Errors
    /// None so far, as for [`ControlPlane::work`].
    pub(crate) async fn beat(&self, worker: Worker, stop: CancellationToken) -> Result<()> {
        let log = Log::default();
        self.beats(&worker, &log, 0, &stop).await;
        self.last_beat(&worker, &log).await;
        Ok(())
    }

    fn options(&self, worker: &Worker) -> RuntimeOptions {
        let settings = &self.inner.settings;
        let lease = settings.lease.max(Duration::from_secs(1));
        RuntimeOptions {
            worker_concurrency: settings.workers,
            // Turns are short; activities wait for Kubernetes.
            orchestration_concurrency: settings.workers.div_ceil(2),
            worker_lock_timeout: lease,
            orchestrator_lock_timeout: lease.min(Duration::from_secs(5)),
            // duroxide wants it to be longer than the time between two renewals of a lease.
            session_idle_timeout: lease * 2 + Duration::from_secs(300),
            worker_node_id: Some(worker.id.clone()),
            ..RuntimeOptions::default()
        }
    }

    async fn beats(
        &self,
        worker: &Worker,
        log: &Log,
        concurrency: usize,
        stop: &CancellationToken,
    ) {
        let mut ticks = tokio::time::interval(BEAT);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => self.one_beat(worker, log, concurrency, false).await,
                () = log.is_outdated() => self.one_beat(worker, log, concurrency, false).await,
            }
        }
    }

    async fn last_beat(&self, worker: &Worker, log: &Log) {
        self.one_beat(worker, log, 0, true).await;
    }

    async fn one_beat(&self, worker: &Worker, log: &Log, concurrency: usize, stopped: bool) {
        let (activities, recent) = log.told();
        let beat = cms::Beat {
            worker_id: &worker.id,
            host: &worker.host,
            pid: worker.pid,
            mode: &worker.mode,
            version: &worker.version,
            concurrency,
            started_ms: worker.started_ms,
            activities,
            recent,
            stopped,
        };
        let written = tokio::time::timeout(BEAT, cms::beat(&self.inner.cms, &beat)).await;
        match written {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the heartbeat cannot be written"),
            Err(_) => tracing::warn!("the heartbeat could not be written in time"),
        }
        self.add_runs(log).await;
    }

    /// Adds what ended since the last heartbeat to the roll-ups; what cannot be written is added with the
    /// next one.
    async fn add_runs(&self, log: &Log) {
        let runs = log.take_runs();
        let written = tokio::time::timeout(BEAT, cms::add_runs(&self.inner.cms, &runs)).await;
        match written {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::debug!(%error, "the run times of activities cannot be written");
                log.put_back(runs);
            }
            // It may have been written: a run that is missing is better than one that counts twice.
            Err(_) => tracing::debug!("the run times of activities could not be written in time"),
        }
    }
}
