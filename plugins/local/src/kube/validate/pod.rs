//! Pods, and the templates of pods.

use super::{names, not_negative, one_of, port};
use crate::kube::object::{items, text};
use crate::kube::quantity::Quantity;
use crate::kube::status::Cause;
use serde_json::{Map, Value};
use std::collections::HashSet;

/// A whole Pod.
pub(super) fn check(object: &Value, causes: &mut Vec<Cause>) {
    check_spec(object, "/spec", causes);
}

/// The `spec` of a pod or a template, found at `at`.
pub(super) fn check_spec(object: &Value, at: &str, causes: &mut Vec<Cause>) {
    let empty = Value::Object(Map::new());
    let spec = object.pointer(at).unwrap_or(&empty);
    let path = super::dotted(at);
    if items(spec, "/containers").is_empty() {
        causes.push(Cause::required(format!("{path}.containers"), ""));
    }
    let volumes = check_volumes(spec, &path, causes);
    let mut taken = HashSet::new();
    for field in ["initContainers", "containers"] {
        for (place, container) in items(spec, &format!("/{field}")).iter().enumerate() {
            let path = format!("{path}.{field}[{place}]");
            check_container(container, &path, &volumes, causes);
            let name = text(container, "/name");
            if !name.is_empty() && !taken.insert(name) {
                causes.push(Cause::duplicate(format!("{path}.name"), &name.into()));
            }
        }
    }
    one_of(object, &format!("{at}/restartPolicy"), &["Always", "OnFailure", "Never"], causes);
    let policies = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
    one_of(object, &format!("{at}/dnsPolicy"), &policies, causes);
    not_negative(object, &format!("{at}/terminationGracePeriodSeconds"), causes);
}

/// Checks the volumes and answers their names.
fn check_volumes<'a>(spec: &'a Value, path: &str, causes: &mut Vec<Cause>) -> HashSet<&'a str> {
    let mut known = HashSet::new();
    for (place, volume) in items(spec, "/volumes").iter().enumerate() {
        let path = format!("{path}.volumes[{place}]");
        let name = text(volume, "/name");
        check_label(name, &format!("{path}.name"), causes);
        if !name.is_empty() && !known.insert(name) {
            causes.push(Cause::duplicate(format!("{path}.name"), &name.into()));
        }
        let sources = volume
            .as_object()
            .map_or(0, |map| map.iter().filter(|(field, _)| *field != "name").count());
        if sources > 1 {
            causes.push(Cause::forbidden(path.clone(), "may not specify more than 1 volume type"));
        }
        if let Some(claim) = volume.get("persistentVolumeClaim")
            && text(claim, "/claimName").is_empty()
        {
            causes.push(Cause::required(format!("{path}.persistentVolumeClaim.claimName"), ""));
        }
    }
    known
}

fn check_container(
    container: &Value,
    path: &str,
    volumes: &HashSet<&str>,
    causes: &mut Vec<Cause>,
) {
    check_label(text(container, "/name"), &format!("{path}.name"), causes);
    if text(container, "/image").is_empty() {
        causes.push(Cause::required(format!("{path}.image"), ""));
    }
    for (place, row) in items(container, "/ports").iter().enumerate() {
        let path = format!("{path}.ports[{place}]");
        let number = row.get("containerPort").cloned().unwrap_or_else(|| 0.into());
        port(&number, &format!("{path}.containerPort"), causes);
        one_of_here(row, "protocol", &["SCTP", "TCP", "UDP"], &path, causes);
    }
    for (place, row) in items(container, "/env").iter().enumerate() {
        let name = text(row, "/name");
        if name.is_empty() {
            causes.push(Cause::required(format!("{path}.env[{place}].name"), ""));
        } else if let Err(why) = names::variable(name) {
            let field = format!("{path}.env[{place}].name");
            causes.push(Cause::invalid(field, &name.into(), &why));
        }
        if row.get("valueFrom").is_some() && !text(row, "/value").is_empty() {
            let detail = "may not be specified when `value` is not empty";
            let field = format!("{path}.env[{place}].valueFrom");
            causes.push(Cause::invalid(field, &"".into(), detail));
        }
    }
    for (place, row) in items(container, "/volumeMounts").iter().enumerate() {
        check_mount(row, &format!("{path}.volumeMounts[{place}]"), volumes, causes);
    }
    one_of_here(container, "imagePullPolicy", &["Always", "IfNotPresent", "Never"], path, causes);
    check_resources(container, path, causes);
}

