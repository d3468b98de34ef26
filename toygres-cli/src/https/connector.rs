//! Connections: direct or through a proxy, and in TLS where the URL says https.

use super::proxies::{Proxy, ProxyKind, ProxyRules};
use super::tls::Tls;
use futures_util::future::BoxFuture;
use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::MaybeHttpsStream;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use std::error::Error as StdError;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tower_service::Service;

type BoxError = Box<dyn StdError + Send + Sync>;

/// A connection to the target, or to the proxy that is asked for it.
type Transport = MaybeHttpsStream<TcpConnection>;

/// Opens connections for one client.
#[derive(Clone)]
pub(crate) struct Connector {
    proxies: Arc<ProxyRules>,
    tls: Arc<Tls>,
    timeout: Duration,
}

impl Connector {
    pub(super) fn new(proxies: Arc<ProxyRules>, tls: Arc<Tls>, timeout: Duration) -> Self {
        Self { proxies, tls, timeout }
    }
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<Transport>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let connecting = tokio::time::timeout(this.timeout, this.connect(&target)).await;
            connecting.unwrap_or_else(|_| Err(this.timed_out(&target)))
        })
    }
}

impl Connector {
    async fn connect(&self, target: &Uri) -> Result<MaybeHttpsStream<Transport>, BoxError> {
        let route = Route { proxy: self.proxies.select(target)?.cloned(), tls: self.tls.clone() };
        if target.scheme_str() == Some("https") {
            // Certificates are read here, so that a machine without any can speak http.
            return self.tls.connector(route)?.call(target.clone()).await;
        }
        let mut route = route;
        Ok(MaybeHttpsStream::Http(route.call(target.clone()).await?))
    }

    fn timed_out(&self, target: &Uri) -> BoxError {
        let limit = self.timeout.as_secs();
        let through = match self.proxies.select(target) {
            Ok(Some(proxy)) => format!(" through the proxy {}", proxy.uri),
            _ => String::new(),
        };
        io::Error::new(io::ErrorKind::TimedOut, format!("no connection{through} within {limit} s"))
            .into()
    }
}

/// The way to a target, up to where its own TLS begins.
#[derive(Clone)]
struct Route {
    proxy: Option<Proxy>,
    tls: Arc<Tls>,
}

impl Service<Uri> for Route {
    type Response = Transport;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Transport, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let Some(proxy) = this.proxy else {
                let direct = TcpConnector::new(false).call(target).await;
                return Ok(MaybeHttpsStream::Http(direct?));
            };
            let through = format!("the proxy {}", proxy.uri);
            open(&proxy, &this.tls, target).await.map_err(|source| {
                let through = ProxyError { through, source };
                Box::new(through) as BoxError
            })
        })
    }
}

/// A connection through a proxy.
async fn open(proxy: &Proxy, tls: &Tls, target: Uri) -> Result<Transport, BoxError> {
    let encrypted = proxy.uri.scheme_str() == Some("https");
    match proxy.kind {
        ProxyKind::Socks5 => {
            let mut socks = SocksV5::new(proxy.uri.clone(), TcpConnector::new(false));
            if let Some((user, password)) = proxy.credentials() {
                socks = socks.with_auth(user.clone(), password.clone());
            }
            Ok(MaybeHttpsStream::Http(socks.call(target).await?))
        }
        // A request for http goes to the proxy as it is, with its whole URL.
        ProxyKind::Http if target.scheme_str() != Some("https") => {
            let mut tcp = TcpConnector::new(true);
            match encrypted {
                true => tls.proxy_connector(tcp)?.call(proxy.uri.clone()).await,
                false => Ok(MaybeHttpsStream::Http(tcp.call(proxy.uri.clone()).await?)),
            }
        }
        ProxyKind::Http if encrypted => {
            let connector = tls.proxy_connector(TcpConnector::new(false))?;
            Ok(tunnel(proxy, connector).call(target).await?)
        }
        ProxyKind::Http => {
            let tunneled = tunnel(proxy, TcpConnector::new(false)).call(target).await?;
            Ok(MaybeHttpsStream::Http(tunneled))
        }
    }
}

fn tunnel<C>(proxy: &Proxy, connector: C) -> Tunnel<C> {
    let tunnel = Tunnel::new(proxy.uri.clone(), connector);
    match proxy.authorization() {
        Some(value) => tunnel.with_auth(value),
        None => tunnel,
    }
}

/// A failure on the way through a proxy.
#[derive(Debug)]
struct ProxyError {
    through: String,
    source: BoxError,
}

impl std::fmt::Display for ProxyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no connection through {}", self.through)
    }
}

impl StdError for ProxyError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.source)
    }
}

/// Opens TCP connections.
#[derive(Clone)]
struct TcpConnector {
    http: HttpConnector,
    whole_urls: bool,
}

impl TcpConnector {
    fn new(whole_urls: bool) -> Self {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        Self { http, whole_urls }
    }
}

impl Service<Uri> for TcpConnector {
    type Response = TcpConnection;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<TcpConnection, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.http.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let connecting = self.http.call(target);
        let whole_urls = self.whole_urls;
        Box::pin(async move { Ok(TcpConnection { io: connecting.await?, whole_urls }) })
    }
}

/// A TCP connection.
pub(crate) struct TcpConnection {
    io: TokioIo<TcpStream>,
    /// A proxy answers here for other servers: requests carry whole URLs.
    whole_urls: bool,
}

impl Connection for TcpConnection {
    fn connected(&self) -> Connected {
        self.io.connected().proxy(self.whole_urls)
    }
}

impl Read for TcpConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl Write for TcpConnection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
