//! The plugin's side of one run: a runtime of its own, and no panic that crosses the border.

use crate::abi::HostObject;
use crate::args::Completing;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::protocol::{Answer, Candidate, Invocation};
use crate::report::Report;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};

/// A command under way.
pub type Running<'a> = Pin<Box<dyn Future<Output = Result<Report>> + 'a>>;

/// The values of an argument as a command's answer; `plugin!` asks for them where a shell does.
#[must_use]
pub fn candidates(completing: Option<Completing<'_>>) -> Running<'_> {
    Box::pin(async {
        Ok(match completing {
            Some(completing) => Report::list(completing.await?),
            None => Report::list(Vec::<Candidate>::new()),
        })
    })
}

/// Chooses the command of an invocation; `plugin!` writes it.
pub type Dispatch = for<'a> fn(&'a Context, &'a Invocation) -> Option<Running<'a>>;

/// Runs one invocation to its end.
///
/// A panic in the command, in a task it spawned or in a drop becomes an error of kind `plugin`.
#[must_use]
pub fn run(host: HostObject, invocation: &[u8], dispatch: Dispatch) -> Vec<u8> {
    let watch = Watch::begin();
    let slot = watch.slot.clone();
    let outcome = catch_unwind(AssertUnwindSafe(|| answer(host, invocation, dispatch, slot)));
    let result = match (outcome, watch.panic()) {
        (_, Some(panic)) => Err(panic),
        (Ok(result), None) => result,
        (Err(_), None) => Err(broke("it panicked", None)),
    };
    serde_json::to_vec(&Answer::from(result)).unwrap_or_else(|error| {
        let error = Error::plugin("the command's answer cannot be written").cause(error);
        serde_json::to_vec(&Answer::Err(error)).unwrap_or_default()
    })
}

fn answer(
    host: HostObject,
    invocation: &[u8],
    dispatch: Dispatch,
    slot: Arc<Slot>,
) -> Result<Report> {
    let invocation: Invocation = serde_json::from_slice(invocation)
        .map_err(|error| Error::plugin("the host's call could not be read").cause(error))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .on_thread_start(move || OF_THREAD.set(Some(slot.clone())))
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

/// Says that this thread is the host's own: where a plugin is linked into the host, a panic here
/// is not the plugin's.
pub fn host_thread() {
    OF_HOST.set(true);
}

/// The first panic of a run.
type Slot = Mutex<Option<Error>>;

/// The runs under way, the earliest first.
static RUNS: Mutex<Vec<Arc<Slot>>> = Mutex::new(Vec::new());

thread_local! {
    /// The run that this thread works for.
    static OF_THREAD: RefCell<Option<Arc<Slot>>> = const { RefCell::new(None) };
    static OF_HOST: Cell<bool> = const { Cell::new(false) };
}

/// Keeps the first panic of a run instead of printing it, until it is dropped.
struct Watch {
    slot: Arc<Slot>,
}

impl Watch {
    fn begin() -> Self {
        hook();
        let slot = Arc::new(Slot::default());
        lock(&RUNS).push(slot.clone());
        OF_THREAD.set(Some(slot.clone()));
        Self { slot }
    }

    fn panic(&self) -> Option<Error> {
        lock(&self.slot).take()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        OF_THREAD.set(None);
        lock(&RUNS).retain(|slot| !Arc::ptr_eq(slot, &self.slot));
    }
}

/// In a library of its own the hook is the plugin's alone, since each library has a standard
/// library of its own; in a plugin that is linked in it is the whole process's.
fn hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| match blamed() {
            Some(slot) => {
                let said = info.payload_as_str().unwrap_or("a panic without words");
                let place = info.location().map(ToString::to_string);
                lock(&slot).get_or_insert_with(|| broke(said, place));
            }
            None => before(info),
        }));
    });
}

/// The run that a panic on this thread belongs to. A thread that a command started by itself
/// does not say whose it is: that is the run that began first, a server's own.
fn blamed() -> Option<Arc<Slot>> {
    // A thread that is ending has nothing of its own any more.
    let own = OF_THREAD.try_with(|slot| slot.borrow().clone()).ok().flatten();
    let of_host = || OF_HOST.try_with(Cell::get).unwrap_or(false);
    own.or_else(|| if of_host() { None } else { lock(&RUNS).first().cloned() })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn broke(said: &str, place: Option<String>) -> Error {
    let place = place.map(|place| format!(" at {place}")).unwrap_or_default();
    Error::plugin(format!("the command panicked{place}: {said}"))
}
