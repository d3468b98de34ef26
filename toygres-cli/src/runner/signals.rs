//! SIGINT and SIGTERM of a run.
//!
//! The first one asks: everyone who waits for the interrupt is told, and the command has its grace
//! to put away what it made. The second one ends the process at once, whatever blocks: it is seen
//! by the handler alone, which needs no thread of this process and no lock. A thread of its own
//! sees the first one, and ends the process when nothing came of it.

#![allow(unsafe_code, reason = "signal handlers are set through libc")]

use crate::lend::interrupt::Interrupt;
use rustix::termios::{OptionalActions, Termios};
use std::io::{self, PipeReader, PipeWriter, Read as _, stderr, stdin};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use toygres_plugin_api::{Error, Result};

/// One key press may send a signal twice: to the process, and to its group by what started it.
const SAME_PRESS_MS: i64 = 100;
/// Beyond the command's grace: what toygres itself has to write.
const MARGIN: Duration = Duration::from_millis(1500);
const POLL_INTERVAL: Duration = Duration::from_millis(50);
const SHOW_CURSOR: &[u8] = b"\x1b[?25h";

/// The first signal; 0 before it.
static FIRST: AtomicI32 = AtomicI32::new(0);
static FIRST_AT_MS: AtomicI64 = AtomicI64::new(0);
/// How long the command may go on after the first signal.
static GRACE_MS: AtomicU64 = AtomicU64::new(0);
static HANDLERS: OnceLock<Handlers> = OnceLock::new();

/// What the handlers use.
struct Handlers {
    wake: PipeWriter,
    /// From where on times are counted.
    began: Instant,
    /// The terminal as it was, which a question changes.
    terminal: Option<Termios>,
    /// The terminal does what escape sequences say.
    escapes: bool,
}

/// Raises `interrupt` at the first signal. The process ends when the command goes on for longer
/// than its grace after that.
///
/// # Errors
/// When the system has no pipe or no thread left.
pub(super) fn listen(interrupt: &Interrupt, grace: Duration) -> Result<()> {
    allow_grace(grace);
    let failed = |error: io::Error| Error::failed("signals cannot be handled").cause(error);
    let (woken, wake) = io::pipe().map_err(failed)?;
    let terminal = rustix::termios::tcgetattr(stdin()).ok();
    let escapes = crate::output::understands_escapes();
    HANDLERS.get_or_init(|| Handlers { wake, began: Instant::now(), terminal, escapes });
    let interrupt = interrupt.clone();
    let thread = std::thread::Builder::new().name("toygres-signals".to_owned());
    thread.spawn(move || follow(woken, &interrupt)).map_err(failed)?;
    for signal in [libc::SIGINT, libc::SIGTERM] {
        // SAFETY: `action` is a whole sigaction, and its handler only calls what is safe in one.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            let handler: extern "C" fn(libc::c_int) = on_signal;
            action.sa_sigaction = handler as libc::sighandler_t;
            action.sa_flags = libc::SA_ONSTACK | libc::SA_RESTART;
            libc::sigaction(signal, &raw const action, std::ptr::null_mut());
        }
    }
    Ok(())
}

/// The command may go on for this long after a signal.
pub(super) fn allow_grace(grace: Duration) {
    GRACE_MS.store(grace.as_millis().try_into().unwrap_or(u64::MAX), Ordering::Relaxed);
}

/// Waits for the first signal, and for the end of its grace.
fn follow(mut woken: PipeReader, interrupt: &Interrupt) {
    // What it reads, or that it cannot, says nothing that `FIRST` does not.
    let _woken = woken.read_exact(&mut [0]);
    let first = FIRST.load(Ordering::Acquire);
    if first == 0 {
        return;
    }
    let began = Instant::now();
    interrupt.raise();
    loop {
        let grace = Duration::from_millis(GRACE_MS.load(Ordering::Relaxed));
        if began.elapsed() > grace.saturating_add(MARGIN) {
            let _unheard = rustix::io::write(stderr(), b"error: interrupted\n");
            leave(first);
        }
        std::thread::sleep(POLL_INTERVAL);
    }
}

extern "C" fn on_signal(signal: libc::c_int) {
    let now = HANDLERS.get().map_or(0, |handlers| handlers.began.elapsed().as_millis());
    // 0 is no time yet.
    let now = i64::try_from(now).unwrap_or(i64::MAX).max(1);
    match FIRST.compare_exchange(0, signal, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => {
            FIRST_AT_MS.store(now, Ordering::Relaxed);
            if let Some(handlers) = HANDLERS.get() {
                let _woken = rustix::io::write(&handlers.wake, b"!");
            }
        }
        // Supervisors repeat their wish that a process ends; it is under way.
        Err(libc::SIGTERM) if signal == libc::SIGTERM => {}
        Err(first) if first == signal && is_same_press(now) => {}
        Err(_) => leave(signal),
    }
}

fn is_same_press(now: i64) -> bool {
    let first = FIRST_AT_MS.load(Ordering::Relaxed);
    first == 0 || now.saturating_sub(first) < SAME_PRESS_MS
}

/// Ends the process as the signal would, with the terminal as it was before a question.
fn leave(signal: libc::c_int) -> ! {
    if let Some(terminal) = HANDLERS.get().and_then(|handlers| handlers.terminal.as_ref()) {
        let _as_before = rustix::termios::tcsetattr(stdin(), OptionalActions::Now, terminal);
    }
    if HANDLERS.get().is_some_and(|handlers| handlers.escapes) && rustix::termios::isatty(stderr())
    {
        let _shown = rustix::io::write(stderr(), SHOW_CURSOR);
    }
    // SAFETY: it is safe in a handler, and runs nothing else.
    unsafe { libc::_exit(128 + signal) }
}
