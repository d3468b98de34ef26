//! A way to a server that can be cut off and mended.

use crate::Result;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

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
}

impl Way {
    /// A way to a port of this machine.
    ///
    /// # Errors
    /// When there is no free port.
    pub fn to(port: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let state = Arc::new(State {
            to: (Ipv4Addr::LOCALHOST, port).into(),
            cut: AtomicBool::new(false),
            open: Mutex::default(),
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
        for (from, to) in [(from.try_clone()?, to.try_clone()?), (to, from)] {
            thread::spawn(move || copy(from, to));
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<TcpStream>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    // However it ends, both sides are to know.
    let _copied = io::copy(&mut from, &mut to);
    let _closed = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
