//! What goes on on one connection: when something last came or went, and whether it serves somebody.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

/// A client that reads nothing of its answer for so long is gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// The same for a client with the token: it may show the answer page by page.
const AUTHORIZED_WRITE_TIMEOUT: Duration = Duration::from_secs(60);

/// What moments are counted from.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// What goes on on one connection.
#[derive(Debug)]
pub(crate) struct Activity {
    /// Microseconds since [`START`].
    last_progress: AtomicU64,
    /// Requests whose answer has not been taken whole.
    requests: AtomicUsize,
    authorized: AtomicBool,
    stalled: AtomicBool,
}

impl Activity {
    pub(super) fn new() -> Self {
        Self {
            last_progress: AtomicU64::new(now()),
            requests: AtomicUsize::new(0),
            authorized: AtomicBool::new(false),
            stalled: AtomicBool::new(false),
        }
    }

    /// Bytes came, or went.
    pub(super) fn progress(&self) {
        self.last_progress.store(now(), Ordering::Relaxed);
    }

    /// How long nothing came or went.
    pub(super) fn silence(&self) -> Duration {
        Duration::from_micros(now().saturating_sub(self.last_progress()))
    }

    /// When they last did, for comparison.
    pub(super) fn last_progress(&self) -> u64 {
        self.last_progress.load(Ordering::Relaxed)
    }

    /// A request on it brought the token.
    pub(crate) fn set_authorized(&self) {
        self.authorized.store(true, Ordering::Relaxed);
    }

    /// A request with the token is under way. Refusals and probes are answered at once; where one
    /// is still under way, its client does not read.
    pub(super) fn serves_somebody(&self) -> bool {
        self.requests.load(Ordering::Relaxed) > 0 && self.authorized.load(Ordering::Relaxed)
    }

    /// How long a write may make no progress.
    pub(super) fn write_timeout(&self) -> Duration {
        match self.authorized.load(Ordering::Relaxed) {
            true => AUTHORIZED_WRITE_TIMEOUT,
            false => WRITE_TIMEOUT,
        }
    }

    /// Whether what was written last is waiting for the client to read.
    pub(super) fn set_stalled(&self, stalled: bool) {
        self.stalled.store(stalled, Ordering::Relaxed);
    }

    pub(super) fn is_stalled(&self) -> bool {
        self.stalled.load(Ordering::Relaxed)
    }

    /// A request came; it is under way until what is answered is dropped.
    pub(super) fn begin_request(self: &Arc<Self>) -> RequestUnderWay {
        self.requests.fetch_add(1, Ordering::Relaxed);
        RequestUnderWay(self.clone())
    }
}

/// A request until its answer was taken whole.
#[derive(Debug)]
pub(super) struct RequestUnderWay(Arc<Activity>);

impl Drop for RequestUnderWay {
    fn drop(&mut self) {
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
        self.0.progress();
    }
}

fn now() -> u64 {
    u64::try_from(START.elapsed().as_micros()).unwrap_or(u64::MAX)
}
