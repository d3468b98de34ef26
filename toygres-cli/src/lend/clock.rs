//! The clock of the database that holds the records.
//!
//! A record's time is one of that clock, and so is "now" where a distance from it is told: this
//! machine's clock may be minutes off, and "in 10m" beside what has ended helps nobody.

use jiff::{SignedDuration, Timestamp};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// What that clock showed when it was last seen; shared by all copies.
#[derive(Debug, Clone, Default)]
pub(crate) struct RecordClock(Arc<Mutex<Option<(Timestamp, Instant)>>>);

impl RecordClock {
    /// Takes note of what it shows now, in milliseconds since the epoch.
    pub(crate) fn set_ms(&self, ms: i64) {
        if let Ok(shown) = Timestamp::from_millisecond(ms) {
            self.set(shown);
        }
    }

    /// Takes note of what it shows now.
    pub(crate) fn set(&self, shown: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((shown, Instant::now()));
    }

    /// What it shows now; `None` where it was not seen yet.
    #[must_use]
    pub(crate) fn now(&self) -> Option<Timestamp> {
        let seen = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (shown, when) = seen?;
        let since = SignedDuration::try_from(when.elapsed()).ok()?;
        shown.checked_add(since).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::RecordClock;

    #[test]
    fn it_goes_on() {
        let clock = RecordClock::default();
        assert_eq!(clock.now(), None);
        clock.set_ms(1_731_844_800_000);
        let now = clock.clone().now().unwrap();
        assert_eq!(now.as_second(), 1_731_844_800);
    }
}
