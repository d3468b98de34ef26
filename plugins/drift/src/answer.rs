//! What `drift` answers: data, and a view of it.

mod view;

use crate::ignore::{Ignored, RuleSaid};
use crate::read::NotCompared;
use serde::Serialize;
use serde_json::Value;
use std::collections::HashMap;
use toygres_model::drift::{self, Finding, InFlight, Kind, Piece};
use toygres_model::kubectl::Kubectl;
use toygres_plugin_api::report::Verdict;
use toygres_plugin_api::{Report, Result, Schema};

/// What `drift` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Schema)]
pub(crate) struct Answer {
    /// How many instances the CMS has that are not deleted.
    pub(crate) checked_instances: usize,
    /// How many objects Kubernetes has of instances.
    pub(crate) checked_objects: usize,
    /// By kind and name.
    pub(crate) drifts: Vec<Drift>,
    /// How many there are of each kind.
    pub(crate) summary: Summary,
    /// How many steps `--auto-resolve` would do.
    pub(crate) simple_steps: usize,
    /// What rules let pass.
    pub(crate) ignored: Vec<Ignored>,
    /// Rules that no longer hold.
    pub(crate) expired_rules: Vec<RuleSaid>,
    /// Instances that are being changed, of which nothing can be said yet.
    pub(crate) in_flight: Vec<Moving>,
    /// What could not be read.
    pub(crate) not_compared: Vec<NotCompared>,
    /// Instances of this machine that run another major version than was asked for.
    pub(crate) other_versions: Vec<OtherVersion>,
}

/// How many drifts there are of each kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Schema)]
pub(crate) struct Summary {
    /// Objects that no live record owns.
    pub(crate) orphaned: usize,
    /// Records of which there is nothing.
    pub(crate) abandoned: usize,
    /// Both are there and differ.
    pub(crate) mismatch: usize,
}

/// One instance's drift of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, Schema)]
pub(crate) struct Drift {
    /// `orphaned`, `abandoned` or `mismatch`.
    pub(crate) kind: String,
    /// The instance's name in Kubernetes.
    pub(crate) k8s_name: String,
    /// The name that its user gave it.
    pub(crate) instance: Option<String>,
    /// The id of its record.
    pub(crate) id: Option<String>,
    /// The namespace.
    pub(crate) namespace: String,
    /// The state in the CMS.
    pub(crate) state: Option<String>,
    /// `warning` or `error`.
    pub(crate) severity: String,
    /// One line.
    pub(crate) issue: String,
    /// What is there of it in Kubernetes.
    pub(crate) resources: Vec<String>,
    /// What should be there and is not.
    pub(crate) missing: Vec<String>,
    /// Where the sides differ.
    pub(crate) fields: Vec<Difference>,
    /// What may have led to it.
    pub(crate) causes: Vec<String>,
    /// What can be done.
    pub(crate) resolutions: Vec<Resolution>,
    /// Since when it is known, where a record says so. RFC 3339, UTC.
    pub(crate) since: Option<String>,
}

/// One thing about which the sides differ.
#[derive(Debug, Clone, PartialEq, Serialize, Schema)]
pub(crate) struct Difference {
    /// Its stable name.
    pub(crate) field: String,
    /// What the CMS says, or demands.
    pub(crate) cms: Value,
    /// What Kubernetes says.
    pub(crate) kubernetes: Value,
    /// What the workflows' records say.
    pub(crate) workflows: Value,
    /// `warning` or `error`.
    pub(crate) severity: String,
    /// More about it.
    pub(crate) reason: Option<String>,
}

/// A way to resolve a drift.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Schema)]
pub(crate) struct Resolution {
    /// What it does.
    pub(crate) what: String,
    /// The command, or why there is none.
    pub(crate) command: String,
}

/// An instance that is being changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Schema)]
pub(crate) struct Moving {
    /// The instance's name in Kubernetes.
    pub(crate) k8s_name: String,
    /// The namespace.
    pub(crate) namespace: String,
    /// What changes it.
    pub(crate) reason: String,
    /// Always false: a claim that is deleted though nobody deletes the instance is a drift.
    pub(crate) data_at_risk: bool,
    /// Deletions that do not come to their end by themselves.
    pub(crate) stuck: Vec<Stuck>,
}

/// A deletion that does not come to its end by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Schema)]
pub(crate) struct Stuck {
    /// The plural name of the object's sort in Kubernetes.
    pub(crate) resource: String,
    /// The object's name.
    pub(crate) name: String,
    /// Who has to let it go first.
    pub(crate) finalizers: Vec<String>,
    /// For how long it is being deleted; `null` where that cannot be read.
    pub(crate) age_ms: Option<i64>,
    /// All of it in words.
    pub(crate) text: String,
    /// The command that shows the object.
    pub(crate) command: String,
}

