//! TLS of one client, made when the first https connection is opened.

use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use std::io;
use std::sync::{Arc, OnceLock};

/// What is checked of the other side, and what is shown to it.
#[derive(Clone)]
pub(crate) struct TlsSettings {
    pub(crate) client: ClientConfig,
    /// The name that the server's certificate is to have, where it is not the URL's.
    pub(crate) server_name: Option<ServerName<'static>>,
}

type MakeSettings = dyn Fn() -> Result<TlsSettings, String> + Send + Sync;

/// TLS settings that are made once they are needed.
pub(crate) struct Tls {
    make: Box<MakeSettings>,
    made: OnceLock<Result<TlsSettings, String>>,
}

impl Tls {
    pub(crate) fn new(
        make: impl Fn() -> Result<TlsSettings, String> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { make: Box::new(make), made: OnceLock::new() })
    }

    /// TLS that trusts this machine's root certificates.
    pub(crate) fn of_this_machine() -> Arc<Self> {
        Self::new(|| {
            let client = trust_this_machine()?;
            Ok(TlsSettings { client, server_name: None })
        })
    }

    /// The settings.
    ///
    /// # Errors
    /// Why there can be none.
    pub(crate) fn settings(&self) -> io::Result<&TlsSettings> {
        let made = self.made.get_or_init(|| (self.make)());
        made.as_ref().map_err(|why| io::Error::other(why.clone()))
    }

    /// Speaks TLS with targets.
    pub(super) fn connector<C>(&self, inner: C) -> io::Result<HttpsConnector<C>> {
        let settings = self.settings()?;
        let builder =
            HttpsConnectorBuilder::new().with_tls_config(settings.client.clone()).https_or_http();
        let builder = match &settings.server_name {
            Some(name) => {
                builder.with_server_name_resolver(FixedServerNameResolver::new(name.clone()))
            }
            None => builder,
        };
        Ok(builder.enable_http1().wrap_connector(inner))
    }

    /// Speaks TLS with a proxy, which has a name of its own.
    pub(super) fn proxy_connector<C>(&self, inner: C) -> io::Result<HttpsConnector<C>> {
        let client = self.settings()?.client.clone();
        let builder = HttpsConnectorBuilder::new().with_tls_config(client).https_or_http();
        Ok(builder.enable_http1().wrap_connector(inner))
    }
}

fn trust_this_machine() -> Result<ClientConfig, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (usable, _) = roots.add_parsable_certificates(found.certs);
    if usable == 0 {
        let why = found.errors.first().map(|error| format!(": {error}"));
        let why = why.unwrap_or_default();
        return Err(format!(
            "https needs root certificates, and this machine has none{why}; install its \
             `ca-certificates`, or name a file of them with `SSL_CERT_FILE`"
        ));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
