//! A line of the log that anybody can bring about is not written each time.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between two lines of the same kind.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// Lets one line pass from time to time.
#[derive(Debug, Default)]
pub(crate) struct LogThrottle(Mutex<(Option<Instant>, u64)>);

impl LogThrottle {
    /// Whether a line may be written now, and then how many were not since the last one.
    pub(crate) fn allow(&self) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, unsaid) = &mut *state;
        if last.is_some_and(|last| last.elapsed() < LOG_INTERVAL) {
            *unsaid += 1;
            return None;
        }
        *last = Some(Instant::now());
        Some(std::mem::take(unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::LogThrottle;

    #[test]
    fn one_line_passes_and_the_next_is_counted() {
        let throttle = LogThrottle::default();
        assert_eq!(throttle.allow(), Some(0));
        assert_eq!((throttle.allow(), throttle.allow()), (None, None));
        let mut state = throttle.0.lock().unwrap();
        assert_eq!(state.1, 2);
        state.0 = None;
        drop(state);
        assert_eq!(throttle.allow(), Some(2));
    }
}
