//! The comparison of everything, and of one instance.

use super::{
    Cluster, Field, Finding, Group, Kind, Live, Object, Piece, Record, Severity, StuckDeletion,
    orphans, running,
};
use crate::instance::State;
use crate::kubernetes::image;
use serde::Serialize;
use std::collections::HashMap;

/// What the comparison depends on beside the records.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The images that an instance may have, as `postgres:{version}`.
    pub images: Vec<String>,
    /// The time of the database, in milliseconds since the epoch.
    pub now_ms: i64,
    /// How long a change of the CMS is left to whoever made it, in milliseconds.
    pub settle_ms: i64,
    /// Whether instances run on the programs of one machine, which need not have the version that
    /// was asked for.
    pub is_local: bool,
}

impl Settings {
    /// The images that a version may have; the first is the one that is asked for.
    pub(super) fn images(&self, version: &str) -> Vec<String> {
        self.images.iter().map(|template| image(template, version)).collect()
    }

    fn is_fresh(&self, record: &Record) -> bool {
        self.now_ms.saturating_sub(record.updated_ms) < self.settle_ms
    }
}

/// What an instance was found to be.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Checked {
    /// Both sides agree.
    Same,
    /// It is being changed, so that nothing can be said of it yet.
    InFlight(InFlight),
    /// They differ.
    Drift(Vec<Finding>),
}

/// An instance that is being changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InFlight {
    /// The instance's name in Kubernetes.
    pub k8s_name: String,
    /// The namespace.
    pub namespace: String,
    /// What changes it.
    pub reason: String,
    /// Its deletions that do not come to their end by themselves.
    pub stuck: Vec<StuckDeletion>,
}

/// What a comparison of everything found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Compared {
    /// In the order of kind and name.
    pub findings: Vec<Finding>,
    /// In the order of names.
    pub in_flight: Vec<InFlight>,
}

/// Compares everything. `live` is `None` where the workflows' records could not be read.
///
/// `records` are all that are not deleted, and deleted ones of which there may still be objects.
#[must_use]
pub fn compare(
    records: &[Record],
    cluster: &Cluster,
    live: Option<&Live>,
    settings: &Settings,
) -> Compared {
    let names = Names::of(records);
    let mut compared = Compared::default();
    for record in records {
        compared.take(compare_one(record, &names, cluster, live, settings));
    }
    for (namespace, k8s_name, group) in cluster.groups() {
        let record = names.by_k8s_name.get(k8s_name).map(|place| &records[*place]);
        let found = orphans::check(namespace, k8s_name, group, record, cluster, live, settings);
        compared.take(found);
    }
    compared.findings.sort_by(|a, b| {
        (a.kind, &a.k8s_name, &a.namespace).cmp(&(b.kind, &b.k8s_name, &b.namespace))
    });
    compared.in_flight.sort_by(|a, b| a.k8s_name.cmp(&b.k8s_name));
    compared.in_flight.dedup_by(|a, b| a.k8s_name == b.k8s_name);
    compared
}

impl Compared {
    fn take(&mut self, checked: Checked) {
        match checked {
            Checked::Same => {}
            Checked::InFlight(in_flight) => self.in_flight.push(in_flight),
            Checked::Drift(findings) => self.findings.extend(findings),
        }
    }
}

/// The names that records have.
#[derive(Debug)]
struct Names<'a> {
    by_k8s_name: HashMap<&'a str, usize>,
    /// How many live instances a user's name has.
    live: HashMap<&'a str, usize>,
}

impl<'a> Names<'a> {
    /// Of these records.
    fn of(records: &'a [Record]) -> Self {
        let by_k8s_name =
            records.iter().enumerate().map(|(place, record)| (record.k8s_name.as_str(), place));
        let mut live = HashMap::new();
        for record in records.iter().filter(|record| record.state.is_live()) {
            *live.entry(record.user_name.as_str()).or_insert(0) += 1;
        }
        Self { by_k8s_name: by_k8s_name.collect(), live }
    }

    fn is_taken_twice(&self, record: &Record) -> bool {
        record.state.is_live() && self.live.get(record.user_name.as_str()).is_some_and(|n| *n > 1)
    }
}

