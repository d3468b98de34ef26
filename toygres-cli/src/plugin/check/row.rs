//! One check and what it found.

use crate::fault::Fault;
use serde::Serialize;

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Row {
    /// A stable word for machines.
    pub(super) check: &'static str,
    pub(super) outcome: Outcome,
    /// What was found, in one line.
    pub(super) found: String,
    /// What to do.
    pub(super) hint: Option<String>,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    Ok,
    /// An operator may stumble over it.
    Warning,
    /// This host refuses it, or cannot serve it.
    Failed,
    /// What failed before leaves nothing to look at.
    Skipped,
}

impl Row {
    pub(super) fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, outcome: Outcome::Ok, found: found.into(), hint: None }
    }

    pub(super) fn failed(check: &'static str, found: impl Into<String>, hint: &str) -> Self {
        let hint = Some(hint.to_owned());
        Self { check, outcome: Outcome::Failed, found: found.into(), hint }
    }

    pub(super) fn skipped(check: &'static str, why: impl Into<String>) -> Self {
        Self { check, outcome: Outcome::Skipped, found: why.into(), hint: None }
    }

    pub(super) fn fault(check: &'static str, fault: &Fault) -> Self {
        Self::failed(check, fault.message.clone(), &fault.hint)
    }

    /// `well` where nothing was found; otherwise all of it in one row.
    pub(super) fn of_findings(
        check: &'static str,
        outcome: Outcome,
        findings: &[String],
        well: impl Into<String>,
        hint: &str,
    ) -> Self {
        if findings.is_empty() {
            return Self::ok(check, well);
        }
        Self { check, outcome, found: findings.join("; "), hint: Some(hint.to_owned()) }
    }
}

/// Whether a check failed.
pub(super) fn failed(rows: &[Row]) -> bool {
    rows.iter().any(|row| row.outcome == Outcome::Failed)
}
