//! One line of the log, read tolerantly: other versions write other fields.

use serde::Serialize;
use serde_json::{Map, Value};
use toygres_model::names;

/// One event.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Entry {
    /// RFC 3339 in UTC.
    pub(crate) time: Option<String>,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub(crate) level: Option<String>,
    /// What happened, or the line as it is where it is none of ours.
    pub(crate) message: String,
    /// The orchestration that it happened in.
    pub(crate) orchestration: Option<String>,
    /// The Kubernetes name of the database instance that it is about.
    pub(crate) instance: Option<String>,
    /// The part of the program that says so.
    pub(crate) target: Option<String>,
    /// Everything else.
    pub(crate) fields: Map<String, Value>,
}

/// Where an orchestration's id may stand. duroxide calls it an instance.
const ORCHESTRATION: &[&str] = &["instance_id", "orchestration_id", "orchestration"];
/// Where a database instance's name may stand, the one of Kubernetes first.
const INSTANCE: &[&str] = &["k8s_name", "instance", "user_name"];

impl Entry {
    /// Reads one line.
    pub(crate) fn read(line: &[u8]) -> Self {
        let Ok(Value::Object(mut fields)) = serde_json::from_slice::<Value>(line) else {
            return Self {
                time: None,
                level: None,
                message: String::from_utf8_lossy(line).into_owned(),
                orchestration: None,
                instance: None,
                target: None,
                fields: Map::new(),
            };
        };
        // What is said of the whole span is said of each event in it.
        if let Some(Value::Object(span)) = fields.shift_remove("span") {
            for (name, value) in span {
                let name = if name == "name" { "span".to_owned() } else { name };
                fields.entry(name).or_insert(value);
            }
        }
        let mut take = |name: &str| match fields.shift_remove(name) {
            Some(Value::String(text)) => Some(text),
            Some(other) => Some(other.to_string()),
            None => None,
        };
        let (time, level) = (take("timestamp"), take("level").map(|it| it.to_ascii_lowercase()));
        let (message, target) = (take("message").unwrap_or_default(), take("target"));
        if target.as_deref().is_some_and(|target| target.starts_with("duroxide"))
            && let Some(id) = fields.shift_remove("instance")
        {
            fields.entry("instance_id").or_insert(id);
        }
        let text = |names: &[&str]| {
            names.iter().find_map(|name| fields.get(*name)?.as_str().map(str::to_owned))
        };
        let orchestration = text(ORCHESTRATION);
        let instance = text(INSTANCE)
            .or_else(|| orchestration.as_deref().and_then(|id| names::k8s_name(id, &Value::Null)));
        Self { time, level, message, orchestration, instance, target, fields }
    }

    /// The names that the instance goes by: the one of Kubernetes and its user's.
    pub(crate) fn is_about(&self, name: &str) -> bool {
        let named = INSTANCE.iter().any(|field| self.fields.get(*field) == Some(&name.into()));
        let within = |field: &&'static str| {
            let id = self.fields.get(*field).and_then(Value::as_str);
            id.is_some_and(|id| names::is_about(id, name))
        };
        named
            || ORCHESTRATION.iter().any(within)
            || self.instance.as_deref().is_some_and(|k8s_name| {
                k8s_name == name || names::user_name(k8s_name, &Value::Null) == name
            })
    }

    /// It happened in this orchestration, or in one below it.
    pub(crate) fn is_within(&self, id: &str) -> bool {
        ORCHESTRATION.iter().any(|field| {
            let found = self.fields.get(*field).and_then(Value::as_str);
            let below = |found: &str| {
                found.strip_prefix(id).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
            };
            found.is_some_and(below)
        })
    }

    /// What is not said elsewhere in its line: `name=value`, a text with blanks in quotes.
    pub(crate) fn details(&self) -> String {
        let shown = self.fields.iter().map(|(name, value)| match value {
            Value::String(text) if !text.is_empty() && !text.contains([' ', '"', '\n']) => {
                format!("{name}={text}")
            }
            other => format!("{name}={other}"),
        });
        shown.collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::Entry;

    fn read(line: &str) -> Entry {
        Entry::read(line.as_bytes())
    }

    #[test]
    fn an_event_is_found_by_every_name_of_what_it_is_about() {
        let entry = read(
            r#"{"timestamp":"2026-01-02T03:04:05.6Z","level":"WARN","message":"slow","target":"t",
                "instance_id":"create-my-db-a1b2c3d4::sub::2","took_ms":7,"why":"a b",
                "span":{"name":"request","k8s_name":"my-db-a1b2c3d4"}}"#,
        );
        assert_eq!(entry.level.as_deref(), Some("warn"));
        assert!(entry.is_within("create-my-db-a1b2c3d4"));
        assert!(entry.is_within("create-my-db-a1b2c3d4::sub::2"));
        assert!(!entry.is_within("create-my-db"));
        assert!(entry.is_about("my-db") && entry.is_about("my-db-a1b2c3d4"));
        assert!(!entry.is_about("my"));
        assert_eq!(
            entry.details(),
            "instance_id=create-my-db-a1b2c3d4::sub::2 took_ms=7 why=\"a b\" \
             span=request k8s_name=my-db-a1b2c3d4"
        );
    }

    #[test]
    fn what_a_later_monitor_does_is_about_its_instance() {
        for id in ["health-mydb-84ac288f-2", "delete-mydb-84ac288f-13"] {
            let entry = read(&format!(r#"{{"message":"activity done","orchestration":"{id}"}}"#));
            assert_eq!(entry.instance.as_deref(), Some("mydb-84ac288f"));
            assert!(entry.is_about("mydb") && entry.is_about("mydb-84ac288f"), "{id}");
            assert!(!entry.is_about("my"), "{id}");
        }
        // A Kubernetes name that was given elsewhere.
        let entry = read(r#"{"orchestration":"health-abandoned-db-xyz123-2"}"#);
        assert!(entry.is_about("abandoned-db-xyz123"));
    }

    #[test]
    fn what_duroxide_calls_an_instance_is_an_orchestration() {
        let entry = read(r#"{"target":"duroxide::runtime","instance":"create-a-00000001"}"#);
        assert!(entry.is_within("create-a-00000001") && entry.is_about("a"));
        let entry = read(r#"{"target":"toygres_server::control","instance":"a"}"#);
        assert_eq!((entry.orchestration.as_deref(), entry.instance.as_deref()), (None, Some("a")));
    }

    #[test]
    fn what_is_no_event_is_shown_as_it_is() {
        for line in ["thread panicked", "[1,2]", "{broken", ""] {
            let entry = read(line);
            assert_eq!((entry.message.as_str(), entry.level), (line, None));
        }
        assert_eq!(read(r#"{"level":5,"message":{"a":1}}"#).message, r#"{"a":1}"#);
    }
}
