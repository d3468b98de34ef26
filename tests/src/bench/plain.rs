//! duroxide alone: orchestrations of activities that do nothing.

use duroxide::providers::Provider;
use duroxide::runtime::registry::{ActivityRegistry, OrchestrationRegistry};
use duroxide::runtime::{Runtime, RuntimeOptions};
use duroxide::{ActivityContext, Client, OrchestrationContext};
use duroxide_pg::{PostgresProvider, ProviderConfig};
use futures_util::{StreamExt, TryStreamExt};
use std::sync::Arc;
use std::time::Duration;
use toygres_tests::Result;

const ORCHESTRATION: &str = "steps";
const ACTIVITY: &str = "nothing";

/// The schema of its records.
pub(super) const SCHEMA: &str = "bench_duroxide";

/// A runtime at work.
pub(super) struct Plain {
    executor: tokio::runtime::Runtime,
    runtime: Arc<Runtime>,
    client: Client,
}

impl Plain {
    /// Starts one on a database, which runs as many activities at once as a server of `workers`.
    ///
    /// # Errors
    /// When its schema cannot be made.
    pub(super) fn start(url: &str, workers: usize) -> Result<Self> {
        let executor = tokio::runtime::Runtime::new()?;
        let (runtime, client) = executor.block_on(async {
            let mut config = ProviderConfig::url(url);
            config.schema_name = Some(SCHEMA.to_owned());
            let provider = PostgresProvider::new_with_config(config).await;
            let store: Arc<dyn Provider> = Arc::new(provider.map_err(|error| error.to_string())?);
            let activities = ActivityRegistry::builder().register(ACTIVITY, nothing).build();
            let orchestrations =
                OrchestrationRegistry::builder().register(ORCHESTRATION, steps).build();
            let options = options(workers);
            let runtime =
                Runtime::start_with_options(store.clone(), activities, orchestrations, options);
            Ok::<_, toygres_tests::Error>((runtime.await, Client::new(store)))
        })?;
        Ok(Self { executor, runtime, client })
    }

    /// Starts `count` orchestrations of `activities` activities each, some at a time; their ids
    /// begin with `prefix`.
    ///
    /// # Errors
    /// The store's.
    pub(super) fn begin(
        &self,
        prefix: &str,
        count: u32,
        activities: u32,
        at_once: usize,
    ) -> Result {
        let input = activities.to_string();
        let begin = |number| {
            let id = format!("{prefix}{number}");
            let input = input.clone();
            async move { self.client.start_orchestration(&id, ORCHESTRATION, input).await }
        };
        let all = futures_util::stream::iter(0..count).map(begin).buffer_unordered(at_once);
        self.executor.block_on(all.try_collect::<Vec<()>>()).map_err(|error| error.to_string())?;
        Ok(())
    }

    /// Ends it.
    pub(super) fn stop(self) {
        self.executor.block_on(self.runtime.shutdown(Some(1000)));
    }
}

/// As the server has them (`plugins/server/src/control/worker.rs`).
fn options(workers: usize) -> RuntimeOptions {
    let lease = Duration::from_secs(30);
    RuntimeOptions {
        worker_concurrency: workers,
        orchestration_concurrency: workers.div_ceil(2),
        worker_lock_timeout: lease,
        orchestrator_lock_timeout: Duration::from_secs(5),
        session_idle_timeout: lease * 2 + Duration::from_secs(300),
        ..RuntimeOptions::default()
    }
}

async fn nothing(_: ActivityContext, _: String) -> Result<String, String> {
    Ok("{}".to_owned())
}

/// One after the other, as a creation's steps.
async fn steps(ctx: OrchestrationContext, input: String) -> Result<String, String> {
    let count: u32 = input.parse().map_err(|_| format!("`{input}` is no number"))?;
    for _ in 0..count {
        ctx.schedule_activity(ACTIVITY, "{}").await?;
    }
    Ok("{}".to_owned())
}