fn check_mount(row: &Value, path: &str, volumes: &HashSet<&str>, causes: &mut Vec<Cause>) {
    let name = text(row, "/name");
    if name.is_empty() {
        causes.push(Cause::required(format!("{path}.name"), ""));
    } else if !volumes.contains(name) {
        causes.push(Cause {
            reason: "FieldValueNotFound",
            message: format!("Not found: \"{name}\""),
            field: format!("{path}.name"),
        });
    }
    if text(row, "/mountPath").is_empty() {
        causes.push(Cause::required(format!("{path}.mountPath"), ""));
    }
}

fn check_resources(container: &Value, path: &str, causes: &mut Vec<Cause>) {
    let of =
        |kind: &str| container.pointer(&format!("/resources/{kind}")).and_then(Value::as_object);
    for kind in ["limits", "requests"] {
        for (name, value) in of(kind).into_iter().flatten() {
            check_quantity(value, &format!("{path}.resources.{kind}[{name}]"), causes);
        }
    }
    let (Some(limits), Some(requests)) = (of("limits"), of("requests")) else { return };
    for (name, request) in requests {
        let size =
            |value: &Value| value.as_str().and_then(Quantity::parse).map(Quantity::billionths);
        let limit = limits.get(name).and_then(size);
        if let (Some(limit), Some(wanted)) = (limit, size(request))
            && wanted > limit
        {
            let detail = format!("must be less than or equal to {name} limit");
            causes.push(Cause::invalid(format!("{path}.resources.requests"), request, &detail));
        }
    }
}

/// A quantity that is one and is not below zero.
pub(super) fn check_quantity(value: &Value, field: &str, causes: &mut Vec<Cause>) {
    match value.as_str().and_then(Quantity::parse) {
        None => {
            let detail = "quantities must match the regular expression \
                          '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
            causes.push(Cause::invalid(field, value, detail));
        }
        Some(quantity) if quantity.billionths() < 0 => {
            causes.push(Cause::invalid(field, value, "must be greater than or equal to 0"));
        }
        Some(_) => {}
    }
}

fn check_label(name: &str, field: &str, causes: &mut Vec<Cause>) {
    if name.is_empty() {
        causes.push(Cause::required(field, ""));
    } else if let Err(why) = names::dns_label(name) {
        causes.push(Cause::invalid(field, &name.into(), &why));
    }
}

fn one_of_here(row: &Value, name: &str, known: &[&str], path: &str, causes: &mut Vec<Cause>) {
    if let Some(value) = row.get(name)
        && !value.as_str().is_some_and(|value| known.contains(&value))
    {
        causes.push(Cause::unsupported(format!("{path}.{name}"), value, known));
    }
}

/// Checks that only what may change in a pod does.
pub(super) fn check_change(object: &Value, old: &Value, causes: &mut Vec<Cause>) {
    let (mut now, mut then) = (frozen(object), frozen(old));
    // Binding gives a pod its machine, once.
    if text(old, "/spec/nodeName").is_empty() {
        for spec in [&mut now, &mut then] {
            if let Value::Object(map) = spec {
                map.shift_remove("nodeName");
            }
        }
    }
    if now != then {
        let detail = "pod updates may not change fields other than `spec.containers[*].image`, \
                      `spec.initContainers[*].image`, `spec.activeDeadlineSeconds` or \
                      `spec.tolerations` (only additions to existing tolerations)";
        causes.push(Cause::forbidden("spec", detail));
    }
}

/// The `spec` without what may change.
fn frozen(pod: &Value) -> Value {
    let mut spec = pod.get("spec").cloned().unwrap_or_default();
    if let Value::Object(map) = &mut spec {
        let free = ["activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds"];
        map.retain(|field, _| !free.contains(&field.as_str()));
        for list in ["containers", "initContainers"] {
            for container in map.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
                if let Value::Object(container) = container {
                    container.shift_remove("image");
                }
            }
        }
    }
    spec
}
