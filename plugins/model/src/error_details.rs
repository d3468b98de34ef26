//! duroxide's error details: `{"Application": {"kind": …, "message": …}}` and its relatives.

use serde_json::Value;

/// The words of an error, whatever shape it has.
#[must_use]
pub fn message(details: &Value) -> String {
    let Some((kind, inner)) = only(details) else {
        return details.as_str().map_or_else(|| details.to_string(), str::to_owned);
    };
    let text = |key: &str| inner.get(key).and_then(Value::as_str).unwrap_or_default();
    match kind {
        "Application" => match reason(inner) {
            Some(reason) => format!("canceled: {reason}"),
            None => text("message").to_owned(),
        },
        "Infrastructure" => format!("infrastructure, {}: {}", text("operation"), text("message")),
        "Configuration" => format!("configuration, {}: {}", text("resource"), text("message")),
        "Poison" => format!(
            "poisoned: given up after {} attempts (at most {})",
            inner.get("attempt_count").unwrap_or(&Value::Null),
            inner.get("max_attempts").unwrap_or(&Value::Null)
        ),
        _ => inner
            .get("message")
            .and_then(Value::as_str)
            .map_or_else(|| details.to_string(), str::to_owned),
    }
}

/// The reason of a cancellation, where the failure is one. duroxide has no such status.
#[must_use]
pub fn cancel_reason(details: &Value) -> Option<String> {
    let (kind, inner) = only(details)?;
    (kind == "Application").then(|| reason(inner)).flatten()
}

/// The message was given up: `Poison`.
#[must_use]
pub fn is_poison(details: &Value) -> bool {
    only(details).is_some_and(|(kind, _)| kind == "Poison")
}

fn reason(application: &Value) -> Option<String> {
    let (kind, inner) = only(application.get("kind")?)?;
    let reason = inner.get("reason").and_then(Value::as_str).unwrap_or_default();
    (kind == "Cancelled").then(|| reason.to_owned())
}

/// An externally tagged value: its tag and what is below.
fn only(value: &Value) -> Option<(&str, &Value)> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    object.iter().next().map(|(tag, inner)| (tag.as_str(), inner))
}

#[cfg(test)]
mod tests {
    use super::{cancel_reason, message};
    use serde_json::json;

    #[test]
    fn details_of_every_shape_have_words() {
        let cancelled =
            json!({"Application": {"kind": {"Cancelled": {"reason": "why"}}, "message": "m"}});
        assert_eq!(message(&cancelled), "canceled: why");
        assert_eq!(cancel_reason(&cancelled).as_deref(), Some("why"));
        let failed = json!({"Application": {"kind": "ActivityFailed", "message": "disk full"}});
        assert_eq!(message(&failed), "disk full");
        assert_eq!(cancel_reason(&failed), None);
        assert_eq!(message(&json!("old words")), "old words");
        assert_eq!(message(&json!({"New": {"message": "m"}})), "m");
    }
}
