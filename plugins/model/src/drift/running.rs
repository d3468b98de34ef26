//! A running instance and its objects, field by field.

use super::compare::{Settings, finding};
use super::{
    Claim, Cluster, Field, Finding, GI, Group, Kind, Live, Object, Piece, Quantity, Record,
    Service, StatefulSet,
};
use crate::cluster_reading::{ImageMatch, compare_images, leads_to_postgres};
use crate::kubernetes::{APP, PORT_NAME, selector};
use serde_json::json;

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
    if let Some(set) = group.set.as_ref().filter(|set| !set.object.is_terminating()) {
        fields.extend(set_fields(record, set, group, settings));
    }
    let service = group.service.as_ref();
    if let Some(service) = service.filter(|service| !service.object.is_terminating()) {
        fields.extend(service_fields(record, service, group.set.as_ref()));
    }
    if let Some(claim) = &group.claim {
        fields.extend(claim_fields(record, claim, settings));
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
    let mut fields: Vec<Field> = image(record, set, group, settings).into_iter().collect();
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

/// What runs beside what was asked for: the image of the StatefulSet, that of its pod, and the
/// version that the server reports. The first that differs explains those behind it.
fn image(record: &Record, set: &StatefulSet, group: &Group, settings: &Settings) -> Option<Field> {
    let wanted = settings.images(&record.version);
    let image = set.image.as_deref().unwrap_or_default();
    let differs = || Field::warning("image", wanted.first().cloned(), set.image.clone());
    match compare_images(image, &wanted) {
        ImageMatch::Same => {}
        ImageMatch::Different => return Some(differs()),
        ImageMatch::OtherRegistry => {
            return Some(differs().because(
                "the same repository and tag from another registry; a mirror of yours is named by \
                 `kubernetes.image`",
            ));
        }
        ImageMatch::OnlyDigest => {
            return Some(
                differs().because("it is pinned by its digest alone, which says no version"),
            );
        }
    }
    if let Some(running) = pod_image(group).filter(|running| !is_same_pod(running, image, &wanted))
    {
        let field = Field::warning("pod_image", wanted.first().cloned(), running);
        return Some(field.because("the pod still runs another image than its StatefulSet names"));
    }
    let running = record.other_major().filter(|_| !settings.is_local)?;
    let field = Field::warning("running_version", record.version.as_str(), running);
    Some(field.because("the server reports another major version than was asked for"))
}

/// Whether a pod runs its StatefulSet's image: that one, or the same by way of a mirror that the
/// settings name, which a cluster may put in its place.
fn is_same_pod(running: &str, image: &str, wanted: &[String]) -> bool {
    match compare_images(running, &[image.to_owned()]) {
        ImageMatch::Same => true,
        ImageMatch::OtherRegistry => compare_images(running, wanted) == ImageMatch::Same,
        ImageMatch::OnlyDigest | ImageMatch::Different => false,
    }
}

fn pod_image(group: &Group) -> Option<&str> {
    let pod = group.pod.as_ref().filter(|pod| !pod.object.is_terminating())?;
    pod.image.as_deref()
}

fn is_pod_terminating(group: &Group) -> bool {
    group.pod.as_ref().is_some_and(|pod| pod.object.is_terminating())
}

fn service_fields(record: &Record, service: &Service, set: Option<&StatefulSet>) -> Vec<Field> {
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
    fields.extend(port(record, service, set));
    let label = record.dns_label().filter(|_| record.load_balancer);
    if label.is_some() && service.dns_label.as_deref() != label {
        fields.push(Field::warning("dns_label", label, service.dns_label.clone()));
    }
    fields
}

/// Where the Service's port for PostgreSQL leads to, and whether it is the one that is told.
fn port(record: &Record, service: &Service, set: Option<&StatefulSet>) -> Vec<Field> {
    let Some(port) = service.postgres_port(set) else {
        let all: Vec<String> = service.ports.iter().map(|port| port.port.to_string()).collect();
        let field = Field::error("target_port", PORT_NAME, ());
        let reason = match all.as_slice() {
            [] => "the Service has no port".to_owned(),
            _ => format!("no port of the Service leads to PostgreSQL: {}", all.join(", ")),
        };
        return vec![field.because(reason)];
    };
    let mut fields = Vec::new();
    if !leads_to_postgres(port, set.map_or(&[], |set| &set.ports)) {
        let target = port.target.as_ref().map(ToString::to_string);
        fields.push(Field::error("target_port", PORT_NAME, target));
    }
    if record.port.is_some_and(|recorded| recorded != port.port) {
        fields.push(Field::warning("port", record.port, port.port));
    }
    fields
}

/// The addresses of a load balancer: the one that is told, and the one in the connection string.
/// Any that it has is right.
fn address(record: &Record, service: &Service) -> Vec<Field> {
    let mut fields = Vec::new();
    if !record.load_balancer {
        if let Some(told) = record.address() {
            fields.push(Field::warning("external_ip", told, ()));
        }
        return fields;
    }
    let host = record.host.as_deref();
    let there = service.address(&[record.address(), host]);
    let all = || match service.addresses.as_slice() {
        [] | [_] => None,
        several => Some(format!("the load balancer has {}", several.join(", "))),
    };
    let told = |field: Field| match all() {
        Some(all) => field.because(all),
        None => field,
    };
    let is_right = match record.address() {
        Some(recorded) => service.has_address(recorded),
        None => there.is_none(),
    };
    if !is_right {
        fields.push(told(Field::warning("external_ip", record.address(), there)));
    }
    if let Some(host) = host
        && !service.has_address(host)
        && Some(host) != record.address()
    {
        let field = Field::warning("host", host, there);
        fields.push(field.because("the connection string has another address"));
    }
    fields
}

fn claim_fields(record: &Record, claim: &Claim, settings: &Settings) -> Vec<Field> {
    if let Some(deletion) = &claim.object.deletion {
        let field = Field::error("claim_deletion", "kept", "being deleted");
        return vec![field.because(format!(
            "the claim is {}; its data goes when its pod ends, and no new pod starts on it",
            deletion.text(settings.now_ms)
        ))];
    }
    let mut fields = Vec::new();
    let wanted = record.storage_gb.saturating_mul(GI);
    let there = claim.storage.as_deref().and_then(Quantity::parse);
    if there.map(Quantity::bytes) != Some(wanted) {
        let shown = there.map_or_else(|| json!(claim.storage), Quantity::json);
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
        let Some(object) = group.object(*piece).filter(|object| !object.is_terminating()) else {
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
        .filter(|(_, object)| !object.is_terminating())
        .map(|(piece, object)| format!("{}/{}", piece.field(), object.name))
        .collect();
    (!more.is_empty()).then(|| {
        let field = Field::warning("extra", (), more.join(", "));
        field.because("it has the instance's labels, and a deletion would leave it behind")
    })
}
