//! Opening one connection: TLS, session settings, deadline.

use super::errors;
use super::target::{Target, Verify};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::path::Path;
use std::sync::Arc;
use tokio_postgres::{CancelToken, Client};
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
    pub(super) cancel: CancelToken,
    pub(super) tls: MakeRustlsConnect,
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
        let tls = MakeRustlsConnect::new(tls_config(&target.verify)?);
        let connecting = config.connect(tls.clone());
        let (client, connection) = tokio::time::timeout(target.connect_timeout, connecting)
            .await
            .map_err(|_| errors::hung(target))?
            .map_err(|error| errors::connecting(target, &error))?;
        let superuser = connection.parameter("is_superuser") == Some("on");
        let cancel = client.cancel_token();
        // Ends by itself when the client is dropped or the server goes away; whoever waits for an
        // answer then is told.
        tokio::spawn(async move {
            let _told_to_the_waiting = connection.await;
        });
        Ok(Self { client, cancel, tls, superuser, cursors: 0 })
    }

    /// A number that no cursor of this connection has had.
    pub(super) fn next_cursor(&mut self) -> u64 {
        self.cursors += 1;
        self.cursors
    }
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
