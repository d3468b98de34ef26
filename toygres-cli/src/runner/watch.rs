//! `--watch`: again and again, drawn in place.

use super::keys::Keys;
use super::once::{Run, grace, runtime};
use super::signals;
use crate::call::interrupted;
use crate::exit_status::ExitStatus;
use crate::lend::interrupt::Interrupt;
use crate::output::Output;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::time::Instant;
use toygres_plugin_api::report::NoteLevel;
use toygres_plugin_api::{ErrorKind, Result};

/// Runs until the operator interrupts, or presses `q`. A backend that goes away is said and waited
/// for.
pub(super) fn watch(run: Run<'_>, interval: Duration) -> Result<ExitStatus> {
    let runtime = runtime()?;
    let output = run.output.clone();
    let interrupt = Interrupt::default();
    signals::listen(&interrupt, grace(&run.owned))?;
    let ready = run.ready()?;
    output.begin_watch(interval);
    let mut keys = if output.is_on_terminal() { Keys::listen(&interrupt) } else { None };
    let mut lost = false;
    loop {
        match ready.answer(&runtime, &interrupt) {
            Ok(report) => {
                if std::mem::take(&mut lost) {
                    output.remark(NoteLevel::Info, "it answers again");
                }
                output.frame(&report)?;
            }
            Err(_) if interrupt.is_raised() => break,
            // A token that does not do now does not do later either.
            Err(error) if error.retryable && is_away(error.kind) => {
                if !std::mem::replace(&mut lost, true) {
                    let text = format!("{}; trying again every {interval:?}", error.message);
                    output.remark(NoteLevel::Warning, &text);
                }
            }
            Err(error) => return Err(error),
        }
        if !pause(&runtime, interval, &interrupt, keys.as_mut(), &output)? {
            break;
        }
    }
    runtime.shutdown_background();
    if keys.is_some_and(|keys| keys.has_quit()) {
        return Ok(ExitStatus::CLEAN);
    }
    Err(interrupted())
}

/// Waits for the next run, and scrolls meanwhile; `false` once the operator has enough.
fn pause(
    runtime: &Runtime,
    interval: Duration,
    interrupt: &Interrupt,
    mut keys: Option<&mut Keys>,
    output: &Output,
) -> Result<bool> {
    runtime.block_on(async {
        let next = Instant::now() + interval;
        loop {
            let key = async {
                match keys.as_mut() {
                    Some(keys) => keys.next().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = interrupt.wait() => return Ok(false),
                () = tokio::time::sleep_until(next) => return Ok(true),
                key = key => output.scroll(key)?,
            }
        }
    })
}

/// Whether a backend did not answer, which it may do again.
fn is_away(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Unavailable | ErrorKind::TimedOut)
}
