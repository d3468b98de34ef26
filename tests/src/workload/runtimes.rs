//! The runtimes: today's release, an older one, and the options they have.

use super::{
    SCHEMA, activities, children, create, monitor, parallel, releases, retry, routing, waiting,
};
use crate::Result;
use crate::secrets::Secrets;
use duroxide::providers::Provider;
use duroxide::runtime::registry::{ActivityRegistry, OrchestrationRegistry};
use duroxide::runtime::{Runtime, RuntimeOptions};
use duroxide_pg::PostgresProvider;
use std::sync::Arc;
use std::time::Duration;

/// Makes the schema and connects.
pub(super) async fn provider(url: &str) -> Result<Arc<PostgresProvider>> {
    let provider = PostgresProvider::new_with_schema(url, Some(SCHEMA)).await;
    Ok(Arc::new(provider.map_err(|error| error.to_string())?))
}

/// Today's release: everything that it knows, on untagged work.
pub(super) async fn current(provider: &Arc<PostgresProvider>, secrets: &Secrets) -> Arc<Runtime> {
    // In the order of their versions, which is what the registry takes.
    let builder = create::register(OrchestrationRegistry::builder());
    let builder = waiting::register(retry::register(monitor::register(builder)));
    let builder = routing::register(parallel::register(children::register(builder)));
    start(provider, activities::registry(secrets), builder.build(), options()).await
}

/// The release before: it knows a version that today's does not.
pub(super) async fn older(provider: &Arc<PostgresProvider>, secrets: &Secrets) -> Arc<Runtime> {
    let registry = releases::older(OrchestrationRegistry::builder()).build();
    start(provider, activities::registry(secrets), registry, options()).await
}

pub(super) async fn start(
    provider: &Arc<PostgresProvider>,
    activities: ActivityRegistry,
    orchestrations: OrchestrationRegistry,
    options: RuntimeOptions,
) -> Arc<Runtime> {
    let store = provider.clone() as Arc<dyn Provider>;
    Runtime::start_with_options(store, activities, orchestrations, options).await
}

/// Short polls, since somebody waits for each step; leases that outlast the runtime by minutes.
pub(super) fn options() -> RuntimeOptions {
    RuntimeOptions {
        dispatcher_min_poll_interval: Duration::from_millis(20),
        orchestration_concurrency: 2,
        worker_concurrency: 4,
        worker_lock_timeout: Duration::from_secs(600),
        // duroxide wants it to be longer than the longest lease here.
        session_idle_timeout: Duration::from_secs(24 * 3600),
        ..RuntimeOptions::default()
    }
}

/// The runtimes' own logs would stand between the lines of tests; whoever wants them sets RUST_LOG.
pub(super) fn silence_logs() {
    if std::env::var_os("RUST_LOG").is_some() {
        return;
    }
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let none = tracing::subscriber::NoSubscriber::default();
        let _kept = tracing::subscriber::set_global_default(none);
    });
}
