//! What was found.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// The sort of a drift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Objects in Kubernetes that no live record of the CMS owns.
    Orphaned,
    /// A record of the CMS of which there is nothing in Kubernetes.
    Abandoned,
    /// Both are there and say different things.
    Mismatch,
}

impl Kind {
    /// Every kind, in the order in which they are shown.
    pub const ALL: &[Self] = &[Self::Orphaned, Self::Abandoned, Self::Mismatch];

    /// The word for it in data, and in `drift_detections.detection_type`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Orphaned => "orphaned",
            Self::Abandoned => "abandoned",
            Self::Mismatch => "mismatch",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The records are wrong; the database is not harmed by it.
    Warning,
    /// The database cannot be used, or its data is in danger.
    Error,
}

impl Severity {
    /// The word for it in data.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One thing about which the sides differ.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Field {
    /// Its stable name, such as `image`.
    pub field: &'static str,
    /// What the CMS says, or demands.
    pub cms: Value,
    /// What Kubernetes says.
    pub kubernetes: Value,
    /// What the workflows' records say, for the fields that are about them.
    pub workflows: Value,
    /// How bad this one is.
    pub severity: Severity,
    /// More about it, such as why a pod is not ready.
    pub reason: Option<String>,
}

impl Field {
    /// A difference that leaves the database usable.
    #[must_use]
    pub fn warning(
        field: &'static str,
        cms: impl Into<Value>,
        kubernetes: impl Into<Value>,
    ) -> Self {
        Self {
            field,
            cms: cms.into(),
            kubernetes: kubernetes.into(),
            workflows: Value::Null,
            severity: Severity::Warning,
            reason: None,
        }
    }

    /// A difference that does not.
    #[must_use]
    pub fn error(field: &'static str, cms: impl Into<Value>, kubernetes: impl Into<Value>) -> Self {
        Self { severity: Severity::Error, ..Self::warning(field, cms, kubernetes) }
    }

    /// A difference between the CMS and the workflows' records.
    #[must_use]
    pub fn workflow(
        field: &'static str,
        cms: impl Into<Value>,
        workflows: impl Into<Value>,
    ) -> Self {
        let workflows = workflows.into();
        Self { workflows, ..Self::warning(field, cms, Value::Null) }
    }

    /// With more about it.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }
}

/// One instance's drift of one kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// The sort.
    pub kind: Kind,
    /// The instance's name in Kubernetes.
    pub k8s_name: String,
    /// The name that its user gave it, where the CMS knows it.
    pub instance: Option<String>,
    /// The id of its record, where there is one.
    pub id: Option<String>,
    /// The namespace that it is about.
    pub namespace: String,
    /// The state in the CMS, where there is a record.
    pub state: Option<String>,
    /// What is there of it in Kubernetes: `StatefulSet`, `Service`, …
    pub resources: Vec<&'static str>,
    /// What of it should be there and is not.
    pub missing: Vec<&'static str>,
    /// The worst of its fields.
    pub severity: Severity,
    /// Where the sides differ.
    pub fields: Vec<Field>,
    /// The volume behind its claim, where Kubernetes has an object for that.
    pub volume: Option<String>,
}

impl Finding {
    /// The field of this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.field == name)
    }

    /// Sets the severity to that of the worst field.
    pub fn weigh(&mut self) {
        let worst = self.fields.iter().map(|field| field.severity).max();
        self.severity = worst.unwrap_or(Severity::Warning);
    }
}
