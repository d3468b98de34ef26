//! Names the plugin that takes the process down: a signal, or an `exit` of its own.
//!
//! Neither can be contained, since a plugin is native code in this process. What can be done is to
//! say which plugin and which command it was, and to leave with exit code 8.

#![allow(unsafe_code, reason = "signal and exit handlers are set through libc")]

use std::cell::Cell;
use std::sync::atomic::{AtomicPtr, Ordering};

/// What is said for each way to go. Made before the plugin runs: a handler may not allocate.
struct Words {
    signals: Vec<(libc::c_int, Vec<u8>)>,
    exit: Vec<u8>,
}

static WORDS: AtomicPtr<Words> = AtomicPtr::new(std::ptr::null_mut());

thread_local! {
    /// What is said of a crash on this thread, where a server runs several commands at once.
    static OF_THREAD: Cell<*const Words> = const { Cell::new(std::ptr::null()) };
}

const SIGNALS: &[(libc::c_int, &str)] = &[
    (libc::SIGSEGV, "a segmentation fault (SIGSEGV)"),
    (libc::SIGBUS, "a bus error (SIGBUS)"),
    (libc::SIGILL, "an illegal instruction (SIGILL)"),
    (libc::SIGFPE, "an arithmetic fault (SIGFPE)"),
    (libc::SIGABRT, "an abort (SIGABRT)"),
];

/// Watches over one run; dropping it ends the watch.
#[must_use = "the watch ends when this is dropped"]
pub struct Guard {
    of_thread: bool,
}

impl Guard {
    /// Begins the watch. `say` makes the whole text for stderr of what happened, such as
    /// "crashed with a segmentation fault (SIGSEGV)".
    pub fn watch(say: impl Fn(&str) -> String) -> Self {
        WORDS.store(words(say), Ordering::Release);
        Self { of_thread: false }
    }

    /// The same for what happens on this thread alone; the process's own watch goes on.
    pub fn watch_thread(say: impl Fn(&str) -> String) -> Self {
        OF_THREAD.set(words(say));
        Self { of_thread: true }
    }
}

/// The process is about to leave without waiting for the plugin: how it ends is toygres' own doing.
pub fn leaves() {
    WORDS.store(std::ptr::null_mut(), Ordering::Release);
}

/// What is said for each way to go. Leaked on purpose: a handler may be reading it at any moment
/// until the process ends.
fn words(say: impl Fn(&str) -> String) -> *mut Words {
    install();
    let signals = SIGNALS
        .iter()
        .map(|(number, name)| (*number, say(&format!("crashed with {name}")).into_bytes()))
        .collect();
    let exit = say("called `exit`, which would have ended toygres without an answer");
    Box::into_raw(Box::new(Words { signals, exit: exit.into_bytes() }))
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.of_thread {
            OF_THREAD.set(std::ptr::null());
        } else {
            WORDS.store(std::ptr::null_mut(), Ordering::Release);
        }
    }
}

fn install() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        for (signal, _) in SIGNALS {
            // SAFETY: `action` is a whole sigaction, its handler only calls what is safe in one
            // (`write`, `_exit`, `raise`), and runs on the alternate stack that std sets up for
            // its threads, so that an overflowing stack is reported too.
            unsafe {
                let mut action: libc::sigaction = std::mem::zeroed();
                let handler: extern "C" fn(libc::c_int) = on_signal;
                action.sa_sigaction = handler as libc::sighandler_t;
                action.sa_flags = libc::SA_ONSTACK | libc::SA_RESETHAND;
                libc::sigaction(*signal, &raw const action, std::ptr::null_mut());
            }
        }
        // SAFETY: the function lives as long as the process.
        unsafe { libc::atexit(on_exit) };
    });
}

extern "C" fn on_signal(signal: libc::c_int) {
    let words = said_here();
    let said = words.and_then(|words| words.signals.iter().find(|(number, _)| *number == signal));
    match said {
        Some((_, text)) => leave(text),
        // Not a plugin's doing: die as one would have without a handler (it was reset).
        // SAFETY: raise is safe in a handler.
        None => unsafe {
            libc::raise(signal);
        },
    }
}

extern "C" fn on_exit() {
    if let Some(words) = said_here() {
        leave(&words.exit);
    }
}

/// What is to be said of this thread, else of the process.
fn said_here() -> Option<&'static Words> {
    // A thread that is ending has no words of its own any more.
    let of_thread = OF_THREAD.try_with(Cell::get).unwrap_or(std::ptr::null());
    let of_process = WORDS.load(Ordering::Acquire).cast_const();
    let words = if of_thread.is_null() { of_process } else { of_thread };
    // SAFETY: both point at nothing or at what is never freed.
    unsafe { words.as_ref() }
}

fn leave(text: &[u8]) -> ! {
    // SAFETY: both are safe in a handler; the text is alive.
    unsafe {
        libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len());
        libc::_exit(i32::from(toygres_plugin_api::ErrorKind::Plugin.exit_code()));
    }
}
