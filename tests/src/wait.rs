//! Waiting for a condition, never for a time.

use crate::Result;
use std::time::{Duration, Instant};

/// How long a slow and busy machine may take for something that should be quick.
pub const PATIENCE: Duration = Duration::from_secs(60);

const PAUSE: Duration = Duration::from_millis(20);

/// Asks again and again until there is an answer.
///
/// # Errors
/// After [`PATIENCE`], with what was waited for; or the first error of `ask`.
pub fn until<T>(what: &str, ask: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    until_within(PATIENCE, what, ask)
}

/// Like [`until`], with its own patience.
///
/// # Errors
/// After `patience`, with what was waited for; or the first error of `ask`.
pub fn until_within<T>(
    patience: Duration,
    what: &str,
    mut ask: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        if Instant::now() > deadline {
            return Err(format!("waited {} s in vain for {what}", patience.as_secs()).into());
        }
        std::thread::sleep(PAUSE);
    }
}
