//! A real duroxide runtime on a real database, driven into every state that an operator may meet.
//!
//! Each scenario is one orchestration with a fixed id (and what it starts). [`Workload::start`]
//! returns when the records of all of them are in the state that [`Scenario`] describes.

mod activities;
mod children;
mod create;
mod drive;
mod instance;
mod monitor;
mod parallel;
mod records;
mod releases;
mod retry;
mod routing;
mod runtimes;
mod scenario;
mod waiting;
pub mod worker;

pub use scenario::Scenario;

use crate::Result;
use crate::secrets::Secrets;
use duroxide::runtime::Runtime;
use std::sync::Arc;

/// The schema of duroxide's tables.
pub const SCHEMA: &str = "toygres_duroxide";

/// The workflows at work. Dropping it stops the runtime at once, as a killed server would.
pub struct Workload {
    executor: tokio::runtime::Runtime,
    runtime: Option<Arc<Runtime>>,
}

impl Workload {
    /// Makes the schema, brings all scenarios about, and goes on running them.
    ///
    /// Scenarios whose records exist already are left as they are.
    ///
    /// # Errors
    /// When the database refuses, or when a state is not reached in time.
    pub fn start(url: &str, secrets: &Secrets) -> Result<Self> {
        Self::start_only(url, secrets, Scenario::ALL)
    }

    /// Like [`Workload::start`], for some of the scenarios.
    ///
    /// # Errors
    /// As [`Workload::start`].
    pub fn start_only(url: &str, secrets: &Secrets, scenarios: &[Scenario]) -> Result<Self> {
        runtimes::silence_logs();
        let executor =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let runtime = executor.block_on(drive::all(url, secrets, scenarios))?;
        Ok(Self { executor, runtime: Some(runtime) })
    }

    /// Stops the runtime, and leaves the records: an activity that was executing keeps its lease.
    pub fn stop(mut self) {
        self.shut_down();
    }

    fn shut_down(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            self.executor.block_on(runtime.shutdown(Some(0)));
        }
    }
}

impl Drop for Workload {
    fn drop(&mut self) {
        self.shut_down();
    }
}
