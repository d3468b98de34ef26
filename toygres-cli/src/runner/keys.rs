//! Keys that are pressed while `--watch` draws: read at once and not echoed.

use crate::lend::interrupt::Interrupt;
use rustix::termios::{LocalModes, OptionalActions, Termios};
use std::io::{IsTerminal, Read as _, stdin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    /// Lines up, where negative, or down.
    Lines(isize),
    /// The next or the previous screen.
    Screens(isize),
    /// The first line.
    Top,
    /// The last line.
    Bottom,
}

/// The terminal's keys, as long as this lives; then the terminal is as it was.
#[derive(Debug)]
pub(super) struct Keys {
    keys: UnboundedReceiver<Key>,
    quits: Arc<AtomicBool>,
    before: Termios,
}

impl Keys {
    /// Begins to read keys; `None` where stdin is no terminal, or is another program's. `q` raises the
    /// interrupt.
    pub(super) fn listen(interrupt: &Interrupt) -> Option<Self> {
        if !stdin().is_terminal() {
            return None;
        }
        // A job in the background that changes its terminal is stopped.
        let foreground = rustix::termios::tcgetpgrp(stdin()).ok()?;
        if foreground != rustix::process::getpgrp() {
            return None;
        }
        let before = rustix::termios::tcgetattr(stdin()).ok()?;
        let mut quiet = before.clone();
        // Ctrl-C stays a signal.
        quiet.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
        rustix::termios::tcsetattr(stdin(), OptionalActions::Now, &quiet).ok()?;
        let (sender, keys) = unbounded_channel();
        let quits = Arc::new(AtomicBool::new(false));
        let listened = Self { keys, quits: quits.clone(), before };
        let interrupt = interrupt.clone();
        let thread = std::thread::Builder::new().name("toygres-keys".to_owned());
        thread.spawn(move || read(&sender, &quits, &interrupt)).ok()?;
        Some(listened)
    }

    /// The next key; never where no more are read.
    pub(super) async fn next(&mut self) -> Key {
        match self.keys.recv().await {
            Some(key) => key,
            None => std::future::pending().await,
        }
    }

    /// Whether the operator quit, which is no interruption.
    pub(super) fn has_quit(&self) -> bool {
        self.quits.load(Ordering::Acquire)
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        let _as_before = rustix::termios::tcsetattr(stdin(), OptionalActions::Now, &self.before);
    }
}

fn read(sender: &UnboundedSender<Key>, quits: &AtomicBool, interrupt: &Interrupt) {
    let mut bytes = [0; 64];
    loop {
        let Ok(read @ 1..) = stdin().read(&mut bytes) else { return };
        let (keys, has_quit) = parse(&bytes[..read]);
        if has_quit {
            quits.store(true, Ordering::Release);
            interrupt.raise();
            return;
        }
        for key in keys {
            if sender.send(key).is_err() {
                return;
            }
        }
    }
}

/// The keys of one reading, and whether one of them quits.
fn parse(bytes: &[u8]) -> (Vec<Key>, bool) {
    const SEQUENCES: &[(&[u8], Key)] = &[
        (b"\x1b[A", Key::Lines(-1)),
        (b"\x1bOA", Key::Lines(-1)),
        (b"\x1b[B", Key::Lines(1)),
        (b"\x1bOB", Key::Lines(1)),
        (b"\x1b[5~", Key::Screens(-1)),
        (b"\x1b[6~", Key::Screens(1)),
        (b"\x1b[H", Key::Top),
        (b"\x1b[1~", Key::Top),
        (b"\x1b[F", Key::Bottom),
        (b"\x1b[4~", Key::Bottom),
        (b"k", Key::Lines(-1)),
        (b"j", Key::Lines(1)),
        (b"\r", Key::Lines(1)),
        (b"\n", Key::Lines(1)),
        (b"b", Key::Screens(-1)),
        (b" ", Key::Screens(1)),
        (b"g", Key::Top),
        (b"G", Key::Bottom),
    ];
    let mut keys = Vec::new();
    let mut rest = bytes;
    while let Some(first) = rest.first() {
        if matches!(first, b'q' | b'Q') {
            return (keys, true);
        }
        let known = SEQUENCES.iter().find(|(sequence, _)| rest.starts_with(sequence));
        keys.extend(known.map(|(_, key)| *key));
        let length = known.map_or_else(|| unknown(rest), |(sequence, _)| sequence.len());
        rest = &rest[length..];
    }
    (keys, false)
}

/// The length of a key without a meaning: a sequence goes up to its letter.
fn unknown(bytes: &[u8]) -> usize {
    match bytes {
        [0x1b, b'[' | b'O', rest @ ..] => {
            let ends = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'~';
            rest.iter().position(ends).map_or(bytes.len(), |end| end + 3)
        }
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::{Key, parse};
    use proptest::prelude::*;

    #[test]
    fn keys_are_told_apart() {
        let (keys, has_quit) = parse(b"j\x1b[A\x1b[6~x\x1b[3~\x1b[1;5Ab G");
        let expected = [
            Key::Lines(1),
            Key::Lines(-1),
            Key::Screens(1),
            Key::Screens(-1),
            Key::Screens(1),
            Key::Bottom,
        ];
        assert_eq!((keys.as_slice(), has_quit), (&expected[..], false));
        assert_eq!(parse(b"jq"), (vec![Key::Lines(1)], true));
    }

    proptest! {
        #[test]
        fn every_byte_is_read_once(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _either = parse(&bytes);
        }
    }
}
