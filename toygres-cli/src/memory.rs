//! Memory that the rows of one process share, and giving it back.
//!
//! A server runs commands for several people at once. Each may ask for rows that are as large as
//! the limit allows, and a row is copied a few times on its way to whoever asked. What all of them
//! hold together is bounded here: a large row is reserved before it is read, and whoever finds
//! nothing left waits until another one's row is gone.

use std::sync::{Arc, OnceLock};
use std::thread::Thread;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Rows from this size on are reserved; smaller ones are bounded by the batches they travel in.
pub(crate) const LARGE_ROW_BYTES: usize = 256 * 1024;
/// Bytes of large rows that a server holds at once.
const SERVER_BUDGET_BYTES: usize = 16 * 1024 * 1024;
/// Bytes of one permit.
const PERMIT_BYTES: usize = 1024;
/// The allocator gives back at most this often.
const TRIM_INTERVAL: Duration = Duration::from_secs(1);
/// Allocations from this size on are mapped, and so are given back as soon as they are freed.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const MAPPED_BYTES: libc::c_int = 256 * 1024;

/// A number of bytes that several queries share.
#[derive(Debug, Clone)]
pub(crate) struct MemoryBudget {
    permits: Arc<Semaphore>,
    total: u32,
}

/// Bytes that are taken until this is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    _permit: Option<OwnedSemaphorePermit>,
}

impl MemoryBudget {
    /// A budget of this many bytes.
    pub(crate) fn new(bytes: usize) -> Self {
        let total = u32::try_from(bytes / PERMIT_BYTES).unwrap_or(u32::MAX).max(1);
        Self { permits: Arc::new(Semaphore::new(total as usize)), total }
    }

    /// The budget of all commands that this process runs for others: room for two rows of the
    /// largest size at least.
    pub(crate) fn of_server(max_row_bytes: usize) -> Self {
        static BUDGET: OnceLock<MemoryBudget> = OnceLock::new();
        BUDGET
            .get_or_init(|| {
                map_large_allocations();
                Self::new(SERVER_BUDGET_BYTES.max(max_row_bytes.saturating_mul(2)))
            })
            .clone()
    }

    /// Takes this many bytes, or all there are where these are fewer; waits while others hold them.
    pub(crate) async fn reserve(self, bytes: usize) -> Reservation {
        let permits = u32::try_from(bytes.div_ceil(PERMIT_BYTES)).unwrap_or(u32::MAX);
        let permit = self.permits.acquire_many_owned(permits.min(self.total)).await;
        // The semaphore is never closed.
        Reservation { _permit: permit.ok() }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        trim_soon();
    }
}

/// Gives unused memory back to the system, a moment later and on a thread of its own.
pub(crate) fn trim_soon() {
    static TRIMMER: OnceLock<Option<Thread>> = OnceLock::new();
    let begin = || {
        let thread = std::thread::Builder::new().name("toygres-trim".to_owned());
        let begun = thread.spawn(|| {
            loop {
                std::thread::park();
                std::thread::sleep(TRIM_INTERVAL);
                trim();
            }
        });
        begun.ok().map(|begun| begun.thread().clone())
    };
    if let Some(thread) = TRIMMER.get_or_init(begin) {
        thread.unpark();
    }
}

/// glibc keeps freed memory for later, and raises the size from which on it maps allocations with
/// each that was freed: after one answer of 100 MB it would give nothing of that size back.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "the allocator is told through libc")]
fn map_large_allocations() {
    // SAFETY: it sets a number within the allocator, under the allocator's own lock.
    unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED_BYTES) };
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "the allocator is told through libc")]
fn trim() {
    // SAFETY: it may be called by any thread at any time.
    unsafe { libc::malloc_trim(0) };
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn map_large_allocations() {}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn trim() {}

#[cfg(test)]
mod tests {
    use super::MemoryBudget;
    use futures_util::FutureExt;

    #[tokio::test]
    async fn what_is_taken_is_waited_for() {
        let budget = MemoryBudget::new(10 * 1024);
        let first = budget.clone().reserve(6 * 1024).await;
        assert!(budget.clone().reserve(5 * 1024).now_or_never().is_none());
        drop(first);
        // More than there is takes all of it.
        let all = budget.clone().reserve(usize::MAX).await;
        assert!(budget.clone().reserve(1).now_or_never().is_none());
        drop(all);
        assert!(budget.reserve(1).now_or_never().is_some());
    }
}
