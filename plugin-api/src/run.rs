//! The plugin's side of one run: a runtime of its own, and no panic that crosses the border.

use crate::abi::HostObject;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::protocol::{Answer, Invocation};
use crate::report::Report;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Mutex, Once, PoisonError};

/// A command under way.
pub type Running<'a> = Pin<Box<dyn Future<Output = Result<Report>> + 'a>>;

/// Chooses the command of an invocation; `plugin!` writes it.
pub type Dispatch = for<'a> fn(&'a Context, &'a Invocation) -> Option<Running<'a>>;

/// Runs one invocation to its end.
///
/// A panic in the command, in a task it spawned or in a drop becomes an error of kind `plugin`.
#[must_use]
pub fn run(host: HostObject, invocation: &[u8], dispatch: Dispatch) -> Vec<u8> {
    record_panics();
    let outcome = catch_unwind(AssertUnwindSafe(|| answer(host, invocation, dispatch)));
    let result = match (outcome, take_panic()) {
        (_, Some(panic)) => Err(panic),
        (Ok(result), None) => result,
        (Err(_), None) => Err(broke("it panicked", None)),
    };
    serde_json::to_vec(&Answer::from(result)).unwrap_or_else(|error| {
        let error = Error::plugin("the command's answer cannot be written").cause(error);
        serde_json::to_vec(&Answer::Err(error)).unwrap_or_default()
    })
}

fn answer(host: HostObject, invocation: &[u8], dispatch: Dispatch) -> Result<Report> {
    let invocation: Invocation = serde_json::from_slice(invocation)
        .map_err(|error| Error::plugin("the host's call could not be read").cause(error))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::plugin("the command's runtime did not start").cause(error))?;
    let context = Context::new(host, invocation.output.clone());
    // The runtime is dropped, and with it every task, before the answer is final: a panic in a
    // drop is still seen.
    runtime.block_on(async {
        match dispatch(&context, &invocation) {
            Some(running) => running.await,
            None => Err(Error::plugin(format!(
                "the plugin has no command `{}`, though its manifest says so",
                invocation.command
            ))),
        }
    })
}

static PANIC: Mutex<Option<Error>> = Mutex::new(None);

/// Keeps the first panic instead of printing it. The hook is the plugin's own: each library has a
/// standard library of its own.
fn record_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            let said = info.payload_as_str().unwrap_or("a panic without words");
            let place = info.location().map(ToString::to_string);
            let mut kept = PANIC.lock().unwrap_or_else(PoisonError::into_inner);
            kept.get_or_insert_with(|| broke(said, place));
        }));
    });
    take_panic();
}

fn take_panic() -> Option<Error> {
    PANIC.lock().unwrap_or_else(PoisonError::into_inner).take()
}

fn broke(said: &str, place: Option<String>) -> Error {
    let place = place.map(|place| format!(" at {place}")).unwrap_or_default();
    Error::plugin(format!("the command panicked{place}: {said}"))
}
