//! One event of a history, of whatever generation.

use serde_json::{Map, Value};

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its position.
    pub id: i64,
    /// The event that it completes.
    pub source: Option<i64>,
    /// Its type, such as `ActivityScheduled`; one that nobody knows is kept as it is.
    pub kind: String,
    /// When, in milliseconds since the epoch.
    pub at: Option<i64>,
    /// What it says.
    pub data: Map<String, Value>,
}

/// The type of an event whose data is no JSON object.
pub const UNREADABLE: &str = "Unreadable";

impl Event {
    /// Reads a row of the history table. `created_at` stands in for an event without a time.
    #[must_use]
    pub fn read(id: i64, event_data: &str, created_at: Option<i64>) -> Self {
        let parsed = serde_json::from_str(event_data).unwrap_or(Value::Null);
        let Value::Object(mut data) = parsed else {
            return Self {
                id,
                source: None,
                kind: UNREADABLE.to_owned(),
                at: created_at,
                data: Map::new(),
            };
        };
        let at =
            data.get("timestamp_ms").and_then(Value::as_i64).filter(|ms| *ms > 0).or(created_at);
        let source = data.get("source_event_id").and_then(Value::as_i64);
        let kind = match data.get("type").and_then(Value::as_str).map(str::to_owned) {
            Some(kind) => kind,
            None => untag(&mut data),
        };
        // Older completions name the event they complete in their own field.
        let source = source.or_else(|| data.get("source_event_id").and_then(Value::as_i64));
        Self { id, source, kind, at, data }
    }

    /// A text that the event says.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        self.data.get(key).and_then(Value::as_str)
    }

    /// A number that the event says.
    #[must_use]
    pub fn number(&self, key: &str) -> Option<i64> {
        self.data.get(key).and_then(Value::as_i64)
    }
}

/// `{"ActivityScheduled": {…}}`: the tag is the type, and what is below it the data. Also where
/// that stands under `kind`.
fn untag(data: &mut Map<String, Value>) -> String {
    let nested = data.get("kind").filter(|kind| kind.is_object()).cloned();
    let tagged = nested.as_ref().and_then(Value::as_object).unwrap_or(data);
    let found = tagged.iter().find(|(tag, inner)| {
        inner.is_object() && tag.starts_with(|first: char| first.is_ascii_uppercase())
    });
    let found = found.map(|(tag, inner)| (tag.clone(), inner.as_object().cloned()));
    match found {
        Some((kind, inner)) => {
            data.extend(inner.unwrap_or_default());
            kind
        }
        None => match data.get("kind").and_then(Value::as_str) {
            Some(kind) => kind.to_owned(),
            None => UNREADABLE.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{Event, UNREADABLE};
    use proptest::prelude::*;

    #[test]
    fn events_of_every_generation_are_read() {
        let today = r#"{"event_id":2,"source_event_id":1,"timestamp_ms":5,"type":"ActivityCompleted","result":"r"}"#;
        let event = Event::read(2, today, Some(9));
        assert_eq!(
            (event.kind.as_str(), event.source, event.at),
            ("ActivityCompleted", Some(1), Some(5))
        );
        let old = Event::read(3, r#"{"ActivityScheduled":{"id":3,"name":"n"}}"#, Some(9));
        assert_eq!(
            (old.kind.as_str(), old.text("name"), old.at),
            ("ActivityScheduled", Some("n"), Some(9))
        );
        let newer = Event::read(4, r#"{"type":"Teleported","where":"x","timestamp_ms":7}"#, None);
        assert_eq!((newer.kind.as_str(), newer.at), ("Teleported", Some(7)));
        for broken in ["", "{", "[]", "\"x\"", "{}", "{\"a\":1}"] {
            assert_eq!(Event::read(1, broken, None).kind, UNREADABLE, "{broken}");
        }
    }

    proptest! {
        #[test]
        fn nothing_breaks_the_reader(text in ".{0,60}", json in "\\{\"[a-zA-Z_]{0,8}\":(\\{\\}|[0-9]{1,20}|\"x\")\\}") {
            let _either = Event::read(1, &text, None);
            let _either = Event::read(1, &json, Some(1));
        }
    }
}
