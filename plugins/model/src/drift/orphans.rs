//! Objects that no live record owns.

use super::compare::Settings;
use super::compare::{Checked, InFlight};
use super::{Cluster, Field, Finding, Group, Kind, Live, Piece, Record, Severity, StuckDeletion};
use crate::instance::State;

/// Looks at what there is of an instance in a namespace, from the side of Kubernetes.
pub(super) fn check(
    namespace: &str,
    k8s_name: &str,
    group: &Group,
    record: Option<&Record>,
    cluster: &Cluster,
    live: Option<&Live>,
    settings: &Settings,
) -> Checked {
    if group.is_empty() || is_owned(namespace, record, cluster) {
        return Checked::Same;
    }
    let stuck = StuckDeletion::of(namespace, group, settings.now_ms);
    let in_flight = |reason: String, stuck: Vec<StuckDeletion>| {
        let (k8s_name, namespace) = (k8s_name.to_owned(), namespace.to_owned());
        Checked::InFlight(InFlight { k8s_name, namespace, reason, stuck })
    };
    if group.is_all_terminating() {
        return match stuck.as_slice() {
            [] => Checked::Same,
            _ => in_flight("what is left of it is being deleted in Kubernetes".to_owned(), stuck),
        };
    }
    let deleted = record.filter(|record| record.state == State::Deleted);
    if let Some(id) = live.and_then(|live| match record {
        Some(record) => live.work_on(record),
        None => live.work_on_name(k8s_name),
    }) {
        return in_flight(format!("`{id}` works on it"), stuck);
    }
    Checked::Drift(vec![orphaned(namespace, k8s_name, group, record, deleted.is_some(), cluster)])
}

/// Whether a record accounts for what is there: one that is not deleted, in its own namespace, or in
/// another where its own has nothing of it.
fn is_owned(namespace: &str, record: Option<&Record>, cluster: &Cluster) -> bool {
    let Some(record) = record.filter(|record| record.state != State::Deleted) else {
        return false;
    };
    let at_home = cluster.group(&record.namespace, &record.k8s_name);
    // Then it is told as an instance whose objects are in another namespace.
    record.namespace == namespace || at_home.is_none_or(Group::is_gone)
}

fn orphaned(
    namespace: &str,
    k8s_name: &str,
    group: &Group,
    record: Option<&Record>,
    deleted: bool,
    cluster: &Cluster,
) -> Finding {
    let mut fields = Vec::new();
    for piece in group.present() {
        fields.push(Field::warning(piece.field(), (), "present"));
    }
    for (piece, object) in &group.extra {
        let name = format!("{}/{}", piece.field(), object.name);
        fields.push(Field::warning("extra", (), name));
    }
    if let Some(record) = record {
        let why = if deleted { "the CMS has it deleted" } else { "the CMS has it elsewhere" };
        let field = if deleted {
            Field::warning("state", record.state.word(), "present")
        } else {
            Field::warning("namespace", record.namespace.as_str(), namespace)
        };
        fields.push(field.because(why));
    }
    let wanted = [Piece::StatefulSet, Piece::Service, Piece::Claim];
    let missing = wanted
        .into_iter()
        .filter(|piece| group.object(*piece).is_none() && cluster.knows(namespace, *piece));
    Finding {
        kind: Kind::Orphaned,
        k8s_name: k8s_name.to_owned(),
        instance: record.map(|record| record.user_name.clone()),
        id: record.map(|record| record.id.clone()),
        namespace: namespace.to_owned(),
        state: record.map(|record| record.state.word().to_owned()),
        resources: group.present().iter().map(|piece| piece.label()).collect(),
        missing: missing.map(Piece::label).collect(),
        severity: Severity::Warning,
        fields,
        volume: group.claim.as_ref().and_then(|claim| claim.volume.clone()),
    }
}
