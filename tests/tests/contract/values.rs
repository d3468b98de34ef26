//! Values for a schema: those that it takes, and those that it does not.

use serde_json::{Value, json};

/// Texts that are handled wrongly where anything is.
const TEXTS: &[&str] = &[
    "a",
    "two words",
    "é✓𝔘 \u{202e}odd",
    "%25/../?&#=+",
    "'; DROP TABLE x; --",
    "{\"a\": 1}",
    "--help",
];

fn is(schema: &Value, kind: &str) -> bool {
    match &schema["type"] {
        Value::String(one) => one == kind,
        Value::Array(several) => several.iter().any(|one| one == kind),
        _ => false,
    }
}

/// Values at the borders of what the schema takes.
pub(crate) fn good(schema: &Value) -> Vec<Value> {
    if let Some(values) = schema["enum"].as_array() {
        return values.clone();
    }
    let mut values: Vec<Value> = schema["examples"].as_array().cloned().unwrap_or_default();
    if is(schema, "null") {
        values.push(Value::Null);
    }
    if is(schema, "boolean") {
        values.extend([json!(true), json!(false)]);
    }
    if is(schema, "integer") {
        let (least, most) = (schema["minimum"].as_i64(), schema["maximum"].as_u64());
        values.extend([json!(least.unwrap_or(0)), json!(most.unwrap_or(20))]);
        values.push(json!(1.max(least.unwrap_or(1))));
    }
    if is(schema, "number") {
        values.extend([json!(0), json!(1.5)]);
    }
    if is(schema, "string") && values.is_empty() {
        values.extend(texts(schema));
    }
    if is(schema, "array") {
        let items = good(&schema["items"]);
        values.push(json!([]));
        // All of an enumeration are tried where one is taken alone.
        values.extend(items.first().into_iter().chain(items.last()).map(|item| json!([item])));
        values.push(Value::Array(items.into_iter().take(2).collect()));
    }
    if is(schema, "object") {
        values.push(json!({}));
    }
    values
}

fn texts(schema: &Value) -> Vec<Value> {
    if schema["pattern"].is_string() {
        return vec![json!("abc-1")];
    }
    let least = schema["minLength"].as_u64().unwrap_or(0);
    let most = usize::try_from(schema["maxLength"].as_u64().unwrap_or(300)).unwrap();
    let mut texts: Vec<Value> = TEXTS.iter().map(|text| json!(text)).collect();
    texts.push(json!("x".repeat(most)));
    if least == 0 {
        texts.push(json!(""));
    }
    texts
}

/// Values that the schema does not take.
pub(crate) fn bad(schema: &Value) -> Vec<Value> {
    let mut values = Vec::new();
    if schema["enum"].is_array() {
        values.extend([json!("nosuch"), json!("")]);
    }
    if is(schema, "boolean") {
        values.extend([json!("maybe"), json!(7)]);
    }
    if is(schema, "integer") {
        values.extend([json!("many"), json!(1.5), json!(1e30), json!("99999999999999999999999")]);
        values.extend(schema["minimum"].as_i64().map(|least| json!(least - 1)));
        let most = schema["maximum"].as_u64().filter(|most| *most < u64::MAX);
        values.extend(most.map(|most| json!(most + 1)));
    }
    if is(schema, "string") {
        values.push(json!({"a": 1}));
        values.extend((!is(schema, "integer")).then(|| json!(7)));
        let least = schema["minLength"].as_u64().unwrap_or(0);
        values.extend((least > 0).then(|| json!("")));
        let most = schema["maxLength"].as_u64().and_then(|most| usize::try_from(most).ok());
        values.extend(most.map(|most| json!("x".repeat(most + 1))));
        if schema["pattern"].is_string() {
            values.extend(["A", "-", "a b", "é", "a\u{0}"].map(|text| json!(text)));
        }
    }
    if is(schema, "array") {
        values.extend(bad(&schema["items"]).into_iter().map(|item| json!([item])));
    }
    if is(schema, "object") {
        values.extend([json!([]), json!("a")]);
    }
    values
}

/// A value as a query has it, once for each of an array; none where it cannot be written so.
pub(crate) fn as_text(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Bool(_) | Value::Number(_) => Some(vec![value.to_string()]),
        Value::Array(values) => {
            values.iter().map(|value| as_text(value).and_then(|mut texts| texts.pop())).collect()
        }
        Value::Null | Value::Object(_) => None,
    }
}

/// A text within a URL.
pub(crate) fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _infallible = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}
