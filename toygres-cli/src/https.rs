//! The client of everything that is asked over HTTP: the API, downloads and Kubernetes.
//!
//! Proxies are those of the environment (`proxies`). Root certificates are read when the first
//! https connection is opened (`tls`), so that a machine without any can speak http.

mod connector;
pub(crate) mod pinned;
pub(crate) mod proxies;
pub(crate) mod tls;

use crate::settings::Environment;
use connector::Connector;
use http::header::PROXY_AUTHORIZATION;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper_util::client::legacy::{Client, Error, ResponseFuture};
use hyper_util::rt::TokioExecutor;
use proxies::{ProxyKind, ProxyRules};
use std::error::Error as StdError;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tls::Tls;
use tower_service::Service;
use toygres_plugin_api::Result;

/// A client whose requests have bodies of one kind.
pub(crate) struct HttpClient<B> {
    client: Client<Connector, B>,
    proxies: Arc<ProxyRules>,
}

impl<B> Clone for HttpClient<B> {
    fn clone(&self) -> Self {
        Self { client: self.client.clone(), proxies: self.proxies.clone() }
    }
}

impl<B> HttpClient<B>
where
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    /// A client that takes these ways, and gives up a connection after `connect_timeout`.
    pub(crate) fn new(proxies: ProxyRules, tls: Arc<Tls>, connect_timeout: Duration) -> Self {
        let proxies = Arc::new(proxies);
        let connector = Connector::new(proxies.clone(), tls, connect_timeout);
        Self { client: Client::builder(TokioExecutor::new()).build(connector), proxies }
    }

    /// The client of downloads and of the API: it trusts this machine's root certificates.
    ///
    /// # Errors
    /// When a variable that names a proxy is not UTF-8.
    pub(crate) fn for_downloads(
        environment: &Environment,
        connect_timeout: Duration,
    ) -> Result<Self> {
        let proxies = ProxyRules::for_downloads(environment)?;
        Ok(Self::new(proxies, Tls::of_this_machine(), connect_timeout))
    }

    /// Sends one request.
    ///
    /// # Errors
    /// When no connection comes about, or it breaks before the answer begins.
    pub(crate) async fn request(
        &self,
        request: Request<B>,
    ) -> std::result::Result<Response<Incoming>, Error> {
        self.send(request).await
    }

    fn send(&self, mut request: Request<B>) -> ResponseFuture {
        // A tunnel is authorized when it is made; a request for http carries its own word.
        if request.uri().scheme_str() == Some("http")
            && let Ok(Some(proxy)) = self.proxies.select(request.uri())
            && proxy.kind == ProxyKind::Http
            && let Some(value) = proxy.authorization()
        {
            request.headers_mut().insert(PROXY_AUTHORIZATION, value);
        }
        self.client.request(request)
    }
}

impl<B> Service<Request<B>> for HttpClient<B>
where
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    type Response = Response<Incoming>;
    type Error = Error;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<std::result::Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.send(request)
    }
}
