//! Opening one connection: TLS, session settings, deadline.

use super::connector::Connector;
use super::errors;
use super::target::{Target, Verify};
use super::wire::{Oversize, Wire};
use crate::lend::named_file;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio_postgres::config::{Host, SslMode, SslNegotiation};
use tokio_postgres::{CancelToken, Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;
use toygres_plugin_api::{Error, Result};

/// What every session begins with: it may only read, and its texts are those of every session.
/// A confirmed write begins its own transaction with `READ WRITE`.
const SESSION: &str = "-c default_transaction_read_only=on -c TimeZone=UTC -c DateStyle=ISO \
     -c IntervalStyle=postgres -c bytea_output=hex -c extra_float_digits=1 -c lock_timeout=5s \
     -c idle_in_transaction_session_timeout=5min -c client_encoding=UTF8";

/// One connection.
pub(super) struct Connection {
    pub(super) client: Client,
    pub(super) wire: Arc<Wire>,
    cancel: CancelToken,
    connector: Connector,
    /// The socket, where it is one of this machine's file system.
    socket: Option<PathBuf>,
    /// PostgreSQL says so itself when a session begins.
    pub(super) superuser: bool,
    cursors: u64,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("superuser", &self.superuser).finish_non_exhaustive()
    }
}

impl Connection {
    /// Opens one within the deadline of the target.
    pub(super) async fn open(target: &Target) -> Result<Self> {
        let mut config = target.config.clone();
        let options = match config.get_options() {
            Some(given) => format!("{given} {SESSION}"),
            None => SESSION.to_owned(),
        };
        config.options(options);
        let wire = Wire::new(target.message_limits.clone());
        let mut connector = Connector {
            tls: MakeRustlsConnect::new(tls_config(&target.verify)?),
            mode: config.get_ssl_mode(),
            negotiation: config.get_ssl_negotiation(),
            wire: wire.clone(),
        };
        // The connector asks for TLS itself, where it is wanted.
        config.ssl_mode(SslMode::Require).ssl_negotiation(SslNegotiation::Direct);
        let sockets = socket_paths(&config);
        if !sockets.is_empty() {
            // As libpq does: nobody listens in between.
            connector.mode = SslMode::Disable;
        }
        let connecting = connect(&config, &connector, &sockets);
        let connected = tokio::time::timeout(target.connect_timeout, connecting);
        let opened = connected.await.map_err(|_| errors::hung(target))?;
        let (client, socket, superuser) = opened.map_err(|failed| match failed {
            Unconnected::Driver(error) => errors::connecting(target, &error),
            Unconnected::Socket(error) => errors::unconnected(target, &error.to_string()),
        })?;
        let cancel = client.cancel_token();
        Ok(Self { client, wire, cancel, connector, socket, superuser, cursors: 0 })
    }

    /// The message of the database that was too large and ended this connection, if one did.
    pub(super) fn refused(&self) -> Option<Oversize> {
        self.wire.refused()
    }

    /// Asks the server to end what runs; a server that does not take the request within `timeout`
    /// is left to its own limit of time.
    pub(super) async fn cancel(&self, timeout: Duration) {
        let request = async {
            match &self.socket {
                None => self.cancel.cancel_query(self.connector.clone()).await.ok(),
                Some(path) => {
                    let stream = UnixStream::connect(path).await.ok()?;
                    let tls = self.connector.for_socket();
                    self.cancel.cancel_query_raw(stream, tls).await.ok()
                }
            }
        };
        let _best_effort = tokio::time::timeout(timeout, request).await;
    }

    /// A number that no cursor of this connection has had.
    pub(super) fn next_cursor(&mut self) -> u64 {
        self.cursors += 1;
        self.cursors
    }
}

/// Why no connection came about.
enum Unconnected {
    Driver(tokio_postgres::Error),
    Socket(io::Error),
}

/// The sockets of a target that has its server on this machine; else none.
fn socket_paths(config: &Config) -> Vec<PathBuf> {
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let all = config.get_hosts().iter().map(|host| match host {
        Host::Unix(folder) => Some(folder.join(format!(".s.PGSQL.{port}"))),
        Host::Tcp(_) => None,
    });
    all.collect::<Option<Vec<_>>>().unwrap_or_default()
}

/// The client with the socket that it is connected to, and whether the role is a superuser. What
/// comes in is read by a task that ends by itself when the client is dropped or the server goes
/// away; whoever waits for an answer then is told.
async fn connect(
    config: &Config,
    connector: &Connector,
    sockets: &[PathBuf],
) -> std::result::Result<(Client, Option<PathBuf>, bool), Unconnected> {
    if sockets.is_empty() {
        let connecting = config.connect(connector.clone());
        let (client, connection) = connecting.await.map_err(Unconnected::Driver)?;
        let superuser = connection.parameter("is_superuser") == Some("on");
        tokio::spawn(async move {
            let _told_to_the_waiting = connection.await;
        });
        return Ok((client, None, superuser));
    }
    let mut failed = io::Error::from(io::ErrorKind::NotFound);
    for path in sockets {
        let stream = match UnixStream::connect(path).await {
            Ok(stream) => stream,
            Err(error) => {
                failed = error;
                continue;
            }
        };
        let connecting = config.connect_raw(stream, connector.for_socket());
        let (client, connection) = connecting.await.map_err(Unconnected::Driver)?;
        let superuser = connection.parameter("is_superuser") == Some("on");
        tokio::spawn(async move {
            let _told_to_the_waiting = connection.await;
        });
        return Ok((client, Some(path.clone()), superuser));
    }
    Err(Unconnected::Socket(failed))
}

fn tls_config(verify: &Verify) -> Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::failed("TLS cannot be set up").cause(error))?;
    Ok(match verify {
        Verify::Not => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Unverified(provider)))
            .with_no_client_auth(),
        Verify::Against(root) => {
            builder.with_root_certificates(roots(root.as_deref())?).with_no_client_auth()
        }
    })
}

/// The certificates of a file, or the system's.
fn roots(file: Option<&Path>) -> Result<RootCertStore> {
    let mut store = RootCertStore::empty();
    let Some(file) = file.filter(|file| *file != Path::new("system")) else {
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(store);
    };
    let unreadable = |cause: String| {
        Error::usage(format!("`sslrootcert` {} cannot be read", file.display())).cause(cause)
    };
    named_file::check_size(file).map_err(|error| unreadable(error.to_string()))?;
    let certificates =
        CertificateDer::pem_file_iter(file).map_err(|e| unreadable(e.to_string()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| unreadable(error.to_string()))?;
        store.add(certificate).map_err(|error| unreadable(error.to_string()))?;
    }
    Ok(store)
}

/// Encrypted, but anybody's certificate: what libpq does up to `sslmode=require`.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
