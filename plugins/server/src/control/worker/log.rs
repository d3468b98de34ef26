//! What a worker is doing and what it did last: in its heartbeats, and in its log.

use crate::control::broken::Broken;
use crate::control::cms::ActivityRuns;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque, btree_map};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::Notify;
use toygres_model::time::rfc3339;

/// A heartbeat is not waited for where it would tell of something new for so long already.
const EARLY_BEAT: Duration = Duration::from_millis(300);
/// How many ended activities are remembered.
const RECENT: usize = 10;

/// The activities of one worker. Clones share it.
#[derive(Debug, Clone, Default)]
pub(in crate::control) struct Log {
    inner: Arc<Mutex<Inner>>,
    /// An activity began, or one that was told of ended.
    changed: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Inner {
    next: u64,
    now: BTreeMap<u64, Begun>,
    recent: VecDeque<Value>,
    /// Since when something that was told as under way has ended.
    stale_since: Option<Instant>,
    /// What ended and is not in the roll-ups yet, by activity, outcome and bin.
    runs: BTreeMap<(&'static str, bool, i32), ActivityRuns>,
}

#[derive(Debug, Clone)]
struct Begun {
    activity: &'static str,
    orchestration: String,
    at: Instant,
    at_ms: i64,
    /// A heartbeat told of it.
    is_told: bool,
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
            is_told: false,
        };
        let mut inner = self.lock();
        let number = inner.next;
        inner.next += 1;
        inner.now.insert(number, begun.clone());
        drop(inner);
        self.changed.notify_one();
        Entry { log: self.clone(), number, begun }
    }

    /// What is being done, and what was done last, the latest first.
    pub(super) fn told(&self) -> (Value, Value) {
        let mut inner = self.lock();
        inner.stale_since = None;
        let now: Vec<Value> = inner
            .now
            .values_mut()
            .map(|begun| {
                begun.is_told = true;
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

    /// Waits until the last heartbeat tells too little: an activity has run for a while of which it does
    /// not tell, or it tells of one that has ended. What ends at once is never told of.
    pub(super) async fn is_outdated(&self) {
        loop {
            let due = {
                let inner = self.lock();
                let untold = inner.now.values().filter(|begun| !begun.is_told);
                let begun = untold.map(|begun| begun.at + EARLY_BEAT).min();
                let stale = inner.stale_since.map(|since| since + EARLY_BEAT);
                begun.into_iter().chain(stale).min()
            };
            match due {
                Some(due) => {
                    tokio::select! {
                        () = tokio::time::sleep_until(due.into()) => return,
                        () = self.changed.notified() => {}
                    }
                }
                None => self.changed.notified().await,
            }
        }
    }

    /// Takes what ended since the last time.
    pub(super) fn take_runs(&self) -> Vec<ActivityRuns> {
        std::mem::take(&mut self.lock().runs).into_values().collect()
    }

    /// Puts back what could not be written.
    pub(super) fn put_back(&self, runs: Vec<ActivityRuns>) {
        let mut inner = self.lock();
        for run in runs {
            add_run(&mut inner.runs, run);
        }
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
        let took_ms = i64::try_from(duration_ms).unwrap_or(i64::MAX);
        add_run(
            &mut inner.runs,
            ActivityRuns {
                activity,
                succeeded: failure.is_none(),
                bin: bin(took_ms),
                count: 1,
                total_ms: took_ms,
                most_ms: took_ms,
            },
        );
        inner.recent.push_front(ended);
        inner.recent.truncate(RECENT);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut inner = self.log.lock();
        let told = inner.now.remove(&self.number).is_some_and(|begun| begun.is_told);
        if told {
            inner.stale_since.get_or_insert_with(Instant::now);
        }
        drop(inner);
        if told {
            self.log.changed.notify_one();
        }
    }
}

fn add_run(runs: &mut BTreeMap<(&'static str, bool, i32), ActivityRuns>, run: ActivityRuns) {
    match runs.entry((run.activity, run.succeeded, run.bin)) {
        btree_map::Entry::Vacant(place) => {
            place.insert(run);
        }
        btree_map::Entry::Occupied(mut place) => {
            let sum = place.get_mut();
            sum.count += run.count;
            sum.total_ms = sum.total_ms.saturating_add(run.total_ms);
            sum.most_ms = sum.most_ms.max(run.most_ms);
        }
    }
}

/// The bin of a duration: the fourth part of a power of two, as the roll-ups of histories have them.
fn bin(ms: i64) -> i32 {
    if ms < 1 {
        return 0;
    }
    (1 + (4.0 * (ms as f64).log2() + 1e-9).floor() as i32).min(160)
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
    use super::{Broken, EARLY_BEAT, Log, RECENT, bin};
    use std::time::Duration;

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

    #[test]
    fn what_ran_is_counted_by_how_long_it_took() {
        let log = Log::default();
        log.begin("x", "y").end(None);
        log.begin("x", "y").end(None);
        log.begin("x", "y").end(Some(&Broken::lasting("why")));
        let runs = log.take_runs();
        let counts: Vec<(bool, i64)> = runs.iter().map(|run| (run.succeeded, run.count)).collect();
        assert_eq!(counts.iter().map(|(_, count)| count).sum::<i64>(), 3);
        assert!(counts.contains(&(false, 1)), "{counts:?}");
        log.put_back(runs);
        assert_eq!(log.take_runs().iter().map(|run| run.count).sum::<i64>(), 3);
        assert!(log.take_runs().is_empty());
        for (ms, expected) in [(0, 0), (1, 1), (2, 5), (100, 27), (i64::MAX, 160)] {
            assert_eq!(bin(ms), expected, "{ms}");
        }
    }

    #[tokio::test]
    async fn a_heartbeat_is_outdated_once_something_lasts_or_what_it_told_of_has_ended() {
        let log = Log::default();
        // Whether there is something new to tell is known at once, when it is told a moment later.
        let is_up_to_date = || tokio::time::timeout(2 * EARLY_BEAT, log.is_outdated());
        let outdated = || tokio::time::timeout(Duration::from_secs(60), log.is_outdated());
        assert!(is_up_to_date().await.is_err());
        let entry = log.begin("deploy-postgres", "create-a-1");
        outdated().await.unwrap();
        log.told();
        assert!(is_up_to_date().await.is_err());
        entry.end(None);
        outdated().await.unwrap();
    }
}
