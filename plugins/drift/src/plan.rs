//! What would make both sides agree: decided first, shown, and only then done.

mod file;
mod import;
mod make;
mod observe;
mod secret;

pub(crate) use file::{load, save};
pub(crate) use import::{Wanted, import};
pub(crate) use make::{mark_deleted, of_findings};
pub(crate) use observe::{Observed, observe};
pub(crate) use secret::{reset_password, restore_secret};

use crate::settings::Settings;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use toygres_model::drift::{Finding, Kind};
use toygres_plugin_api::{Context, Result, Schema};

/// A plan: its steps, and the state that they were decided on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// The version of this form.
    pub(crate) version: u32,
    /// What the instances of the steps looked like.
    #[serde(with = "observe::listed")]
    pub(crate) observed: Observed,
    /// In the order in which they are done.
    pub(crate) steps: Vec<Step>,
    /// What it does not resolve.
    pub(crate) left: Vec<Left>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Step {
    /// The instance's name in Kubernetes.
    pub(crate) k8s_name: String,
    /// Its namespace.
    pub(crate) namespace: String,
    /// The name that its user gave it.
    pub(crate) instance: String,
    /// The id of its record.
    pub(crate) id: String,
    /// The state of the record before.
    pub(crate) state: String,
    /// The sort of the drift that it resolves.
    pub(crate) kind: String,
    /// What is changed.
    #[serde(flatten)]
    pub(crate) action: Action,
}

/// What is changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub(crate) enum Action {
    /// The record of something that is gone.
    MarkDeleted,
    /// The Secret of an instance that has none; the password is in no plan.
    KeepPassword,
    /// The record of something that has none.
    Import(Adopted),
    /// The orchestration that watches over an instance.
    StartMonitor,
    /// Which orchestration that is.
    RecordMonitor { monitor: String },
    /// Where an instance can be reached.
    RecordAddress {
        host: Option<String>,
        port: u16,
        load_balancer: bool,
        /// The address within the cluster, where users get no other.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        probe: Option<String>,
    },
    /// How much storage it has.
    RecordStorage { storage_gb: i64 },
    /// The Secret of an instance that has lost it; its record still holds the password.
    RestoreSecret,
    /// A new password for an instance, kept in its Secret; its pod is restarted with it.
    ResetPassword { has_secret: bool },
    /// The StatefulSet of an instance that has lost it, around the claim that is there.
    MakeStatefulSet { version: String, image: String },
    /// The Service of an instance that has lost it.
    MakeService { load_balancer: bool, dns_label: Option<String> },
    /// The labels by which an object is found.
    RestoreLabels { piece: String, object: String, object_version: String },
    /// The record of a step whose run was ended before it could say that it was done.
    Settle { detection: i64, what: String },
}

/// What a record is made of that is adopted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Adopted {
    pub(crate) version: String,
    pub(crate) storage_gb: i64,
    pub(crate) load_balancer: bool,
    pub(crate) dns_label: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) port: u16,
}

/// A step that was begun and of which nothing was said any more.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Interrupted {
    /// The id of its record.
    pub(crate) detection: i64,
    /// The step.
    pub(crate) step: Step,
}

/// A drift that a plan does not resolve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub(crate) struct Left {
    /// The sort of the drift.
    pub(crate) kind: String,
    /// The instance's name in Kubernetes.
    pub(crate) k8s_name: String,
    /// What is left of it.
    pub(crate) fields: Vec<String>,
    /// Why.
    pub(crate) reason: String,
}

impl Step {
    /// What it does, in one line.
    pub(crate) fn text(&self) -> String {
        let Self { k8s_name, instance, .. } = self;
        match &self.action {
            Action::MarkDeleted => {
                format!(
                    "mark `{instance}` ({k8s_name}) as deleted in the CMS; it is {}",
                    self.state
                )
            }
            Action::KeepPassword => {
                format!("keep the password of `{k8s_name}` in the Secret `{k8s_name}-credentials`")
            }
            Action::Import(adopted) => {
                let Adopted { version, storage_gb, .. } = adopted;
                format!(
                    "import `{k8s_name}` to the CMS as `{instance}`: PostgreSQL {version}, {storage_gb}Gi"
                )
            }
            Action::RestoreSecret => format!(
                "make the Secret `{k8s_name}-credentials` again, with the password that the CMS has"
            ),
            Action::ResetPassword { has_secret: true } => format!(
                "restart `{k8s_name}` with the password of its Secret `{k8s_name}-credentials`"
            ),
            Action::ResetPassword { has_secret: false } => format!(
                "give `{k8s_name}` a new password, keep it in the Secret `{k8s_name}-credentials`, \
                 and restart it"
            ),
            Action::MakeStatefulSet { image, .. } => {
                format!("make the StatefulSet `{k8s_name}` again around its data volume: {image}")
            }
            Action::StartMonitor => format!("start a health monitor of `{k8s_name}`"),
            Action::RecordMonitor { monitor } => {
                format!("write the health monitor `{monitor}` of `{k8s_name}` to the CMS")
            }
            Action::RecordAddress { host, port, .. } => {
                let host = host.as_deref().unwrap_or("none yet");
                format!("write the address of `{k8s_name}` to the CMS: {host}, port {port}")
            }
            Action::RecordStorage { storage_gb } => {
                format!("write the storage of `{k8s_name}` to the CMS: {storage_gb}Gi")
            }
            Action::MakeService { load_balancer, .. } => {
                let kind = if *load_balancer { "LoadBalancer" } else { "ClusterIP" };
                format!("make the Service `{k8s_name}-svc` again, of type {kind}")
            }
            Action::RestoreLabels { piece, object, .. } => {
                format!("put the labels of `{k8s_name}` back on the {piece} `{object}`")
            }
            Action::Settle { what, .. } => {
                format!("close the record of an interrupted step: {what}")
            }
        }
    }

