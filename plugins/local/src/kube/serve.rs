//! From a listening socket to requests, in the clear or in TLS.

use super::api::ApiServer;
use super::rest;
use axum::Router;
use axum::serve::Listener;
use rustls::ServerConfig;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How long a client may take for its TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long the server rests where it cannot accept (no more files, for example).
const REST: Duration = Duration::from_millis(100);

impl ApiServer {
    /// The API as a router of axum.
    pub(crate) fn router(&self) -> Router {
        rest::router(self.clone())
    }

    /// Serves the API until `stop` ends; watches are ended and running requests are waited for.
    pub(crate) async fn serve(
        &self,
        listener: std::net::TcpListener,
        tls: Option<Arc<ServerConfig>>,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let server = self.clone();
        let stop = async move {
            stop.await;
            server.stop();
        };
        let serving = async {
            match tls {
                None => axum::serve(listener, self.router()).with_graceful_shutdown(stop).await,
                Some(config) => {
                    let listener = TlsListener::new(listener, config)?;
                    axum::serve(listener, self.router()).with_graceful_shutdown(stop).await
                }
            }
        };
        let upkeep = async {
            self.keep_up().await;
            std::future::pending().await
        };
        tokio::select! {
            served = serving => served,
            upkept = upkeep => upkept,
        }
    }
}

/// Accepts connections whose handshake is done; slow ones do not hold up the others.
struct TlsListener {
    ready: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    address: SocketAddr,
    accepting: tokio::task::JoinHandle<()>,
}

impl TlsListener {
    fn new(listener: TcpListener, config: Arc<ServerConfig>) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (done, ready) = mpsc::channel(16);
        let accepting = tokio::spawn(accept(listener, TlsAcceptor::from(config), done));
        Ok(Self { ready, address, accepting })
    }
}

async fn accept(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    done: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>,
) {
    loop {
        let Ok((stream, address)) = listener.accept().await else {
            tokio::time::sleep(REST).await;
            continue;
        };
        let (acceptor, done) = (acceptor.clone(), done.clone());
        tokio::spawn(async move {
            // A handshake that fails is the client's affair: it is told by TLS itself.
            if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
                let _ = done.send((stream, address)).await;
            }
        });
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(connection) => connection,
            // The task that accepts has ended, with the runtime.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(self.address)
    }
}

impl Drop for TlsListener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
