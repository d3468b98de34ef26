//! The client of one cluster.

use super::target::ClusterTarget;
use crate::https::HttpClient;
use crate::https::pinned::PinnedVerifier;
use crate::https::proxies::ProxyRules;
use crate::https::tls::{Tls, TlsSettings};
use crate::lend::chain;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request};
use kube::client::retry::RetryPolicy;
use kube::client::{AuthError, Body as KubeBody, ConfigExt as _};
use kube::{Client, Config};
use rustls::pki_types::{CertificateDer, ServerName};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tower::ServiceBuilder;
use tower::retry::RetryLayer;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Tokens in files are short-lived, and replaced in time.
const TOKEN_REREAD_INTERVAL: Duration = Duration::from_secs(60);

/// Makes the client; an exec program runs here.
///
/// # Errors
/// Why the credentials or certificates cannot be used, for people.
pub(super) fn make_client(
    target: ClusterTarget,
    environment_proxies: ProxyRules,
) -> Result<Client, String> {
    let ClusterTarget { config, token_file, proxy } = target;
    let proxies = proxy.map_or(environment_proxies, ProxyRules::always);
    let is_https = config.cluster_url.scheme_str() == Some("https");
    let auth_layer = config.auth_layer().map_err(|error| describe(&error))?;
    let headers_layer = config.extra_headers_layer().map_err(|error| describe(&error))?;
    let token = token_file.map(TokenFile::read).transpose()?;
    let base_layer = config.base_uri_layer();
    let namespace = config.default_namespace.clone();
    let tls = Tls::new(move || tls_settings(&config));
    if is_https {
        // Here the reason is the client's own, not that a server is out of reach.
        tls.settings().map_err(|error| error.to_string())?;
    }
    let service = ServiceBuilder::new()
        .layer(base_layer)
        .layer(RetryLayer::new(RetryPolicy::server_retry()))
        .option_layer(auth_layer)
        .map_request(move |request| authorize(request, token.as_deref()))
        .layer(headers_layer)
        .map_err(tower::BoxError::from)
        .service(HttpClient::<KubeBody>::new(proxies, tls, CONNECT_TIMEOUT));
    Ok(Client::new(service, namespace))
}

/// What the cluster's certificate has to be, and our own.
fn tls_settings(config: &Config) -> Result<TlsSettings, String> {
    let mut client = config.rustls_client_config().map_err(|error| describe(&error))?;
    if let Some(trusted) = config.root_cert.as_ref().filter(|_| !config.accept_invalid_certs) {
        let trusted = trusted.iter().cloned().map(CertificateDer::from).collect();
        let verifier = PinnedVerifier::new(trusted)?;
        client.dangerous().set_certificate_verifier(Arc::new(verifier));
    }
    let name = config.tls_server_name.clone().map(ServerName::try_from);
    let server_name =
        name.transpose().map_err(|error| format!("invalid `tls-server-name`: {error}"))?;
    Ok(TlsSettings { client, server_name })
}

/// The failure of making a client, with what an exec program said on its standard error.
fn describe(error: &kube::Error) -> String {
    match error {
        kube::Error::Auth(AuthError::AuthExecRun { cmd, out }) => {
            let said = String::from_utf8_lossy(&out.stderr);
            let said = said.trim();
            let program = cmd.split_whitespace().next().unwrap_or_default();
            let ended = format!("the exec program {program} ended with {}", out.status);
            if said.is_empty() { ended } else { format!("{ended}: {said}") }
        }
        other => chain(other),
    }
}

/// Adds the token of a file, which goes before every other.
fn authorize(mut request: Request<KubeBody>, token: Option<&TokenFile>) -> Request<KubeBody> {
    if let Some(value) = token.and_then(TokenFile::header) {
        request.headers_mut().insert(AUTHORIZATION, value);
    }
    request
}

/// A bearer token in a file.
struct TokenFile {
    path: PathBuf,
    read: Mutex<(HeaderValue, Instant)>,
}

impl TokenFile {
    fn read(path: PathBuf) -> Result<Arc<Self>, String> {
        let value = read_token(&path)
            .map_err(|error| format!("cannot use the token in {}: {error}", path.display()))?;
        Ok(Arc::new(Self { path, read: Mutex::new((value, Instant::now())) }))
    }

    /// The header; where the file cannot be read any more it is the last one's.
    fn header(&self) -> Option<HeaderValue> {
        let mut read = self.read.lock().ok()?;
        if read.1.elapsed() >= TOKEN_REREAD_INTERVAL {
            let value = read_token(&self.path).unwrap_or_else(|_| read.0.clone());
            *read = (value, Instant::now());
        }
        Some(read.0.clone())
    }
}

fn read_token(path: &std::path::Path) -> io::Result<HeaderValue> {
    let text = std::fs::read_to_string(path)?;
    let token = text.trim();
    if token.is_empty() {
        return Err(io::Error::other("it is empty"));
    }
    let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(io::Error::other)?;
    value.set_sensitive(true);
    Ok(value)
}
