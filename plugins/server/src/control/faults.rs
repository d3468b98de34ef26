//! Faults on request, for tests: only in debug builds, and only where `TOYGRES_FAULT` asks for one.
//!
//! `ACTIVITY:before:abort` and `ACTIVITY:after:abort` end the process as `kill -9` does, before the
//! activity's work or between its work and its record; `ACTIVITY:fail` makes it fail for good,
//! `ACTIVITY:unavailable` in a way that is tried again;
//! `ACTIVITY:twice` does its work twice. `*` stands for every activity, and several are separated
//! by commas. The steps of a request count as activities here: `keep-password`, `start-creation`
//! and `start-deletion`.

use super::broken::Broken;
use std::future::Future;

/// Does an activity's work, with the faults that were asked for.
#[cfg(not(debug_assertions))]
pub(super) async fn around<F, T>(_activity: &str, work: impl Fn() -> F) -> Result<T, Broken>
where
    F: Future<Output = Result<T, Broken>>,
{
    work().await
}

/// Does an activity's work, with the faults that were asked for.
#[cfg(debug_assertions)]
pub(super) async fn around<F, T>(activity: &str, work: impl Fn() -> F) -> Result<T, Broken>
where
    F: Future<Output = Result<T, Broken>>,
{
    let Ok(faults) = std::env::var("TOYGRES_FAULT") else { return work().await };
    if asked(&faults, activity, "fail") {
        return Err(Broken::lasting(format!("{activity} was made to fail")));
    }
    if asked(&faults, activity, "unavailable") {
        return Err(Broken::passing(format!("{activity} was made unavailable")));
    }
    if asked(&faults, activity, "before:abort") {
        die().await;
    }
    if asked(&faults, activity, "twice") {
        work().await?;
    }
    let answer = work().await;
    if asked(&faults, activity, "after:abort") {
        die().await;
    }
    answer
}

/// Waits in the middle of an activity's work where `ACTIVITY:gate` asks for it, until there is the
/// file that `TOYGRES_FAULT_GATE` names.
#[cfg(debug_assertions)]
pub(super) async fn gate(activity: &str) {
    let Ok(faults) = std::env::var("TOYGRES_FAULT") else { return };
    let file = std::env::var_os("TOYGRES_FAULT_GATE").filter(|_| asked(&faults, activity, "gate"));
    let Some(file) = file.map(std::path::PathBuf::from) else { return };
    tracing::info!(activity, "waiting at the gate");
    while !file.exists() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// Waits nowhere in a release.
#[cfg(not(debug_assertions))]
pub(super) async fn gate(_activity: &str) {}

/// Ends the process at once: nothing of it runs any more, no handler and no destructor.
#[cfg(debug_assertions)]
async fn die() {
    let _sent =
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    std::future::pending::<()>().await;
}

#[cfg(debug_assertions)]
fn asked(faults: &str, activity: &str, what: &str) -> bool {
    faults
        .split(',')
        .filter_map(|fault| fault.trim().split_once(':'))
        .any(|(name, fault)| fault == what && (name == "*" || name == activity))
}

#[cfg(all(test, debug_assertions))]
mod tests {
    use super::asked;

    #[test]
    fn faults_are_for_one_activity_or_for_all() {
        let faults = "deploy-postgres:before:abort, *:twice";
        assert!(asked(faults, "deploy-postgres", "before:abort"));
        assert!(!asked(faults, "deploy-postgres", "after:abort"));
        assert!(!asked(faults, "delete-postgres", "before:abort"));
        assert!(asked(faults, "delete-postgres", "twice"));
        assert!(!asked("", "delete-postgres", "twice"));
    }
}
