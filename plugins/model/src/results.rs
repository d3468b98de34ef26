//! What activities of the control plane return, as far as others read it: the result of a poll and of
//! a health check. Results of other workflows are read by the same keys, and ignored where they have
//! none of them.

use serde_json::Value;

/// How often a poll is made before it is given up.
pub const POLL_ATTEMPTS: u32 = 60;
/// How often an activity that fails is tried.
pub const RETRY_ATTEMPTS: u32 = 8;

/// Keys of a poll's result that say whether it has what it waits for.
const DONE_KEYS: &[&str] = &["ready", "gone", "ended"];
/// Keys of a poll's result that say nothing but that.
const PLAIN_KEYS: &[&str] =
    &["ready", "gone", "ended", "attempt", "waiting_for", "failing", "still_there"];

/// The result of a poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollResult {
    /// It has what it waits for.
    pub done: bool,
    /// The key that said so: `ready`, `gone` or `ended`.
    pub key: &'static str,
    /// What it waits for, in words.
    pub waiting_for: Option<String>,
    /// What it waits for will not come about by itself, as with an image that cannot be pulled.
    pub failing: bool,
    /// It returned more than whether it is done.
    pub has_more: bool,
}

impl PollResult {
    /// Reads the result of an activity; `None` where it is not that of a poll.
    #[must_use]
    pub fn read(outcome: &str) -> Option<Self> {
        let result = object(outcome)?;
        let (key, done) =
            DONE_KEYS.iter().find_map(|key| Some((*key, result.get(*key)?.as_bool()?)))?;
        let left = result.get("still_there").and_then(Value::as_array).into_iter().flatten();
        let left: Vec<&str> = left.filter_map(Value::as_str).collect();
        let waiting_for = match result.get("waiting_for").and_then(Value::as_str) {
            Some(text) => Some(text.to_owned()),
            None if left.is_empty() => None,
            None => Some(format!("still there: {}", left.join(", "))),
        };
        Some(Self {
            done,
            key,
            waiting_for: waiting_for.filter(|_| !done),
            failing: !done && result.get("failing").and_then(Value::as_bool) == Some(true),
            has_more: result.keys().any(|key| !PLAIN_KEYS.contains(&key.as_str())),
        })
    }

    /// What is not done yet, in words: `not ready`.
    #[must_use]
    pub fn state(&self) -> String {
        if self.done { self.key.to_owned() } else { format!("not {}", self.key) }
    }

    /// What it waits for, or else that it is not done.
    #[must_use]
    pub fn finding(&self) -> String {
        self.waiting_for.clone().unwrap_or_else(|| self.state())
    }
}

/// The result of a health check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckResult {
    /// `healthy`, `unhealthy` or `unknown`.
    pub status: String,
    /// Why it is not healthy.
    pub error: Option<String>,
    /// How long the server took to answer, in milliseconds.
    pub response_ms: Option<i64>,
    /// The version that the server reported.
    pub version: Option<String>,
}

impl CheckResult {
    /// Reads the result of an activity; `None` where it is not that of a health check.
    #[must_use]
    pub fn read(outcome: &str) -> Option<Self> {
        let result = object(outcome)?;
        let text = |key: &str| result.get(key).and_then(Value::as_str).map(str::to_owned);
        let status =
            text("status").filter(|word| ["healthy", "unhealthy", "unknown"].contains(&&**word))?;
        Some(Self {
            status,
            error: text("error").filter(|error| !error.is_empty()),
            response_ms: result.get("response_time_ms").and_then(Value::as_i64),
            version: text("version"),
        })
    }

    /// In words: `unhealthy: Connection refused`.
    #[must_use]
    pub fn finding(&self) -> String {
        match &self.error {
            Some(error) if self.status != "healthy" => format!("{}: {error}", self.status),
            _ => self.status.clone(),
        }
    }
}

fn object(outcome: &str) -> Option<serde_json::Map<String, Value>> {
    if !outcome.trim_start().starts_with('{') {
        return None;
    }
    match serde_json::from_str(outcome) {
        Ok(Value::Object(object)) => Some(object),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{CheckResult, PollResult};

    #[test]
    fn polls_are_read_by_what_they_return() {
        for (outcome, done, finding) in [
            (
                r#"{"ready":false,"attempt":2,"waiting_for":"a-0 is pending"}"#,
                false,
                "a-0 is pending",
            ),
            (r#"{"ready":false,"waiting_for":null}"#, false, "not ready"),
            (r#"{"gone":false,"still_there":["pod a-0","x"]}"#, false, "still there: pod a-0, x"),
            (r#"{"ended":false,"orchestration_id":"create-a"}"#, false, "not ended"),
            (r#"{"ready":true,"waiting_for":null}"#, true, "ready"),
        ] {
            let result = PollResult::read(outcome).unwrap();
            assert_eq!((result.done, result.finding().as_str()), (done, finding), "{outcome}");
        }
        for outcome in ["", "ready", "[]", "{}", r#"{"ready":"soon"}"#, r#"{"recorded":true}"#] {
            assert_eq!(PollResult::read(outcome), None, "{outcome}");
        }
        assert!(PollResult::read(r#"{"ready":true,"port":5432}"#).unwrap().has_more);
        assert!(PollResult::read(r#"{"ready":false,"failing":true}"#).unwrap().failing);
    }

    #[test]
    fn checks_are_read_by_what_they_return() {
        let check = |text| CheckResult::read(text).map(|check| check.finding());
        let sick = r#"{"status":"unhealthy","error":"Connection refused","watch":true}"#;
        assert_eq!(check(sick).as_deref(), Some("unhealthy: Connection refused"));
        assert_eq!(check(r#"{"status":"healthy","error":null}"#).as_deref(), Some("healthy"));
        assert_eq!(check(r#"{"status":"sent"}"#), None);
    }
}
