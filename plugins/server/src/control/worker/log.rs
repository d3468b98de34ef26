//! What a worker is doing and what it did last: in its heartbeats, and in its log.

use crate::control::broken::Broken;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use toygres_model::time::rfc3339;

/// How many ended activities are remembered.
const RECENT: usize = 10;

/// The activities of one worker. Clones share it.
#[derive(Debug, Clone, Default)]
pub(in crate::control) struct Log {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    next: u64,
    now: BTreeMap<u64, Begun>,
    recent: VecDeque<Value>,
}

#[derive(Debug, Clone)]
struct Begun {
    activity: &'static str,
    orchestration: String,
    at: Instant,
    at_ms: i64,
}

/// An activity that has begun; one that is dropped was given up with its worker.
#[derive(Debug)]
pub(in crate::control) struct Entry {
    log: Log,
    number: u64,
    begun: Begun,
}

impl Log {
    /// Notes that an activity begins.
    pub(in crate::control) fn begin(&self, activity: &'static str, orchestration: &str) -> Entry {
        let begun = Begun {
            activity,
            orchestration: orchestration.to_owned(),
            at: Instant::now(),
            at_ms: now_ms(),
        };
        let mut inner = self.lock();
        let number = inner.next;
        inner.next += 1;
        inner.now.insert(number, begun.clone());
        Entry { log: self.clone(), number, begun }
    }

    /// What is being done, and what was done last, the latest first.
    pub(super) fn told(&self) -> (Value, Value) {
        let inner = self.lock();
        let now: Vec<Value> = inner
            .now
            .values()
            .map(|begun| {
                json!({
                    "activity": begun.activity,
                    "orchestration": begun.orchestration,
                    "since": rfc3339(begun.at_ms),
                    "duration_ms": millis(begun.at.elapsed()),
                })
            })
            .collect();
        (Value::Array(now), inner.recent.iter().cloned().collect())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// Notes how it ended.
    pub(in crate::control) fn end(self, failure: Option<&Broken>) {
        let Begun { activity, orchestration, at, .. } = &self.begun;
        let duration_ms = millis(at.elapsed());
        match failure {
            None => tracing::info!(activity, orchestration, duration_ms, "activity done"),
            Some(failure) => {
                let (error, retryable) = (failure.reason(), failure.is_transient());
                tracing::warn!(
                    activity,
                    orchestration,
                    duration_ms,
                    error,
                    retryable,
                    "activity failed"
                );
            }
        }
        let ended = json!({
            "activity": activity,
            "orchestration": orchestration,
            "ended_at": rfc3339(now_ms()),
            "duration_ms": duration_ms,
            "succeeded": failure.is_none(),
        });
        let mut inner = self.log.lock();
        inner.recent.push_front(ended);
        inner.recent.truncate(RECENT);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.log.lock().now.remove(&self.number);
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Broken, Log, RECENT};

    #[test]
    fn what_is_done_is_told_until_it_ended() {
        let log = Log::default();
        let entry = log.begin("deploy-postgres", "create-a-1");
        assert_eq!(log.told().0[0]["activity"], "deploy-postgres");
        entry.end(None);
        drop(log.begin("given-up", "create-a-1"));
        let (now, recent) = log.told();
        assert_eq!(now.as_array().map(Vec::len), Some(0));
        assert_eq!(recent[0]["succeeded"], true);
        for _ in 0..2 * RECENT {
            log.begin("x", "y").end(Some(&Broken::lasting("why")));
        }
        assert_eq!(log.told().1.as_array().map(Vec::len), Some(RECENT));
    }
}
