//! The server's certificate: made once, trusted because the kubeconfig holds it.
//!
//! kubectl sends its token over TLS only.

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

/// What the server shows its clients, and what they have to trust.
pub(crate) struct Identity {
    /// The certificate as PEM: `certificate-authority-data` of a kubeconfig, before base64.
    pub(crate) certificate: String,
    /// How the server speaks TLS.
    pub(crate) config: Arc<ServerConfig>,
}

impl Identity {
    /// Reads the certificate and its key in `folder`, or makes them, for names of this machine alone.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let path = folder.join("identity.pem");
        let pem = match fs::read_to_string(&path) {
            Ok(pem) => pem,
            Err(error) if error.kind() == io::ErrorKind::NotFound => make(&path)?,
            Err(error) => return Err(error),
        };
        Self::from_pem(&pem)
    }

    fn from_pem(pem: &str) -> io::Result<Self> {
        let certificate =
            CertificateDer::from_pem_slice(pem.as_bytes()).map_err(io::Error::other)?;
        let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(io::Error::other)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .map_err(io::Error::other)?;
        Ok(Self { certificate: public_part(pem), config: Arc::new(config) })
    }
}

/// How a client on this machine speaks TLS with the server whose certificate is in `folder`.
///
/// # Errors
/// Where there is no certificate that can be read.
pub(crate) fn connector(folder: &Path) -> io::Result<tokio_rustls::TlsConnector> {
    let pem = fs::read_to_string(folder.join("identity.pem"))?;
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(io::Error::other)?;
    let mut roots = RootCertStore::empty();
    roots.add(certificate).map_err(io::Error::other)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config).into())
}

/// Makes a key and a certificate, and keeps both in one file that only the owner can read.
fn make(path: &Path) -> io::Result<String> {
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
    let certificate = CertificateParams::new(names)
        .and_then(|params| params.self_signed(&key))
        .map_err(io::Error::other)?;
    let pem = format!("{}{}", certificate.pem(), key.serialize_pem());
    let made = path.with_extension("new");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&made)?;
    file.write_all(pem.as_bytes())?;
    file.sync_all()?;
    fs::rename(made, path)?;
    Ok(pem)
}

/// The certificate without its key.
fn public_part(pem: &str) -> String {
    let end = "-----END CERTIFICATE-----";
    let length = pem.find(end).map_or(0, |at| at + end.len());
    format!("{}\n", &pem[..length])
}

#[cfg(test)]
mod tests {
    use super::Identity;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn it_is_made_once_and_keeps_its_key_to_itself() {
        let folder = tempfile::tempdir().unwrap();
        let first = Identity::open(folder.path()).unwrap();
        let second = Identity::open(folder.path()).unwrap();
        assert_eq!(first.certificate, second.certificate);
        assert!(first.certificate.starts_with("-----BEGIN CERTIFICATE-----"));
        assert!(!first.certificate.contains("PRIVATE"));
        let file = std::fs::metadata(folder.path().join("identity.pem")).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
    }
}
