//! The client of everything that is asked over HTTP but Kubernetes, which has its own.

use hyper::body::Body;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::time::Duration;
use toygres_plugin_api::{Error, Result};

/// A client whose requests have bodies of one kind.
pub(crate) type HttpClient<B> = Client<HttpsConnector<HttpConnector>, B>;

/// A client that trusts this machine's root certificates and waits so long for a connection.
///
/// # Errors
/// When the machine has none.
pub(crate) fn client<B>(connect: Duration) -> Result<HttpClient<B>>
where
    B: Body + Send,
    B::Data: Send,
{
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_connect_timeout(Some(connect));
    let https = HttpsConnectorBuilder::new()
        .with_provider_and_native_roots(rustls::crypto::ring::default_provider())
        .map_err(|error| Error::unavailable("this machine has no root certificates").cause(error))?
        .https_or_http()
        .enable_http1()
        .wrap_connector(http);
    Ok(Client::builder(TokioExecutor::new()).build(https))
}
