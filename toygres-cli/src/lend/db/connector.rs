//! The way to a database's messages: TLS where it is wanted, and the limits of what comes in.
//!
//! The driver offers a place for TLS only, and none where a connection is plain. So it is told that
//! TLS begins at once, and what it takes for TLS asks the server itself, as `sslmode` wants it.

use super::wire::{MeteredStream, Wire};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::UnixStream;
use tokio_postgres::config::{SslMode, SslNegotiation};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Its length and the code of a request for TLS.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// Makes connections of one target.
#[derive(Clone)]
pub(super) struct Connector {
    pub(super) tls: MakeRustlsConnect,
    pub(super) mode: SslMode,
    pub(super) negotiation: SslNegotiation,
    pub(super) wire: Arc<Wire>,
}

/// One connection that is about to be made.
pub(super) struct Handshake<T> {
    tls: Option<T>,
    negotiation: SslNegotiation,
    required: bool,
    wire: Arc<Wire>,
}

impl Connector {
    /// The same for a socket of this machine, which is never encrypted.
    pub(super) fn for_socket(&self) -> Handshake<Made<UnixStream>> {
        let wire = self.wire.clone();
        Handshake { tls: None, negotiation: self.negotiation, required: false, wire }
    }
}

/// What TLS is made of for a stream.
type Made<S> = <MakeRustlsConnect as MakeTlsConnect<S>>::TlsConnect;
type Encrypted<S> = <MakeRustlsConnect as MakeTlsConnect<S>>::Stream;

impl<S> MakeTlsConnect<S> for Connector
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = MeteredStream<MaybeEncrypted<S>>;
    type TlsConnect = Handshake<Made<S>>;
    type Error = io::Error;

    fn make_tls_connect(&mut self, domain: &str) -> io::Result<Self::TlsConnect> {
        let encrypted = self.mode != SslMode::Disable;
        let make = || {
            MakeTlsConnect::<S>::make_tls_connect(&mut self.tls, domain).map_err(io::Error::other)
        };
        Ok(Handshake {
            tls: encrypted.then(make).transpose()?,
            negotiation: self.negotiation,
            required: self.mode == SslMode::Require,
            wire: self.wire.clone(),
        })
    }
}

impl<S> TlsConnect<S> for Handshake<Made<S>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = MeteredStream<MaybeEncrypted<S>>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Stream>> + Send>>;

    fn connect(self, mut stream: S) -> Self::Future {
        Box::pin(async move {
            let metered = |stream| MeteredStream::new(stream, self.wire);
            let Some(tls) = self.tls else { return Ok(metered(MaybeEncrypted::Plain(stream))) };
            if self.negotiation == SslNegotiation::Postgres && !offers_tls(&mut stream).await? {
                if self.required {
                    return Err(io::Error::other("server does not support TLS"));
                }
                return Ok(metered(MaybeEncrypted::Plain(stream)));
            }
            let stream = tls.connect(stream).await.map_err(io::Error::other)?;
            Ok(metered(MaybeEncrypted::Encrypted(stream)))
        })
    }
}

async fn offers_tls<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> io::Result<bool> {
    stream.write_all(&SSL_REQUEST).await?;
    stream.flush().await?;
    Ok(stream.read_u8().await? == b'S')
}

/// A stream with TLS, or without.
pub(super) enum MaybeEncrypted<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    Plain(S),
    Encrypted(Encrypted<S>),
}

impl<S> AsyncRead for MaybeEncrypted<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Encrypted(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl<S> AsyncWrite for MaybeEncrypted<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Encrypted(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Encrypted(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Encrypted(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

impl<S> TlsStream for MaybeEncrypted<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    fn channel_binding(&self) -> ChannelBinding {
        match self {
            Self::Plain(_) => ChannelBinding::none(),
            Self::Encrypted(stream) => stream.channel_binding(),
        }
    }
}
