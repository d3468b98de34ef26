//! The answer of `health`: every check, and what they mean together.

use super::instances::View;
use crate::check::Outcome;
use crate::run::Checked;
use serde::Serialize;
use toygres_plugin_api::Schema;
use toygres_plugin_api::report::Verdict;

/// The answer of `health`.
#[derive(Debug, Clone, Serialize, Schema)]
pub(crate) struct Answer {
    /// `healthy`, `warning`, `undetermined` or `unhealthy`.
    pub(crate) status: String,
    /// What makes the exit code 1: `error` or `warning`.
    pub(crate) fail_on: String,
    pub(crate) checked_at: String,
    pub(crate) counts: Counts,
    pub(crate) checks: Vec<Checked>,
    /// Every instance on both sides; `null` where they were not looked at, or could not be read.
    pub(crate) instances: Option<Vec<InstanceFacts>>,
}

/// How many checks found what.
#[derive(Debug, Clone, Copy, Default, Serialize, Schema)]
pub(crate) struct Counts {
    pub(crate) ok: usize,
    pub(crate) warning: usize,
    pub(crate) failed: usize,
    pub(crate) unknown: usize,
    pub(crate) skipped: usize,
}

/// An instance, as its record and its objects tell.
#[derive(Debug, Clone, Serialize, Schema)]
pub(crate) struct InstanceFacts {
    pub(crate) name: String,
    pub(crate) k8s_name: String,
    pub(crate) namespace: String,
    pub(crate) state: String,
    pub(crate) health: String,
    pub(crate) message: Option<String>,
    /// The rest is `null` where its namespace was not looked at.
    pub(crate) stateful_set: Option<bool>,
    pub(crate) service: Option<bool>,
    pub(crate) address: Option<bool>,
    pub(crate) claim: Option<String>,
    pub(crate) pod: Option<String>,
    pub(crate) pod_ready: Option<bool>,
    pub(crate) pod_reason: Option<String>,
    pub(crate) restarts: Option<i64>,
    pub(crate) last_restart_ms: Option<i64>,
    pub(crate) last_restart_reason: Option<String>,
    pub(crate) monitor_live: Option<bool>,
    pub(crate) checked_ms: Option<i64>,
    pub(crate) check_error: Option<String>,
}

impl From<&View> for InstanceFacts {
    fn from(view: &View) -> Self {
        let seen = |known: bool| (!view.elsewhere).then_some(known);
        let record = view.record.clone();
        Self {
            name: record.name,
            k8s_name: record.k8s_name,
            namespace: record.namespace,
            state: record.state,
            health: record.health,
            message: record.message,
            stateful_set: seen(view.stateful_set),
            service: seen(view.service),
            address: seen(view.address),
            claim: view.claim.clone(),
            pod: view.pod_phase.clone(),
            pod_ready: seen(view.pod_ready),
            pod_reason: view.pod_reason.clone(),
            restarts: view.restarts,
            last_restart_ms: view.last_restart_ms,
            last_restart_reason: view.last_restart_reason.clone(),
            monitor_live: record.monitor_live,
            checked_ms: record.checked_ms,
            check_error: record.check_error,
        }
    }
}

/// What all checks mean together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Healthy,
    Warning,
    Undetermined,
    Unhealthy,
}

impl Status {
    fn word(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Warning => "warning",
            Self::Undetermined => "undetermined",
            Self::Unhealthy => "unhealthy",
        }
    }
}

impl Answer {
    pub(crate) fn new(
        checks: Vec<Checked>,
        instances: Option<Vec<InstanceFacts>>,
        fail_on_warning: bool,
    ) -> Self {
        let mut counts = Counts::default();
        for check in &checks {
            match check.outcome() {
                Outcome::Ok => counts.ok += 1,
                Outcome::Warning => counts.warning += 1,
                Outcome::Failed => counts.failed += 1,
                Outcome::Unknown => counts.unknown += 1,
                Outcome::Skipped => counts.skipped += 1,
            }
        }
        let mut answer = Self {
            status: String::new(),
            fail_on: if fail_on_warning { "warning" } else { "error" }.to_owned(),
            checked_at: jiff::Timestamp::now().to_string(),
            counts,
            checks,
            instances,
        };
        answer.status = answer.status().word().to_owned();
        answer
    }

    /// A check that can at worst warn, and could not be made, hides no error.
    pub(crate) fn status(&self) -> Status {
        let unknown_error =
            || self.checks.iter().any(|one| one.outcome() == Outcome::Unknown && one.is_error());
        if self.counts.failed > 0 {
            Status::Unhealthy
        } else if unknown_error() {
            Status::Undetermined
        } else if self.counts.warning + self.counts.unknown > 0 {
            Status::Warning
        } else {
            Status::Healthy
        }
    }

    /// The exit code follows from it.
    pub(crate) fn verdict(&self) -> Verdict {
        let strict = self.fail_on == "warning";
        match self.status() {
            Status::Unhealthy => Verdict::Negative,
            _ if strict && self.counts.warning > 0 => Verdict::Negative,
            Status::Undetermined => Verdict::Undetermined,
            _ if strict && self.counts.unknown > 0 => Verdict::Undetermined,
            Status::Warning | Status::Healthy => Verdict::Clean,
        }
    }

    /// What is not well, in numbers: `2 failed, 1 warning`.
    pub(crate) fn off(&self) -> String {
        let Counts { failed, warning, unknown, .. } = self.counts;
        let plural = if warning == 1 { "" } else { "s" };
        let parts = [
            (failed, format!("{failed} failed")),
            (unknown, format!("{unknown} unknown")),
            (warning, format!("{warning} warning{plural}")),
        ];
        let parts: Vec<String> =
            parts.into_iter().filter(|(count, _)| *count > 0).map(|(_, text)| text).collect();
        parts.join(", ")
    }

    /// What is not well, the worst first; checks that say the same are told together, as
    /// `TG0401 the database answers` or `TG0201, TG0202 and 4 more checks`.
    pub(crate) fn told(&self) -> Vec<(String, Vec<&Checked>)> {
        let mut groups: Vec<Vec<&Checked>> = Vec::new();
        for one in self.troubles() {
            let same = |group: &&mut Vec<&Checked>| {
                group[0].summary == one.summary && group[0].outcome == one.outcome
            };
            match groups.iter_mut().find(same) {
                Some(group) => group.push(one),
                None => groups.push(vec![one]),
            }
        }
        groups.into_iter().map(|group| (title(&group), group)).collect()
    }

    /// What is not well, the worst first.
    pub(crate) fn troubles(&self) -> Vec<&Checked> {
        let mut found: Vec<&Checked> =
            self.checks.iter().filter(|one| one.outcome() > Outcome::Ok).collect();
        found.sort_by_key(|one| std::cmp::Reverse(one.outcome()));
        found
    }
}

fn title(group: &[&Checked]) -> String {
    match group {
        [one] => format!("{} {}", one.code, one.description),
        [first, second] => format!("{}, {}", first.code, second.code),
        [first, second, rest @ ..] => {
            format!("{}, {} and {} more checks", first.code, second.code, rest.len())
        }
        [] => String::new(),
    }
}
