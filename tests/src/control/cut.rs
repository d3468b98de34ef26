//! A way to a server that can be cut off and mended, be slow, and alter what the server says.

use crate::Result;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Leads to one address, through a port of its own. It ends with the process.
#[derive(Debug, Clone)]
pub struct Way {
    port: u16,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    to: SocketAddr,
    cut: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
    answers: Answers,
}

/// What becomes of the server's answers on their way.
#[derive(Debug, Clone, Default)]
struct Answers {
    delay: Duration,
    /// A text, and one of the same length that takes its place.
    altered: Option<(&'static str, &'static str)>,
}

impl Way {
    /// A way to a port of this machine.
    ///
    /// # Errors
    /// When there is no free port.
    pub fn to(port: u16) -> Result<Self> {
        Self::with(port, Answers::default())
    }

    /// A way on which each piece of an answer takes so long.
    ///
    /// # Errors
    /// As [`Way::to`].
    pub fn slow(port: u16, delay: Duration) -> Result<Self> {
        Self::with(port, Answers { delay, altered: None })
    }

    /// A way that writes another text of the same length instead of `from` into every answer.
    ///
    /// # Errors
    /// As [`Way::to`].
    ///
    /// # Panics
    /// When the texts are not of the same length: the answer's own length would be wrong.
    pub fn altering(port: u16, from: &'static str, to: &'static str) -> Result<Self> {
        assert_eq!(from.len(), to.len(), "`{from}` and `{to}`");
        Self::with(port, Answers { delay: Duration::ZERO, altered: Some((from, to)) })
    }

    fn with(port: u16, answers: Answers) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let state = Arc::new(State {
            to: (Ipv4Addr::LOCALHOST, port).into(),
            cut: AtomicBool::new(false),
            open: Mutex::default(),
            answers,
        });
        let way = Self { port: listener.local_addr()?.port(), state: state.clone() };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // One that cannot be led on is dropped, which closes it.
                let _led = state.lead(stream);
            }
        });
        Ok(way)
    }

    /// Where it begins.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends every connection, and every new one, until it is mended.
    pub fn cut(&self) {
        self.state.cut.store(true, Ordering::SeqCst);
        for stream in self.state.lock().drain(..) {
            // The other side may have closed it already.
            let _closed = stream.shutdown(Shutdown::Both);
        }
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        self.state.cut.store(false, Ordering::SeqCst);
    }
}

impl State {
    fn lead(&self, from: TcpStream) -> io::Result<()> {
        if self.cut.load(Ordering::SeqCst) {
            return Ok(());
        }
        let to = TcpStream::connect(self.to)?;
        self.lock().extend([from.try_clone()?, to.try_clone()?]);
        let (asks, server) = (from.try_clone()?, to.try_clone()?);
        thread::spawn(move || copy(asks, server, &Answers::default()));
        let answers = self.answers.clone();
        thread::spawn(move || copy(to, from, &answers));
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<TcpStream>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream, answers: &Answers) {
    // However it ends, both sides are to know.
    let _copied = lead_on(&mut from, &mut to, answers);
    let _closed = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

fn lead_on(from: &mut TcpStream, to: &mut TcpStream, answers: &Answers) -> io::Result<()> {
    let (mut piece, mut held) = ([0; 65536], Vec::new());
    loop {
        let read = from.read(&mut piece)?;
        thread::sleep(answers.delay);
        held.extend_from_slice(&piece[..read]);
        let ready = answers.alter(&mut held);
        // The end is the end of what may have been the beginning of the text, too.
        let ready = if read == 0 { held.len() } else { ready };
        to.write_all(&held[..ready])?;
        held.drain(..ready);
        if read == 0 {
            return Ok(());
        }
    }
}

impl Answers {
    /// Alters what was read, and answers how much of it is no beginning of the text.
    fn alter(&self, held: &mut [u8]) -> usize {
        let Some((text, instead)) = self.altered else { return held.len() };
        let text = text.as_bytes();
        for at in 0..(held.len() + 1).saturating_sub(text.len()) {
            if held[at..].starts_with(text) {
                held[at..at + text.len()].copy_from_slice(instead.as_bytes());
            }
        }
        let begins = (1..text.len()).rev().find(|length| held.ends_with(&text[..*length]));
        held.len() - begins.unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::Answers;

    #[test]
    fn a_text_is_altered_wherever_a_piece_ends() {
        let answers = Answers { altered: Some(("aab", "xyz")), ..Answers::default() };
        for cut in 0..=9 {
            let (first, second) = b"_aaab_aab".split_at(cut);
            let mut held = first.to_vec();
            let ready = answers.alter(&mut held);
            let mut came = held.drain(..ready).collect::<Vec<_>>();
            held.extend_from_slice(second);
            let _rest = answers.alter(&mut held);
            came.extend(held);
            assert_eq!(String::from_utf8(came).unwrap(), "_axyz_xyz", "cut at {cut}");
        }
    }
}