    /// Its action's word.
    pub(crate) fn word(&self) -> &'static str {
        match &self.action {
            Action::MarkDeleted => "mark_deleted",
            Action::KeepPassword => "keep_password",
            Action::Import(_) => "import",
            Action::RestoreSecret => "restore_secret",
            Action::ResetPassword { .. } => "reset_password",
            Action::MakeStatefulSet { .. } => "make_stateful_set",
            Action::StartMonitor => "start_monitor",
            Action::RecordMonitor { .. } => "record_monitor",
            Action::RecordAddress { .. } => "record_address",
            Action::RecordStorage { .. } => "record_storage",
            Action::MakeService { .. } => "make_service",
            Action::RestoreLabels { .. } => "restore_labels",
            Action::Settle { .. } => "settle",
        }
    }

    /// Whether it changes the CMS alone.
    pub(crate) fn is_in_cms(&self) -> bool {
        !matches!(
            self.action,
            Action::KeepPassword
                | Action::RestoreSecret
                | Action::ResetPassword { .. }
                | Action::MakeStatefulSet { .. }
                | Action::StartMonitor
                | Action::MakeService { .. }
                | Action::RestoreLabels { .. }
        )
    }

    /// Whether it only brings the CMS up to the truth, or a monitor back: what `--auto-resolve` does.
    /// The monitor of something that is only about to be imported is not simple: without its record
    /// there is nothing to watch.
    fn is_simple(&self) -> bool {
        match self.action {
            Action::Settle { .. } => true,
            Action::StartMonitor
            | Action::RecordMonitor { .. }
            | Action::RecordAddress { .. }
            | Action::RecordStorage { .. } => self.kind == Kind::Mismatch.word(),
            _ => false,
        }
    }

    /// The step that closes the record of another one, which was interrupted.
    fn settling(Interrupted { detection, step }: Interrupted) -> Self {
        Self { action: Action::Settle { detection, what: step.text() }, ..step }
    }
}

impl Plan {
    /// The version of the form that is written.
    pub(crate) const VERSION: u32 = 1;

    /// A digest of the plan and of the state that it was decided on.
    pub(crate) fn digest(&self) -> String {
        // A plan is texts and numbers: writing it cannot fail.
        let bytes = serde_json::to_vec(self).unwrap_or_default();
        let mut digest = String::from("sha256:");
        for byte in Sha256::digest(&bytes) {
            // Writing to a string does not fail.
            let _infallible = write!(digest, "{byte:02x}");
        }
        digest
    }

    /// The instances of its steps, each with its namespace.
    pub(crate) fn instances(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for step in &self.steps {
            names.entry(step.k8s_name.clone()).or_default().insert(step.namespace.clone());
        }
        names
    }

    /// Keeps the simple steps alone.
    pub(crate) fn simple(mut self) -> Self {
        self.steps.retain(Step::is_simple);
        self
    }

    /// Notes what its instances look like now.
    pub(crate) fn observed_in(mut self, sides: &crate::read::Sides) -> Self {
        self.version = Self::VERSION;
        self.observed = observe(sides, &self.instances());
        self
    }
}

/// A plan for what can be resolved of findings, decided on what is read now.
///
/// # Errors
/// When something cannot be read.
pub(crate) async fn resolve(
    ctx: &Context,
    settings: &Settings,
    findings: &[Finding],
    instances: usize,
) -> Result<Plan> {
    let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for finding in findings {
        names.entry(finding.k8s_name.clone()).or_default().insert(finding.namespace.clone());
    }
    // What is found still is to be done; its record is closed by doing it.
    let found = |step: &Step| {
        let same = |it: &Finding| it.kind.word() == step.kind && it.k8s_name == step.k8s_name;
        findings.iter().any(same)
    };
    let mut interrupted = crate::read::cms::interrupted(ctx, settings).await;
    interrupted.retain(|it| !found(&it.step));
    for Interrupted { step, .. } in &interrupted {
        names.entry(step.k8s_name.clone()).or_default().insert(step.namespace.clone());
    }
    let sides = crate::read::again::exactly(ctx, settings, names).await?;
    let mut plan = of_findings(findings, &sides, instances, settings);
    plan.steps.extend(interrupted.into_iter().map(Step::settling));
    Ok(plan.observed_in(&sides))
}

/// The same steps with what their instances look like now.
///
/// # Errors
/// When something cannot be read.
pub(crate) async fn decided_again(ctx: &Context, settings: &Settings, plan: Plan) -> Result<Plan> {
    let sides = crate::read::again::exactly(ctx, settings, plan.instances()).await?;
    Ok(plan.observed_in(&sides))
}
