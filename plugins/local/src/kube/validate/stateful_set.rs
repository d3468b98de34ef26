//! StatefulSets.

use super::{not_negative, one_of, pod};
use crate::kube::object::{items, text};
use crate::kube::status::Cause;
use serde_json::{Map, Value};

/// A whole StatefulSet.
pub(super) fn check(object: &Value, causes: &mut Vec<Cause>) {
    not_negative(object, "/spec/replicas", causes);
    one_of(object, "/spec/podManagementPolicy", &["OrderedReady", "Parallel"], causes);
    one_of(object, "/spec/updateStrategy/type", &["RollingUpdate", "OnDelete"], causes);
    not_negative(object, "/spec/updateStrategy/rollingUpdate/partition", causes);
    not_negative(object, "/spec/revisionHistoryLimit", causes);
    check_selector(object, causes);
    pod::check_spec(&with_claims(object), "/spec/template/spec", causes);
    if let Some(policy) = object.pointer("/spec/template/spec/restartPolicy")
        && policy != "Always"
    {
        let field = "spec.template.spec.restartPolicy";
        causes.push(Cause::unsupported(field, policy, &["Always"]));
    }
}

fn check_selector(object: &Value, causes: &mut Vec<Cause>) {
    let selector = object.pointer("/spec/selector");
    let empty = Map::new();
    let map = |value: Option<&Value>, field: &str| -> Map<String, Value> {
        let found = value.and_then(|value| value.get(field)).and_then(Value::as_object);
        found.unwrap_or(&empty).clone()
    };
    let wanted = map(selector, "matchLabels");
    let expressions = selector.map_or(&[][..], |value| items(value, "/matchExpressions"));
    if wanted.is_empty() && expressions.is_empty() {
        let shown = selector.cloned().unwrap_or_default();
        let detail = "empty selector is invalid for statefulset";
        causes.push(Cause::invalid("spec.selector", &shown, detail));
        return;
    }
    let labels = map(object.pointer("/spec/template/metadata"), "labels");
    let fits = wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
        && expressions.iter().all(|expression| holds(expression, &labels));
    if !fits {
        let detail = "`selector` does not match template `labels`";
        causes.push(Cause::invalid("spec.template.metadata.labels", &labels.into(), detail));
    }
}

fn holds(expression: &Value, labels: &Map<String, Value>) -> bool {
    let value = labels.get(text(expression, "/key"));
    let listed = value.is_some_and(|value| items(expression, "/values").contains(value));
    match text(expression, "/operator") {
        "In" => listed,
        "NotIn" => !listed,
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        _ => false,
    }
}

/// The set with its claims as volumes: what its pods will have.
fn with_claims(object: &Value) -> Value {
    let mut whole = object.clone();
    let claims: Vec<Value> = items(object, "/spec/volumeClaimTemplates")
        .iter()
        .filter_map(|claim| claim.pointer("/metadata/name").cloned())
        .map(|name| serde_json::json!({"name": name, "emptyDir": {}}))
        .collect();
    if let Some(Value::Object(spec)) = whole.pointer_mut("/spec/template/spec") {
        let volumes = spec.entry("volumes").or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(volumes) = volumes {
            volumes.extend(claims);
        }
    }
    whole
}

/// Checks that only what may change does.
pub(super) fn check_change(object: &Value, old: &Value, causes: &mut Vec<Cause>) {
    if frozen(object) != frozen(old) {
        let detail = "updates to statefulset spec for fields other than 'replicas', 'template', \
                      and 'updateStrategy' are forbidden";
        causes.push(Cause::forbidden("spec", detail));
    }
}

/// The `spec` without what may change.
fn frozen(set: &Value) -> Value {
    let mut spec = set.get("spec").cloned().unwrap_or_default();
    if let Value::Object(map) = &mut spec {
        let free = [
            "replicas",
            "template",
            "updateStrategy",
            "minReadySeconds",
            "ordinals",
            "persistentVolumeClaimRetentionPolicy",
        ];
        map.retain(|field, _| !free.contains(&field.as_str()));
    }
    spec
}
