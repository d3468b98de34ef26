//! A running instance and its objects, field by field.

use super::compare::{Settings, finding};
use super::{
    Claim, Cluster, Field, Finding, GI, Group, Kind, Live, Object, Piece, Record, Service,
    StatefulSet, bytes,
};
use crate::kubernetes::{APP, PORT, PORT_NAME, selector};
use serde_json::{Value, json};

/// Compares a running instance. What is being deleted is neither there nor missing.
pub(super) fn check(
    record: &Record,
    group: &Group,
    cluster: &Cluster,
    live: Option<&Live>,
    settings: &Settings,
) -> Option<Finding> {
    let knows = |piece| cluster.knows(&record.namespace, piece);
    let knows_all = [Piece::StatefulSet, Piece::Service, Piece::Claim].into_iter().all(knows);
    if group.is_gone() && knows_all {
        if let Some(namespace) = elsewhere(record, cluster) {
            let field = Field::error("namespace", record.namespace.as_str(), namespace)
                .because("its objects are in another namespace");
            return Some(finding(Kind::Mismatch, record, group, vec![field]));
        }
        return Some(abandoned(record, group));
    }
    let mut fields = missing(record, group, &knows);
    if let Some(set) = group.set.as_ref().filter(|set| !set.object.terminating) {
        fields.extend(set_fields(record, set, group, settings));
    }
    if let Some(service) = group.service.as_ref().filter(|service| !service.object.terminating) {
        fields.extend(service_fields(record, service));
    }
    if let Some(claim) = group.claim.as_ref().filter(|claim| !claim.object.terminating) {
        fields.extend(claim_fields(record, claim));
    }
    fields.extend(labels(record, group));
    fields.extend(monitor(record, live));
    fields.extend(extra(group));
    (!fields.is_empty()).then(|| finding(Kind::Mismatch, record, group, fields))
}

fn abandoned(record: &Record, group: &Group) -> Finding {
    let pieces = [Piece::StatefulSet, Piece::Service, Piece::Claim];
    let fields = pieces.map(|piece| Field::error(piece.field(), "expected", "missing"));
    finding(Kind::Abandoned, record, group, fields.to_vec())
}

/// Another namespace that has an instance of this name.
fn elsewhere<'a>(record: &Record, cluster: &'a Cluster) -> Option<&'a str> {
    let mut others: Vec<&str> = cluster
        .groups()
        .filter(|(namespace, k8s_name, group)| {
            *namespace != record.namespace && *k8s_name == record.k8s_name && group.set.is_some()
        })
        .map(|(namespace, ..)| namespace)
        .collect();
    others.sort_unstable();
    others.first().copied()
}

fn missing(record: &Record, group: &Group, knows: &impl Fn(Piece) -> bool) -> Vec<Field> {
    let lacks = |piece: Piece| knows(piece) && group.object(piece).is_none();
    let mut fields: Vec<Field> = [Piece::StatefulSet, Piece::Service, Piece::Claim]
        .into_iter()
        .filter(|piece| lacks(*piece))
        .map(|piece| Field::error(piece.field(), "expected", "missing"))
        .collect();
    // A pod is missing where its StatefulSet wants one and reports none; its own count is told there.
    let wants_pod = group.set.as_ref().is_some_and(|set| set.replicas > 0 && set.ready > 0);
    if wants_pod && lacks(Piece::Pod) {
        let field = Field::error("pod", "expected", "missing");
        fields.push(field.because("the StatefulSet counts a pod that is not there"));
    }
    // Instances of old deployments have no Secret: their password is in the record.
    if lacks(Piece::Secret) && !record.keeps_password {
        let field = Field::error("secret", "expected", "missing");
        fields.push(field.because("nobody can tell the password, nor can a new pod start"));
    }
    fields
}

fn set_fields(
    record: &Record,
    set: &StatefulSet,
    group: &Group,
    settings: &Settings,
) -> Vec<Field> {
    let mut fields = Vec::new();
    let wanted = settings.images(&record.version);
    let image = set.image.as_deref().unwrap_or_default();
    if !wanted.iter().any(|wanted| wanted == image) {
        fields.push(Field::warning("image", wanted.first().cloned(), set.image.clone()));
    } else if let Some(running) = pod_image(group).filter(|running| *running != image) {
        let field = Field::warning("pod_image", wanted.first().cloned(), running);
        fields.push(field.because("the pod still runs another image than its StatefulSet names"));
    }
    if set.replicas != 1 {
        let field = Field::warning("replicas", 1, set.replicas);
        let none = set.replicas == 0;
        fields.push(if none { Field { severity: super::Severity::Error, ..field } } else { field });
    } else if set.observed && set.ready < 1 && !is_pod_terminating(group) {
        let reason = group.pod.as_ref().and_then(|pod| pod.reason.clone());
        let field = Field::error("ready_replicas", 1, set.ready);
        fields.push(field.because(reason.unwrap_or_else(|| "there is no pod".to_owned())));
    }
    let claim = Piece::Claim.name_of(&record.k8s_name);
    if set.claim.as_deref() != Some(claim.as_str()) {
        fields.push(Field::error("mounted_claim", claim, set.claim.clone()));
    }
    fields
}

