//! Secrets and ConfigMaps.

use super::names;
use crate::kube::status::Cause;
use serde_json::Value;

/// Most bytes of all values together.
const MOST: usize = 1 << 20;

/// A whole Secret.
pub(super) fn check_secret(object: &Value, causes: &mut Vec<Cause>) {
    // Four letters of base64 are three bytes.
    let size = check_entries(object, "data", causes) / 4 * 3;
    check_total(size, "data", causes);
    let kind = crate::kube::object::text(object, "/type");
    for needed in needed(kind) {
        if object.pointer(&format!("/data/{}", needed.replace('/', "~1"))).is_none() {
            causes.push(Cause::required(format!("data[{needed}]"), ""));
        }
    }
}

/// The entries that a type of Secret has to have.
fn needed(kind: &str) -> &'static [&'static str] {
    match kind {
        "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
        "kubernetes.io/dockercfg" => &[".dockercfg"],
        "kubernetes.io/ssh-auth" => &["ssh-privatekey"],
        "kubernetes.io/tls" => &["tls.crt", "tls.key"],
        _ => &[],
    }
}

/// A whole ConfigMap.
pub(super) fn check_config_map(object: &Value, causes: &mut Vec<Cause>) {
    let texts = check_entries(object, "data", causes);
    let bytes = check_entries(object, "binaryData", causes) / 4 * 3;
    check_total(texts + bytes, "", causes);
}

/// Checks the names and answers the length of all values.
fn check_entries(object: &Value, field: &str, causes: &mut Vec<Cause>) -> usize {
    let mut size = 0;
    for (key, value) in object.get(field).and_then(Value::as_object).into_iter().flatten() {
        if let Err(why) = names::data_key(key) {
            causes.push(Cause::invalid(format!("{field}[{key}]"), &key.as_str().into(), &why));
        }
        size += value.as_str().map_or(0, str::len);
    }
    size
}

fn check_total(size: usize, field: &str, causes: &mut Vec<Cause>) {
    if size > MOST {
        causes.push(Cause {
            reason: "FieldValueTooLong",
            message: format!("Too long: must have at most {MOST} bytes"),
            field: field.into(),
        });
    }
}

/// Checks that what is immutable stays.
pub(super) fn check_change(object: &Value, old: &Value, causes: &mut Vec<Cause>) {
    if object.get("type") != old.get("type") {
        let kind = object.get("type").cloned().unwrap_or_default();
        causes.push(Cause::invalid("type", &kind, "field is immutable"));
    }
    if old.get("immutable") != Some(&Value::Bool(true)) {
        return;
    }
    for field in ["immutable", "data", "binaryData"] {
        if object.get(field) != old.get(field) {
            let detail = "field is immutable when `immutable` is set";
            causes.push(Cause::forbidden(field, detail));
        }
    }
}
