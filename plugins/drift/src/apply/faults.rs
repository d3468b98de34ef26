//! Faults on request, for tests: only in debug builds, and only where `TOYGRES_FAULT` asks for one.
//!
//! `sync:step-N:before` ends the process as `kill -9` does before the N-th step;
//! `sync:step-N:intended` once it is written down that it begins; `sync:step-N:abort` in its middle,
//! between the change and what tells of it.

/// Ends the process where that was asked for.
#[cfg(not(debug_assertions))]
pub(super) fn at(_step: usize, _place: &str) {}

/// Ends the process where that was asked for.
#[cfg(debug_assertions)]
pub(super) fn at(step: usize, place: &str) {
    let asked = format!("sync:step-{step}:{place}");
    let faults = std::env::var("TOYGRES_FAULT").unwrap_or_default();
    if faults.split(',').any(|fault| fault.trim() == asked) {
        std::process::abort();
    }
}