/// An instance whose server reports another major version than was asked for, where that is no
/// drift.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Schema)]
pub(crate) struct OtherVersion {
    /// The instance's name in Kubernetes.
    pub(crate) k8s_name: String,
    /// The version that was asked for.
    pub(crate) postgres_version: String,
    /// The version that the server reports.
    pub(crate) running_version: String,
}

impl Moving {
    /// An instance that is being changed, as it is told.
    pub(crate) fn of(it: InFlight, kubectl: &Kubectl) -> Self {
        let InFlight { k8s_name, namespace, reason, stuck } = it;
        let stuck = stuck.into_iter().map(|it| Stuck {
            command: kubectl.aimed(&it.look),
            resource: it.resource,
            name: it.name,
            finalizers: it.finalizers,
            age_ms: it.age_ms,
            text: it.text,
        });
        Self { k8s_name, namespace, reason, data_at_risk: false, stuck: stuck.collect() }
    }
}

impl Drift {
    /// A finding as it is told.
    pub(crate) fn of(
        finding: &Finding,
        since: &HashMap<(String, String), String>,
        kubectl: &Kubectl,
    ) -> Self {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let known = (finding.kind.word().to_owned(), finding.k8s_name.clone());
        let resolutions = drift::resolutions(finding).into_iter();
        Self {
            kind: finding.kind.word().to_owned(),
            k8s_name: finding.k8s_name.clone(),
            instance: finding.instance.clone(),
            id: finding.id.clone(),
            namespace: finding.namespace.clone(),
            state: finding.state.clone(),
            severity: finding.severity.word().to_owned(),
            issue: issue(finding),
            resources: owned(&finding.resources),
            missing: owned(&finding.missing),
            fields: finding.fields.iter().map(Difference::of).collect(),
            causes: drift::causes(finding),
            resolutions: resolutions
                .map(|(what, command)| Resolution {
                    what: what.to_owned(),
                    command: kubectl.aimed(&command),
                })
                .collect(),
            since: since.get(&known).cloned(),
        }
    }
}

impl Difference {
    fn of(field: &drift::Field) -> Self {
        Self {
            field: field.field.to_owned(),
            cms: field.cms.clone(),
            kubernetes: field.kubernetes.clone(),
            workflows: field.workflows.clone(),
            severity: field.severity.word().to_owned(),
            reason: field.reason.clone(),
        }
    }
}

/// What is wrong, in one line.
fn issue(finding: &Finding) -> String {
    match finding.kind {
        Kind::Orphaned => match finding.state.as_deref() {
            None => "No CMS record found".to_owned(),
            Some("deleted") => "The CMS record says that it is deleted".to_owned(),
            Some(_) => "The CMS record names another namespace".to_owned(),
        },
        Kind::Abandoned => "No K8s resources found (StatefulSet missing)".to_owned(),
        Kind::Mismatch => {
            let pieces = [Piece::StatefulSet, Piece::Service, Piece::Claim];
            let missing: Vec<&str> = pieces
                .iter()
                .filter(|piece| finding.missing.contains(&piece.label()))
                .map(|piece| piece.label())
                .collect();
            if !missing.is_empty() {
                return format!("{} missing", missing.join(", "));
            }
            let fields: Vec<&str> = finding.fields.iter().map(|field| field.field).collect();
            match fields.as_slice() {
                [field] => format!("`{field}` differs"),
                fields => format!("{} fields differ", fields.len()),
            }
        }
    }
}

impl Summary {
    /// The numbers of these.
    pub(crate) fn of(drifts: &[Drift]) -> Self {
        let count = |kind: Kind| drifts.iter().filter(|drift| drift.kind == kind.word()).count();
        Self {
            orphaned: count(Kind::Orphaned),
            abandoned: count(Kind::Abandoned),
            mismatch: count(Kind::Mismatch),
        }
    }
}

impl Answer {
    /// Drift is certain even where not everything could be read; its absence is not.
    fn verdict(&self) -> Verdict {
        if !self.drifts.is_empty() {
            Verdict::Negative
        } else if self.not_compared.iter().any(|it| it.needed) {
            Verdict::Undetermined
        } else {
            Verdict::Clean
        }
    }

    /// The answer as a report.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub(crate) fn report(&self, verbose: bool) -> Result<Report> {
        let mut report = view::report(self, verbose)?.verdict(self.verdict());
        for unread in self.not_compared.iter().filter(|it| it.needed) {
            let NotCompared { what, reason, .. } = unread;
            report = report.warning(format!("not compared: {what}: {reason}"));
        }
        for rule in &self.expired_rules {
            let until = rule.until.as_deref().unwrap_or_default();
            report = report.warning(format!("the rule `{}` expired on {until}", rule.rule));
        }
        Ok(report)
    }
}
