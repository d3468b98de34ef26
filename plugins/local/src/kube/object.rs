//! Reading and writing the fields that every object has.

use serde_json::{Map, Value, json};

/// The text at a pointer (`/metadata/name`), empty where there is none.
pub(crate) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The list at a pointer, empty where there is none.
pub(crate) fn items<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The number at a pointer.
pub(crate) fn number(object: &Value, pointer: &str) -> Option<i64> {
    object.pointer(pointer).and_then(Value::as_i64)
}

/// The name.
pub(crate) fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

/// The namespace; empty where it has none.
pub(crate) fn namespace(object: &Value) -> &str {
    text(object, "/metadata/namespace")
}

/// The unique id.
pub(crate) fn uid(object: &Value) -> &str {
    text(object, "/metadata/uid")
}

/// The version of the whole store at which the object was last written.
pub(crate) fn version(object: &Value) -> u64 {
    text(object, "/metadata/resourceVersion").parse().unwrap_or_default()
}

/// Whether somebody has to agree before the object goes away.
pub(crate) fn has_finalizers(object: &Value) -> bool {
    !items(object, "/metadata/finalizers").is_empty()
}

/// Whether the object is going away.
pub(crate) fn is_terminating(object: &Value) -> bool {
    object.pointer("/metadata/deletionTimestamp").is_some()
}

/// The object that `field` is, made where it is missing or is none.
pub(crate) fn map<'a>(parent: &'a mut Value, field: &str) -> &'a mut Value {
    let parent = as_map(parent);
    let child = parent.entry(field).or_insert_with(|| json!({}));
    if !child.is_object() {
        *child = json!({});
    }
    child
}

/// The map that `value` is; anything else becomes an empty one.
pub(crate) fn as_map(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = json!({});
    }
    match value {
        Value::Object(map) => map,
        // It was made an object just above.
        _ => unreachable!("a value that was made an object is one"),
    }
}

/// The metadata.
pub(crate) fn metadata(object: &mut Value) -> &mut Map<String, Value> {
    as_map(map(object, "metadata"))
}

/// Sets a field that is missing.
pub(crate) fn or(parent: &mut Value, field: &str, value: impl Into<Value>) {
    if let Value::Object(map) = parent {
        map.entry(field).or_insert_with(|| value.into());
    }
}

/// Sets a text field that is missing or empty.
pub(crate) fn or_text(parent: &mut Value, field: &str, value: &str) {
    if let Value::Object(map) = parent {
        let slot = map.entry(field).or_insert(Value::Null);
        if slot.as_str().is_none_or(str::is_empty) {
            *slot = value.into();
        }
    }
}

/// Now, to the second, as every timestamp in metadata is.
pub(crate) fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The port of a Service that is PostgreSQL's: the one of that name, the one that leads to its port, or
/// the first. Others may stand before it.
pub(crate) fn postgres_port(service: &Value) -> usize {
    let ports = items(service, "/spec/ports");
    let named = ports.iter().position(|port| text(port, "/name") == "postgres");
    let leads = |port: &Value| {
        text(port, "/targetPort") == "postgres" || number(port, "/targetPort") == Some(5432)
    };
    named.or_else(|| ports.iter().position(leads)).unwrap_or(0)
}

/// The path of that port's number.
pub(crate) fn postgres_port_path(service: &Value) -> String {
    format!("/spec/ports/{}/port", postgres_port(service))
}
