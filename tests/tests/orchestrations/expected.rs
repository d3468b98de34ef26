//! What must be told of each scenario.

use toygres_tests::workload::Scenario;

/// What a scenario's orchestration looks like to an operator.
pub(crate) struct Expected {
    pub(crate) scenario: Scenario,
    pub(crate) status: &'static str,
    /// The kind of the diagnosis, of the innermost orchestration; none for one that ended well.
    pub(crate) diagnosis: Option<&'static str>,
    /// What its line for people must name.
    pub(crate) names: &'static [&'static str],
    /// Somebody has to do something.
    pub(crate) stuck: bool,
}

const fn healthy(
    scenario: Scenario,
    status: &'static str,
    diagnosis: Option<&'static str>,
    names: &'static [&'static str],
) -> Expected {
    Expected { scenario, status, diagnosis, names, stuck: false }
}

const fn stuck(
    scenario: Scenario,
    status: &'static str,
    diagnosis: &'static str,
    names: &'static [&'static str],
) -> Expected {
    Expected { scenario, status, diagnosis: Some(diagnosis), names, stuck: true }
}

use Scenario as S;

pub(crate) const ALL: &[Expected] = &[
    healthy(S::Completed, "completed", None, &[]),
    healthy(S::Deleted, "completed", None, &[]),
    healthy(S::Retried, "completed", None, &[]),
    healthy(S::Parallel, "completed", None, &[]),
    healthy(S::Monitor, "running", Some("waiting_timer"), &["timer", "fires in"]),
    healthy(S::Failed, "failed", Some("root_cause"), &["`deploy-postgres` failed"]),
    healthy(S::Exhausted, "failed", Some("root_cause"), &["`deploy-postgres` failed"]),
    healthy(S::DeepFailure, "failed", Some("root_cause"), &["`attach-disk` failed", "::sub::"]),
    healthy(S::LongTimer, "running", Some("waiting_timer"), &["fires in"]),
    healthy(S::Event, "running", Some("waiting_event"), &["`quota-approved`"]),
    healthy(S::Queue, "running", Some("waiting_event"), &["`instance-commands`"]),
    healthy(
        S::WaitingChild,
        "running",
        Some("waiting_event"),
        &["sub-orchestration", "`volume-attached`"],
    ),
    healthy(S::Joining, "running", Some("waiting_event"), &["`dns-propagated`"]),
    healthy(S::Cancelled, "cancelled", Some("cancelled"), &["created by mistake"]),
    healthy(S::PoisonedActivity, "failed", Some("root_cause"), &["poison"]),
    healthy(S::PoisonedStart, "failed", Some("root_cause"), &["poison"]),
    healthy(
        S::LeaseHeld,
        "running",
        Some("executing_activity"),
        &["`deploy-postgres`", "lease for another"],
    ),
    healthy(
        S::Executing,
        "running",
        Some("executing_activity"),
        &["`deploy-postgres`", "lease for another"],
    ),
    stuck(S::OverdueTimer, "running", "overdue_timer", &["should have fired"]),
    stuck(S::NoWorker, "running", "queued_no_worker", &["`deploy-postgres`", "`region-moon`"]),
    stuck(S::NewVersion, "pending", "unsupported_version", &["9.0.0", "no worker has"]),
    stuck(S::OldVersion, "running", "unsupported_version", &["0.9.0", "no worker has"]),
    stuck(S::NewRuntime, "running", "queued_no_worker", &["no worker takes it"]),
    stuck(S::UnknownType, "pending", "unregistered", &["`rotate-password`", "no worker has"]),
    stuck(S::UnknownActivity, "running", "unregistered", &["`warm-cache`", "no worker has"]),
    stuck(S::LeaseExpired, "running", "lease_expired", &["`deploy-postgres`", "lease expired"]),
    stuck(S::Worn, "running", "poisoned", &["`deploy-postgres`", "12 times"]),
];

#[test]
fn every_scenario_has_its_expectation() {
    // Asked apart: its answer changes while it is asked (`detail::a_cancel_request_is_told`).
    let apart = [S::CancelRequested];
    for scenario in S::ALL.iter().filter(|scenario| !apart.contains(scenario)) {
        assert!(ALL.iter().any(|expected| expected.scenario == *scenario), "{scenario}");
    }
}
