//! Pods, and the templates of pods.

use crate::kube::object::{as_map, items, map, or, or_text, text};
use serde_json::{Map, Value, json};

/// Mode of files that come from a Secret or a ConfigMap (0644).
const FILE_MODE: i64 = 420;

/// A pod of its own.
pub(super) fn pod(object: &mut Value) {
    let spec = map(object, "spec");
    or(spec, "enableServiceLinks", true);
    for container in containers(spec) {
        request_what_is_limited(container);
    }
    pod_spec(spec);
}

/// The `spec` of a pod or a template.
pub(super) fn pod_spec(spec: &mut Value) {
    or_text(spec, "restartPolicy", "Always");
    or_text(spec, "dnsPolicy", "ClusterFirst");
    or_text(spec, "schedulerName", "default-scheduler");
    or(spec, "terminationGracePeriodSeconds", 30);
    or(spec, "securityContext", json!({}));
    same_account(spec);
    each(spec, "volumes", volume);
    for container in containers(spec) {
        fill_container(container);
    }
}

/// The account has two names for the same thing, an old and a new one.
fn same_account(spec: &mut Value) {
    let account = text(spec, "/serviceAccountName").to_owned();
    let old = text(spec, "/serviceAccount").to_owned();
    let account = if account.is_empty() { old } else { account };
    if !account.is_empty() {
        as_map(spec).insert("serviceAccountName".into(), account.clone().into());
        as_map(spec).insert("serviceAccount".into(), account.into());
    }
}

fn containers(spec: &mut Value) -> impl Iterator<Item = &mut Value> {
    as_map(spec)
        .iter_mut()
        .filter(|(field, _)| *field == "containers" || *field == "initContainers")
        .filter_map(|(_, list)| list.as_array_mut())
        .flatten()
}

fn each(parent: &mut Value, field: &str, fill: fn(&mut Value)) {
    if let Some(Value::Array(list)) = parent.get_mut(field) {
        list.iter_mut().for_each(fill);
    }
}

fn fill_container(container: &mut Value) {
    let policy = if is_latest(text(container, "/image")) { "Always" } else { "IfNotPresent" };
    or_text(container, "imagePullPolicy", policy);
    or_text(container, "terminationMessagePath", "/dev/termination-log");
    or_text(container, "terminationMessagePolicy", "File");
    or(container, "resources", json!({}));
    each(container, "ports", |port| or_text(port, "protocol", "TCP"));
    each(container, "env", |variable| {
        if let Some(field) = variable.pointer_mut("/valueFrom/fieldRef") {
            or_text(field, "apiVersion", "v1");
        }
    });
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = container.get_mut(name) {
            fill_probe(probe);
        }
    }
    for hook in ["/lifecycle/postStart/httpGet", "/lifecycle/preStop/httpGet"] {
        container.pointer_mut(hook).into_iter().for_each(http_get);
    }
}

fn fill_probe(probe: &mut Value) {
    for (field, value) in [
        ("timeoutSeconds", 1),
        ("periodSeconds", 10),
        ("successThreshold", 1),
        ("failureThreshold", 3),
    ] {
        // Zero counts as not said.
        if probe.get(field).and_then(Value::as_i64).unwrap_or_default() == 0 {
            as_map(probe).insert(field.into(), value.into());
        }
    }
    probe.get_mut("httpGet").into_iter().for_each(http_get);
    if let Some(grpc) = probe.get_mut("grpc") {
        or(grpc, "service", "");
    }
}

fn http_get(action: &mut Value) {
    or_text(action, "path", "/");
    or_text(action, "scheme", "HTTP");
}

/// Whether an image has no tag, or the tag `latest`, and so may change under its name.
fn is_latest(image: &str) -> bool {
    if image.contains('@') {
        return false;
    }
    let last = image.rsplit('/').next().unwrap_or_default();
    last.split_once(':').is_none_or(|(_, tag)| tag == "latest")
}

fn volume(volume: &mut Value) {
    let has_source = as_map(volume).keys().any(|field| field != "name");
    if !has_source {
        or(volume, "emptyDir", json!({}));
    }
    for source in ["secret", "configMap", "downwardAPI", "projected"] {
        if let Some(source) = volume.get_mut(source) {
            or(source, "defaultMode", FILE_MODE);
        }
    }
    if let Some(path) = volume.get_mut("hostPath") {
        or(path, "type", "");
    }
}

fn request_what_is_limited(container: &mut Value) {
    let Some(limits) = container.pointer("/resources/limits").and_then(Value::as_object).cloned()
    else {
        return;
    };
    let resources = map(container, "resources");
    let requests = as_map(map(resources, "requests"));
    for (name, limit) in limits {
        requests.entry(name).or_insert(limit);
    }
}

/// The class of service: what is limited and requested decides who has to go first.
pub(super) fn quality(pod: &Value) -> &'static str {
    let containers = items(pod, "/spec/containers");
    let of = |container: &Value, kind: &str| -> Map<String, Value> {
        let found = container.pointer(&format!("/resources/{kind}")).and_then(Value::as_object);
        found.cloned().unwrap_or_default()
    };
    let is_free = |container: &Value| {
        of(container, "limits").is_empty() && of(container, "requests").is_empty()
    };
    let is_fixed = |container: &Value| {
        let limits = of(container, "limits");
        ["cpu", "memory"].iter().all(|name| limits.contains_key(*name))
            && of(container, "requests").iter().all(|(name, value)| limits.get(name) == Some(value))
    };
    if containers.iter().all(is_free) {
        "BestEffort"
    } else if containers.iter().all(is_fixed) {
        "Guaranteed"
    } else {
        "Burstable"
    }
}