fn pod_image(group: &Group) -> Option<&str> {
    let pod = group.pod.as_ref().filter(|pod| !pod.object.terminating)?;
    pod.image.as_deref()
}

fn is_pod_terminating(group: &Group) -> bool {
    group.pod.as_ref().is_some_and(|pod| pod.object.terminating)
}

fn service_fields(record: &Record, service: &Service) -> Vec<Field> {
    let mut fields = Vec::new();
    let kind = if record.load_balancer { "LoadBalancer" } else { "ClusterIP" };
    if service.kind != kind {
        fields.push(Field::warning("service_type", kind, service.kind.as_str()));
    } else {
        fields.extend(address(record, service));
    }
    let wanted = selector(&record.k8s_name);
    if service.selector != wanted {
        let field = Field::error("selector", wanted, service.selector.as_str());
        fields.push(field.because("the Service leads to other pods, or to none"));
    }
    let target = service.target.as_deref();
    let plain = PORT.to_string();
    if !target.is_some_and(|target| target == PORT_NAME || target == plain) {
        fields.push(Field::error("target_port", PORT_NAME, target));
    }
    if record.port.is_some() && record.port != service.port {
        fields.push(Field::warning("port", record.port, service.port));
    }
    let label = record.dns_label().filter(|_| record.load_balancer);
    if label.is_some() && service.dns_label.as_deref() != label {
        fields.push(Field::warning("dns_label", label, service.dns_label.clone()));
    }
    fields
}

/// The addresses of a load balancer: the one that is told, and the one in the connection string.
fn address(record: &Record, service: &Service) -> Vec<Field> {
    let mut fields = Vec::new();
    let there = service.address.as_deref();
    let there = there.filter(|_| record.load_balancer);
    if record.address() != there {
        fields.push(Field::warning("external_ip", record.address(), there));
    }
    let host = record.host.as_deref().filter(|_| record.load_balancer);
    if host.is_some() && host != there && host != record.address() {
        let field = Field::warning("host", host, there);
        fields.push(field.because("the connection string has another address"));
    }
    fields
}

fn claim_fields(record: &Record, claim: &Claim) -> Vec<Field> {
    let mut fields = Vec::new();
    let wanted = record.storage_gb.saturating_mul(GI);
    let there = claim.storage.as_deref().and_then(bytes);
    if there != Some(wanted) {
        let shown = there.map_or_else(|| json!(claim.storage), Value::from);
        fields.push(Field::warning("storage_bytes", wanted, shown));
    }
    if claim.phase.as_deref() != Some("Bound") {
        fields.push(Field::error("claim_phase", "Bound", claim.phase.clone()));
    }
    fields
}

/// Labels by which everything finds an object, and the id of the record that it was made for.
fn labels(record: &Record, group: &Group) -> Vec<Field> {
    let mut fields = Vec::new();
    for piece in Piece::ALL {
        let Some(object) = group.object(*piece).filter(|object| !object.terminating) else {
            continue;
        };
        if let Some(said) = wrong_labels(object, &record.k8s_name) {
            let field = Field::warning("labels", selector(&record.k8s_name), said);
            fields.push(field.because(format!("of the {}", piece.label())));
        }
        if object.id.as_ref().is_some_and(|id| !id.eq_ignore_ascii_case(&record.id)) {
            let field = Field::warning("instance_id", record.id.as_str(), object.id.clone());
            fields.push(field.because(format!("of the {}", piece.label())));
        }
    }
    fields
}

fn wrong_labels(object: &Object, k8s_name: &str) -> Option<String> {
    let right = object.app.as_deref() == Some(APP) && object.instance.as_deref() == Some(k8s_name);
    if right {
        return None;
    }
    let said = |label: &str, value: &Option<String>| {
        value.as_ref().map(|value| format!("{label}={value}"))
    };
    let labels: Vec<String> = [said("app", &object.app), said("instance", &object.instance)]
        .into_iter()
        .flatten()
        .collect();
    Some(labels.join(","))
}

/// Whether somebody watches over it, and whether it is the one that the CMS names.
fn monitor(record: &Record, live: Option<&Live>) -> Option<Field> {
    let recorded = record.monitor_id.as_deref();
    let watches = live?.monitor(&record.k8s_name, recorded);
    match watches {
        None => Some(
            Field::workflow("monitor", recorded, "not live").because("nobody watches its health"),
        ),
        Some(id) if recorded != Some(id) => {
            let field = Field::workflow("monitor_id", recorded, id);
            Some(field.because("another one watches its health than the CMS names"))
        }
        Some(_) => None,
    }
}

fn extra(group: &Group) -> Option<Field> {
    let more: Vec<String> = group
        .extra
        .iter()
        .filter(|(_, object)| !object.terminating)
        .map(|(piece, object)| format!("{}/{}", piece.field(), object.name))
        .collect();
    (!more.is_empty()).then(|| {
        let field = Field::warning("extra", (), more.join(", "));
        field.because("it has the instance's labels, and a deletion would leave it behind")
    })
}
