//! Running checks side by side, each with its own deadline.

use crate::check::{self, DEADLINE, Finding, Outcome, Row, Severity};
use crate::gather::Sources;
use crate::gather::contributed::Contribution;
use futures_util::future::join_all;
use serde::Serialize;
use serde_json::{Map, Value};
use std::time::Instant;
use toygres_plugin_api::Schema;

/// What a check found, as it is answered.
#[derive(Debug, Clone, Serialize, Schema)]
pub(crate) struct Checked {
    pub(crate) code: String,
    pub(crate) category: String,
    pub(crate) component: String,
    pub(crate) description: String,
    /// `error` or `warning`: the worst that it can say.
    pub(crate) severity: String,
    /// `ok`, `warning`, `failed`, `unknown` or `skipped`.
    pub(crate) outcome: String,
    pub(crate) summary: String,
    pub(crate) evidence: Map<String, Value>,
    /// Commands that mend it, or show more.
    pub(crate) fix: Vec<String>,
    /// Where the code is described.
    pub(crate) docs: String,
    pub(crate) deadline_ms: u64,
    pub(crate) duration_ms: u64,
    /// The plugin that brought it; `null` for those of this one.
    pub(crate) plugin: Option<String>,
    #[serde(skip)]
    pub(crate) headline: Option<String>,
    #[serde(skip)]
    pub(crate) facts: Vec<(&'static str, String)>,
}

impl Checked {
    pub(crate) fn outcome(&self) -> Outcome {
        Outcome::of(&self.outcome)
    }

    /// Whether the worst that it can say is an error.
    pub(crate) fn is_error(&self) -> bool {
        self.severity != "warning"
    }
}

/// Runs the checks; the answers are in their order.
pub(crate) async fn run(sources: &Sources, rows: &[&Row]) -> Vec<Checked> {
    join_all(rows.iter().map(|row| one(sources, row))).await
}

async fn one(sources: &Sources, row: &Row) -> Checked {
    let begun = Instant::now();
    let looked = tokio::time::timeout(DEADLINE, (row.check)(sources)).await;
    let mut finding = looked.unwrap_or_else(|_| late(row.late));
    if row.severity == Severity::Warning && finding.outcome == Outcome::Failed {
        finding.outcome = Outcome::Warning;
    }
    for command in &mut finding.fix {
        *command = sources.settings.kubectl.aimed(command);
    }
    answered(row, finding, begun.elapsed().as_millis())
}

fn late(outcome: Outcome) -> Finding {
    let mut finding = Finding::unknown(format!("no answer within {} ms", DEADLINE.as_millis()));
    finding.outcome = outcome;
    finding
}

fn answered(row: &Row, finding: Finding, took_ms: u128) -> Checked {
    let millis = |ms: u128| u64::try_from(ms).unwrap_or(u64::MAX);
    // What is well needs no mending.
    let fix = match finding.outcome {
        Outcome::Ok | Outcome::Skipped => Vec::new(),
        _ => finding.fix,
    };
    Checked {
        code: row.code.to_owned(),
        category: row.component.category().to_owned(),
        component: row.component.title().to_owned(),
        description: row.description.to_owned(),
        severity: match row.severity {
            Severity::Error => "error".to_owned(),
            Severity::Warning => "warning".to_owned(),
        },
        outcome: finding.outcome.word().to_owned(),
        summary: finding.summary,
        evidence: *finding.evidence,
        fix,
        docs: check::docs(row.code),
        deadline_ms: millis(DEADLINE.as_millis()),
        duration_ms: millis(took_ms),
        plugin: None,
        headline: finding.headline,
        facts: finding.facts,
    }
}

/// The rows that other plugins brought.
pub(crate) fn brought(contributions: &[Contribution]) -> Vec<Checked> {
    contributions
        .iter()
        .flat_map(|from| from.rows.iter().flatten().map(|row| foreign(from, row)))
        .collect()
}

fn foreign(from: &Contribution, row: &Value) -> Checked {
    let text = |key: &str, default: &str| row[key].as_str().unwrap_or(default).to_owned();
    let code = text("code", &from.command.to_uppercase());
    Checked {
        category: text("category", "Plugins"),
        component: text("component", &from.command),
        description: text("description", ""),
        severity: text("severity", "error"),
        outcome: Outcome::of(row["outcome"].as_str().unwrap_or_default()).word().to_owned(),
        summary: text("summary", ""),
        evidence: row["evidence"].as_object().cloned().unwrap_or_default(),
        fix: match &row["fix"] {
            Value::String(one) => vec![one.clone()],
            Value::Array(several) => {
                several.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            _ => Vec::new(),
        },
        docs: text("docs", ""),
        deadline_ms: u64::try_from(DEADLINE.as_millis()).unwrap_or(u64::MAX),
        duration_ms: from.took_ms,
        plugin: Some(from.plugin.clone()),
        headline: None,
        facts: Vec::new(),
        code,
    }
}
