//! One connection below PostgreSQL's protocol: TCP or a socket, encrypted or not.

use crate::failure::Failure;
use crate::startup::StartupWatch;
use crate::target::{DatabaseTarget, HostEntry, SslMode};
use crate::{account, tls};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_openssl::SslStream;
use tokio_postgres::tls::{ChannelBinding, TlsStream};

/// Its length and the code of a request for TLS.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// Where a server is, looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    Tcp(SocketAddr),
    Socket(PathBuf),
}

/// What is asked for first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encryption {
    /// Nothing.
    Clear,
    /// TLS, and the server may decline.
    Offered,
    /// TLS.
    Required,
}

/// A connection to a server.
#[derive(Debug)]
pub struct Transport {
    inner: Inner,
    binding: Option<Vec<u8>>,
    watch: Arc<StartupWatch>,
}

#[derive(Debug)]
enum Inner {
    Tcp(TcpStream),
    Socket(UnixStream),
    Tls(SslStream<TcpStream>),
}

impl Transport {
    pub(crate) fn watch(&self) -> Arc<StartupWatch> {
        self.watch.clone()
    }

    /// Whether the connection is encrypted.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        matches!(self.inner, Inner::Tls(_))
    }
}

/// Connects, with TLS where it is asked for.
pub(crate) async fn dial(
    target: &DatabaseTarget,
    host: &HostEntry,
    address: &Address,
    encryption: Encryption,
) -> Result<Transport, Failure> {
    let watch = Arc::new(StartupWatch::new(target.required_auth.clone()));
    let made = |inner, binding| Transport { inner, binding, watch: watch.clone() };
    let mut stream = match address {
        Address::Socket(path) => {
            let stream = connect_socket(path).await.map_err(Failure::Unreachable)?;
            check_peer(target, &stream)?;
            return Ok(made(Inner::Socket(stream), None));
        }
        Address::Tcp(address) => TcpStream::connect(address).await.map_err(Failure::Unreachable)?,
    };
    set_options(&stream, target).map_err(Failure::Unreachable)?;
    if encryption == Encryption::Clear {
        return Ok(made(Inner::Tcp(stream), None));
    }
    if !target.tls.direct {
        let answer = ask_for_tls(&mut stream).await.map_err(Failure::Broken)?;
        match answer {
            b'S' => {}
            b'N' if encryption == Encryption::Offered => {
                return Ok(made(Inner::Tcp(stream), None));
            }
            b'N' => return Err(Failure::NoTls),
            _ => return Err(Failure::NotPostgres),
        }
    }
    let stream = tls::encrypt(stream, &target.tls, host).await?;
    let binding = tls::channel_binding(stream.ssl());
    Ok(made(Inner::Tls(stream), binding))
}

async fn ask_for_tls(stream: &mut TcpStream) -> io::Result<u8> {
    stream.write_all(&SSL_REQUEST).await?;
    stream.flush().await?;
    stream.read_u8().await
}

async fn connect_socket(path: &std::path::Path) -> io::Result<UnixStream> {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    // `@name` is a name that no file stands for.
    match path.as_os_str().as_bytes().strip_prefix(b"@") {
        None => UnixStream::connect(path).await,
        Some(name) => {
            let mut abstract_name = vec![0];
            abstract_name.extend_from_slice(name);
            UnixStream::connect(std::ffi::OsString::from_vec(abstract_name)).await
        }
    }
}

/// `requirepeer`: who runs the server at the other end of a socket.
fn check_peer(target: &DatabaseTarget, stream: &UnixStream) -> Result<(), Failure> {
    let Some(required) = &target.required_peer else { return Ok(()) };
    let peer = stream.peer_cred().map_err(Failure::Unreachable)?;
    let name = account::name_of(peer.uid());
    match name.as_ref() == Some(required) {
        true => Ok(()),
        false => Err(Failure::Peer(name.unwrap_or_else(|| peer.uid().to_string()))),
    }
}

fn set_options(stream: &TcpStream, target: &DatabaseTarget) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive = target.keepalive;
    let socket = socket2::SockRef::from(stream);
    if !keepalive.disabled {
        socket.set_keepalive(true)?;
        let mut options = socket2::TcpKeepalive::new();
        if let Some(idle) = keepalive.idle {
            options = options.with_time(idle);
        }
        if let Some(interval) = keepalive.interval {
            options = options.with_interval(interval);
        }
        if let Some(count) = keepalive.count {
            options = options.with_retries(count);
        }
        socket.set_tcp_keepalive(&options)?;
    }
    #[cfg(target_os = "linux")]
    if let Some(timeout) = keepalive.user_timeout {
        socket.set_tcp_user_timeout(Some(timeout))?;
    }
    Ok(())
}

/// What is tried in turn at one address.
pub(crate) fn encryptions(mode: SslMode, address: &Address) -> &'static [Encryption] {
    use Encryption::{Clear, Offered, Required};
    match (address, mode) {
        // Nobody listens in between.
        (Address::Socket(_), _) | (_, SslMode::Disable) => &[Clear],
        (_, SslMode::Allow) => &[Clear, Offered],
        (_, SslMode::Prefer) => &[Offered, Clear],
        (_, SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull) => &[Required],
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        ready!(match &mut this.inner {
            Inner::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Inner::Socket(stream) => Pin::new(stream).poll_read(cx, buf),
            Inner::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        })?;
        Poll::Ready(this.watch.follow(&buf.filled()[before..]))
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().inner {
            Inner::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Inner::Socket(stream) => Pin::new(stream).poll_write(cx, buf),
            Inner::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().inner {
            Inner::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Inner::Socket(stream) => Pin::new(stream).poll_flush(cx),
            Inner::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().inner {
            Inner::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Inner::Socket(stream) => Pin::new(stream).poll_shutdown(cx),
            Inner::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

impl TlsStream for Transport {
    fn channel_binding(&self) -> ChannelBinding {
        match &self.binding {
            Some(hash) => ChannelBinding::tls_server_end_point(hash.clone()),
            None => ChannelBinding::none(),
        }
    }
}

/// What a server of this host is reached at.
pub(crate) async fn look_up(host: &HostEntry) -> Result<Vec<Address>, Failure> {
    if host.port == 0 {
        return Err(Failure::Port);
    }
    if let Some(folder) = host.socket_folder() {
        let path = format!("{}/.s.PGSQL.{}", folder.trim_end_matches('/'), host.port);
        return Ok(vec![Address::Socket(path.into())]);
    }
    if let Some(address) = host.address {
        return Ok(vec![Address::Tcp(SocketAddr::new(address, host.port))]);
    }
    let found = tokio::net::lookup_host((host.host.as_str(), host.port)).await;
    let found: Vec<Address> = found.map_err(Failure::Unreachable)?.map(Address::Tcp).collect();
    match found.is_empty() {
        true => Err(Failure::Unreachable(io::Error::from(io::ErrorKind::NotFound))),
        false => Ok(found),
    }
}
