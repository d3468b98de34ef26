//! Brings every scenario about, and waits until its records are there.

use super::records::State;
use super::{
    Scenario, children, create, instance, parallel, releases, retry, routing, runtimes, waiting,
};
use crate::postgres::Binaries;
use crate::secrets::Secrets;
use crate::{Result, wait};
use duroxide::Client;
use duroxide::providers::Provider;
use duroxide::runtime::Runtime;
use std::sync::Arc;

/// Where scenarios are driven: the client, and the database as psql sees it.
pub(super) struct Stage {
    pub(super) client: Client,
    pub(super) url: String,
    secrets: Secrets,
    binaries: Binaries,
}

impl Stage {
    /// Starts a scenario's orchestration, unless its records are there already.
    pub(super) async fn begin(
        &self,
        scenario: Scenario,
        name: &str,
        version: Option<&str>,
    ) -> Result {
        if self.is(scenario, &KNOWN)? {
            return Ok(());
        }
        let input = instance::input(scenario, &self.secrets);
        match version {
            Some(version) => {
                self.client
                    .start_orchestration_versioned(scenario.id(), name, version, input)
                    .await?;
            }
            None => self.client.start_orchestration(scenario.id(), name, input).await?,
        }
        Ok(())
    }

    /// Waits until the records of a scenario are in a state.
    pub(super) async fn reaches(&self, scenario: Scenario, state: State) -> Result {
        let what = format!("{} of {scenario}", state.what);
        // The poll blocks this thread; the runtime's others go on.
        tokio::task::block_in_place(|| {
            wait::until(&what, || Ok(self.is(scenario, &state)?.then_some(())))
        })
    }

    /// Changes records as time or another release would; `$id` is the scenario's.
    pub(super) fn alter(&self, scenario: Scenario, sql: &str) -> Result {
        self.ask(scenario, sql).map(drop)
    }

    fn is(&self, scenario: Scenario, state: &State) -> Result<bool> {
        Ok(self.ask(scenario, &format!("SELECT {}", state.sql))? == "t")
    }

    fn ask(&self, scenario: Scenario, sql: &str) -> Result<String> {
        let sql = sql.replace("$id", &format!("'{}'", scenario.id()));
        self.binaries.psql(&self.url, &format!("SET search_path = {}; {sql}", super::SCHEMA))
    }
}

/// There is any record of it.
const KNOWN: State = State {
    what: "any record",
    sql: "EXISTS (SELECT FROM instances WHERE instance_id = $id) \
          OR EXISTS (SELECT FROM orchestrator_queue WHERE instance_id = $id)",
};

/// All scenarios; answers the runtime that goes on.
pub(super) async fn all(
    url: &str,
    secrets: &Secrets,
    scenarios: &[Scenario],
) -> Result<Arc<Runtime>> {
    let provider = runtimes::provider(url).await?;
    let stage = Stage {
        client: Client::new(provider.clone() as Arc<dyn Provider>),
        url: url.to_owned(),
        secrets: secrets.clone(),
        binaries: Binaries::find()?,
    };
    // An older release first: it is gone when the others begin.
    releases::before(&stage, &provider, scenarios).await?;
    let runtime = runtimes::current(&provider, secrets).await;
    for scenario in scenarios {
        one(&stage, *scenario).await?;
    }
    Ok(runtime)
}

async fn one(stage: &Stage, scenario: Scenario) -> Result {
    match scenario {
        // Begun by the completed creation.
        Scenario::Monitor => Ok(()),
        Scenario::Completed
        | Scenario::Deleted
        | Scenario::Failed
        | Scenario::LongTimer
        | Scenario::Cancelled => create::drive(stage, scenario).await,
        Scenario::Retried | Scenario::Exhausted => retry::drive(stage, scenario).await,
        Scenario::Event | Scenario::Queue => waiting::drive(stage, scenario).await,
        Scenario::DeepFailure | Scenario::WaitingChild => children::drive(stage, scenario).await,
        Scenario::Parallel | Scenario::Joining => parallel::drive(stage, scenario).await,
        Scenario::OverdueTimer
        | Scenario::CancelRequested
        | Scenario::NewVersion
        | Scenario::OldVersion
        | Scenario::NewRuntime
        | Scenario::UnknownType
        | Scenario::PoisonedStart => releases::drive(stage, scenario).await,
        Scenario::NoWorker
        | Scenario::UnknownActivity
        | Scenario::LeaseHeld
        | Scenario::LeaseExpired
        | Scenario::PoisonedActivity
        | Scenario::Worn
        | Scenario::Executing => routing::drive(stage, scenario).await,
    }
}