/// Compares one instance with what there is of it in its own namespace, and in others where there
/// is nothing of it in its own.
fn compare_one(
    record: &Record,
    names: &Names<'_>,
    cluster: &Cluster,
    live: Option<&Live>,
    settings: &Settings,
) -> Checked {
    // What was deleted is looked at from the side of its objects.
    if record.state == State::Deleted {
        return Checked::Same;
    }
    let nothing = Group::default();
    let group = cluster.group(&record.namespace, &record.k8s_name).unwrap_or(&nothing);
    let stuck = StuckDeletion::of(&record.namespace, group, settings.now_ms);
    if let Some(reason) = changes(record, live, settings) {
        return Checked::InFlight(InFlight { stuck, ..in_flight(record, reason) });
    }
    let mut findings = Vec::new();
    match record.state {
        State::Running => findings.extend(running::check(record, group, cluster, live, settings)),
        State::Creating | State::Deleting => {
            findings.extend(abandoned_work(record, group, live));
        }
        State::Failed if !group.is_gone() && !group.is_all_terminating() => {
            findings.push(failed(record, group));
        }
        State::Failed | State::Deleted => {}
    }
    if names.is_taken_twice(record) {
        let others = format!("{} is the name of another live instance too", record.user_name);
        let field = Field::warning("name", record.user_name.as_str(), ()).because(others);
        add(&mut findings, record, group, field);
    }
    if !findings.is_empty() {
        return Checked::Drift(findings);
    }
    match going(record, group) {
        Some(going) => Checked::InFlight(InFlight { stuck, ..going }),
        None => Checked::Same,
    }
}

/// What changes an instance at this moment.
fn changes(record: &Record, live: Option<&Live>, settings: &Settings) -> Option<String> {
    if let Some(id) = live.and_then(|live| live.work_on(record)) {
        return Some(format!("`{id}` works on it"));
    }
    let under_way = matches!(record.state, State::Creating | State::Deleting);
    if under_way && live.is_none() {
        return Some(format!("it is {}; its orchestrations cannot be read", record.state));
    }
    if settings.is_fresh(record) && record.state != State::Running {
        return Some(format!("it became {} a moment ago", record.state));
    }
    None
}

fn in_flight(record: &Record, reason: String) -> InFlight {
    let (k8s_name, namespace) = (record.k8s_name.clone(), record.namespace.clone());
    InFlight { k8s_name, namespace, reason, stuck: Vec::new() }
}

/// What is being deleted of an instance whose deletion nobody works on.
fn going(record: &Record, group: &Group) -> Option<InFlight> {
    let goes = |piece: &&Piece| group.object(**piece).is_some_and(Object::is_terminating);
    let going: Vec<Piece> = Piece::ALL.iter().filter(goes).copied().collect();
    if going.is_empty() {
        return None;
    }
    let names: Vec<&str> = going.iter().map(|piece| piece.label()).collect();
    let reason = format!("its {} is being deleted in Kubernetes", names.join(", "));
    Some(in_flight(record, reason))
}

/// Being made or unmade, and nothing is at it.
fn abandoned_work(record: &Record, group: &Group, live: Option<&Live>) -> Option<Finding> {
    live?;
    let recorded = match record.state {
        State::Deleting => record.delete_id.as_deref(),
        _ => record.create_id.as_deref(),
    };
    let field = Field::workflow("orchestration", recorded, "not live")
        .because(format!("it is {}, and no orchestration is at it", record.state));
    Some(finding(Kind::Mismatch, record, group, vec![field]))
}

/// Failed, and what was made of it is still there.
fn failed(record: &Record, group: &Group) -> Finding {
    let there: Vec<&str> = group.present().iter().map(|piece| piece.label()).collect();
    let field = Field::warning("state", record.state.word(), there.join(", "))
        .because("it failed, and objects of it are still there");
    finding(Kind::Mismatch, record, group, vec![field])
}

/// Adds a field to the mismatch that is there already, or to a new one.
fn add(findings: &mut Vec<Finding>, record: &Record, group: &Group, field: Field) {
    match findings.iter_mut().find(|finding| finding.kind == Kind::Mismatch) {
        Some(mismatch) => {
            mismatch.fields.push(field);
            mismatch.weigh();
        }
        None => findings.push(finding(Kind::Mismatch, record, group, vec![field])),
    }
}

/// A finding about a record.
pub(super) fn finding(kind: Kind, record: &Record, group: &Group, fields: Vec<Field>) -> Finding {
    let missing = fields.iter().filter(|field| field.kubernetes == "missing");
    let missing = missing.filter_map(|missing| {
        super::Piece::ALL.iter().find(|piece| piece.field() == missing.field)
    });
    let missing = missing.map(|piece| piece.label()).collect();
    let mut finding = Finding {
        kind,
        k8s_name: record.k8s_name.clone(),
        instance: Some(record.user_name.clone()),
        id: Some(record.id.clone()),
        namespace: record.namespace.clone(),
        state: Some(record.state.word().to_owned()),
        resources: group.present().iter().map(|piece| piece.label()).collect(),
        missing,
        severity: Severity::Warning,
        fields,
        volume: group.claim.as_ref().and_then(|claim| claim.volume.clone()),
    };
    finding.weigh();
    finding
}
