//! duroxide's queues: what waits for whom.

use serde_json::Value;

/// One row of the worker or orchestrator queue, whatever columns its generation has.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueRow {
    /// The row's columns.
    pub columns: Value,
    /// The kind of its work item: `ActivityExecute`, `TimerFired`, ….
    pub kind: String,
    /// What the work item says.
    pub item: Value,
}

impl QueueRow {
    /// Reads a row: its columns as a JSON object, and the work item as text.
    #[must_use]
    pub fn read(columns: Value, work_item: &str) -> Self {
        let parsed: Value = serde_json::from_str(work_item).unwrap_or(Value::Null);
        let tagged = parsed.as_object().and_then(|object| object.iter().next());
        let (kind, item) = match tagged {
            Some((kind, item)) if item.is_object() => (kind.clone(), item.clone()),
            _ => (crate::history::UNREADABLE.to_owned(), Value::Null),
        };
        Self { columns, kind, item }
    }

    /// Until when somebody holds it, in milliseconds since the epoch.
    #[must_use]
    pub fn locked_until(&self) -> Option<i64> {
        self.columns.get("lock_token").filter(|token| !token.is_null())?;
        self.columns.get("locked_until").and_then(Value::as_i64)
    }

    /// From when it may be taken, in milliseconds since the epoch.
    #[must_use]
    pub fn visible_at(&self) -> Option<i64> {
        self.time("visible_at")
    }

    /// When it was put there, in milliseconds since the epoch.
    #[must_use]
    pub fn created_at(&self) -> Option<i64> {
        self.time("created_at")
    }

    /// How often it was taken; 0 where the generation does not count.
    #[must_use]
    pub fn attempts(&self) -> i64 {
        self.columns.get("attempt_count").and_then(Value::as_i64).unwrap_or(0)
    }

    /// The tag that routes it.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        let column = self.columns.get("tag").and_then(Value::as_str);
        column.or_else(|| self.item.get("tag").and_then(Value::as_str))
    }

    /// A text that the work item says.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        self.item.get(key).and_then(Value::as_str)
    }

    /// A number that the work item says.
    #[must_use]
    pub fn number(&self, key: &str) -> Option<i64> {
        self.item.get(key).and_then(Value::as_i64)
    }

    fn time(&self, key: &str) -> Option<i64> {
        crate::time::parse(self.columns.get(key)?.as_str()?)
    }
}
