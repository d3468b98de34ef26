//! A worker in a process of its own, to be killed.

use super::runtimes;
use crate::Result;
use duroxide::providers::TagFilter;
use duroxide::runtime::RuntimeOptions;
use duroxide::runtime::registry::{ActivityRegistry, OrchestrationRegistry};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Starts one that serves a tag and holds its leases for so long.
///
/// # Errors
/// When its binary is not built.
pub fn start(url: &str, tag: &str, lease: Duration) -> Result<Child> {
    let binary = binary();
    Command::new(&binary)
        .args(["--url", url, "--worker", tag, "--lease", &lease.as_secs().to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .map_err(|error| format!("{}: {error}; build it first", binary.display()).into())
}

/// Ourselves, or the binary beside the tests.
fn binary() -> PathBuf {
    const NAME: &str = "toygres-workload";
    if let Some(path) = std::env::var_os("TOYGRES_WORKLOAD_BIN") {
        return path.into();
    }
    let ours = std::env::current_exe().unwrap_or_default();
    if ours.file_name().is_some_and(|name| name == NAME) {
        return ours;
    }
    ours.ancestors().nth(2).map(|folder| folder.join(NAME)).unwrap_or_default()
}

/// Serves a tag until the process is killed; its one activity never ends.
///
/// # Errors
/// When the database cannot be reached.
pub fn serve(url: &str, tag: &str, lease: Duration) -> Result {
    runtimes::silence_logs();
    let executor =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    executor.block_on(async {
        let provider = runtimes::provider(url).await?;
        let activities = ActivityRegistry::builder()
            .register("deploy-postgres", |_, _| std::future::pending::<Result<String, String>>())
            .build();
        let options = RuntimeOptions {
            worker_lock_timeout: lease,
            worker_tag_filter: TagFilter::tags([tag]),
            orchestration_concurrency: 0,
            ..runtimes::options()
        };
        let registry = OrchestrationRegistry::builder().build();
        let _runtime = runtimes::start(&provider, activities, registry, options).await;
        std::future::pending::<Result>().await
    })
}
