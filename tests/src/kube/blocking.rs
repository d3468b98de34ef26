//! Waiting for a future from anywhere.

use crate::Result;
use std::future::Future;

/// Runs a future to its end, in a thread of its own: a test may be inside a runtime already, which
/// cannot be blocked on.
pub(super) fn blocking<T: Send>(future: impl Future<Output = Result<T>> + Send) -> Result<T> {
    std::thread::scope(|scope| {
        let running = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(future)
        });
        running.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
