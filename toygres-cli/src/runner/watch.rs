//! `--watch`: again and again, drawn in place.

use super::once::{Run, grace, runtime};
use super::signals;
use crate::call::interrupted;
use crate::exit_status::ExitStatus;
use crate::lend::interrupt::Interrupt;
use std::time::Duration;
use toygres_plugin_api::report::NoteLevel;
use toygres_plugin_api::{ErrorKind, Result};

/// Runs until the operator interrupts. A backend that goes away is said and waited for.
pub(super) fn watch(run: Run<'_>, interval: Duration) -> Result<ExitStatus> {
    let runtime = runtime()?;
    let output = run.output.clone();
    let interrupt = Interrupt::default();
    signals::listen(&interrupt, grace(&run.owned))?;
    let ready = run.ready()?;
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
        let raised = runtime
            .block_on(async { tokio::time::timeout(interval, interrupt.wait()).await.is_ok() });
        if raised {
            break;
        }
    }
    runtime.shutdown_background();
    Err(interrupted())
}

/// Whether a backend did not answer, which it may do again.
fn is_away(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Unavailable | ErrorKind::TimedOut)
}
