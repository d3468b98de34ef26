//! TLS by OpenSSL, with the files and checks of libpq.

use crate::failure::Failure;
use crate::peer_name;
use crate::target::{
    CertificateMode, HostEntry, RootCertificates, SslMode, TlsOptions, TlsVersion,
};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::ssl::{
    Ssl, SslContext, SslContextBuilder, SslMethod, SslRef, SslVerifyMode, SslVersion,
};
use openssl::x509::store::X509Lookup;
use openssl::x509::verify::X509VerifyFlags;
use openssl::x509::{X509Ref, X509VerifyResult};
use std::io::ErrorKind as Io;
use std::net::IpAddr;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::pin::Pin;
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

/// Encrypts a connection. The certificate is checked where there are authorities to check it with,
/// whatever the mode, as libpq does.
pub(crate) async fn encrypt(
    stream: TcpStream,
    options: &TlsOptions,
    host: &HostEntry,
) -> Result<SslStream<TcpStream>, Failure> {
    let ssl = make_ssl(options, host)?;
    let mut stream =
        SslStream::new(ssl, stream).map_err(|error| Failure::Tls(words_of(&error), None))?;
    if let Err(error) = Pin::new(&mut stream).connect().await {
        let verdict = stream.ssl().verify_result();
        if verdict != X509VerifyResult::OK {
            return Err(Failure::Certificate(verdict.error_string().to_owned(), verdict));
        }
        return Err(match error.ssl_error() {
            Some(stack) => Failure::Tls(words_of(stack), protocol_remedy(stack)),
            None => Failure::Tls(
                error.io_error().map_or_else(|| error.to_string(), ToString::to_string),
                None,
            ),
        });
    }
    if options.mode == SslMode::VerifyFull {
        check_name(stream.ssl(), host)?;
    }
    Ok(stream)
}

fn make_ssl(options: &TlsOptions, host: &HostEntry) -> Result<Ssl, Failure> {
    let broken = |error: ErrorStack| Failure::Tls(words_of(&error), None);
    let mut context = SslContext::builder(SslMethod::tls_client()).map_err(broken)?;
    context.set_min_proto_version(options.min_version.map(version)).map_err(broken)?;
    context.set_max_proto_version(options.max_version.map(version)).map_err(broken)?;
    let verified = load_roots(&mut context, options)?;
    if options.certificate_mode != CertificateMode::Disable {
        load_certificate(&mut context, options)?;
    }
    let mut ssl = Ssl::new(&context.build()).map_err(broken)?;
    ssl.set_verify(if verified { SslVerifyMode::PEER } else { SslVerifyMode::NONE });
    if options.server_name && !host.host.is_empty() && host.host.parse::<IpAddr>().is_err() {
        ssl.set_hostname(&host.host).map_err(broken)?;
    }
    if options.direct {
        ssl.set_alpn_protos(b"\x0apostgresql").map_err(broken)?;
    }
    Ok(ssl)
}

fn version(version: TlsVersion) -> SslVersion {
    match version {
        TlsVersion::Tls10 => SslVersion::TLS1,
        TlsVersion::Tls11 => SslVersion::TLS1_1,
        TlsVersion::Tls12 => SslVersion::TLS1_2,
        TlsVersion::Tls13 => SslVersion::TLS1_3,
    }
}

/// Whether there are authorities to check a certificate with.
fn load_roots(context: &mut SslContextBuilder, options: &TlsOptions) -> Result<bool, Failure> {
    let needed = options.mode >= SslMode::VerifyCa;
    let path = match &options.roots {
        RootCertificates::System => {
            context
                .set_default_verify_paths()
                .map_err(|error| Failure::Tls(words_of(&error), None))?;
            return Ok(true);
        }
        RootCertificates::File(path) if path.exists() => path,
        RootCertificates::File(path) if needed => {
            return Err(Failure::File {
                what: "root certificate file",
                path: path.clone(),
                why: "it does not exist".to_owned(),
                word: "sslrootcert",
            });
        }
        RootCertificates::Absent if needed => return Err(Failure::NoRoots),
        RootCertificates::File(_) | RootCertificates::Absent => return Ok(false),
    };
    let unreadable = |why: String| Failure::File {
        what: "root certificate file",
        path: path.clone(),
        why,
        word: "sslrootcert",
    };
    readable_size(path).map_err(unreadable)?;
    context.set_ca_file(path).map_err(|error| unreadable(words_of(&error)))?;
    load_revoked(context, options)?;
    Ok(true)
}

/// A device or a pipe would be read without an end.
fn readable_size(path: &Path) -> Result<(), String> {
    let found = std::fs::metadata(path).map_err(|error| error.to_string())?;
    match found.is_file() && found.len() <= MAX_FILE_BYTES {
        true => Ok(()),
        false => Err("it is not a regular file of at most 16 MiB".to_owned()),
    }
}

/// No file of certificates is longer.
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

fn load_revoked(context: &mut SslContextBuilder, options: &TlsOptions) -> Result<(), Failure> {
    let store = context.cert_store_mut();
    let mut loaded = false;
    // As with libpq, a list that cannot be read is as none.
    if let Some(path) = options.revoked.as_deref().filter(|path| readable_size(path).is_ok())
        && let Ok(lookup) = store.add_lookup(X509Lookup::file())
    {
        loaded = lookup.load_crl_file(path, openssl::ssl::SslFiletype::PEM).is_ok();
    }
    if let Some(path) = options.revoked_folder.as_deref().and_then(Path::to_str)
        && let Ok(lookup) = store.add_lookup(X509Lookup::hash_dir())
    {
        loaded |= lookup.add_dir(path, openssl::ssl::SslFiletype::PEM).is_ok();
    }
    if loaded {
        store
            .set_flags(X509VerifyFlags::CRL_CHECK | X509VerifyFlags::CRL_CHECK_ALL)
            .map_err(|error| Failure::Tls(words_of(&error), None))?;
    }
    Ok(())
}

/// The client's certificate, if there is one: a file that is not there is none, as with libpq.
fn load_certificate(context: &mut SslContextBuilder, options: &TlsOptions) -> Result<(), Failure> {
    let Some(certificate) = options.certificate.as_deref() else { return Ok(()) };
    let bad_certificate = |why: String| Failure::File {
        what: "client certificate",
        path: certificate.to_owned(),
        why,
        word: "sslcert",
    };
    match std::fs::metadata(certificate) {
        Ok(_) => {}
        Err(error) if matches!(error.kind(), Io::NotFound | Io::NotADirectory) => return Ok(()),
        Err(error) => return Err(bad_certificate(error.to_string())),
    }
    readable_size(certificate).map_err(bad_certificate)?;
    context
        .set_certificate_chain_file(certificate)
        .map_err(|error| bad_certificate(words_of(&error)))?;
    let Some(path) = options.key.as_deref() else { return Ok(()) };
    let bad_key = |why: String| Failure::File {
        what: "private key",
        path: path.to_owned(),
        why,
        word: "sslkey",
    };
    let found = std::fs::metadata(path).map_err(|error| bad_key(error.to_string()))?;
    if !found.is_file() || found.len() > MAX_FILE_BYTES {
        return Err(bad_key("it is not a regular file".to_owned()));
    }
    let open_to_others = if found.uid() == 0 { 0o027 } else { 0o077 };
    if found.permissions().mode() & open_to_others != 0 {
        return Err(Failure::OpenKey(path.to_owned()));
    }
    let bytes = std::fs::read(path).map_err(|error| bad_key(error.to_string()))?;
    // Without a passphrase OpenSSL would ask the terminal for one.
    let passphrase = options.key_password.as_deref().unwrap_or_default().as_bytes();
    let key = PKey::private_key_from_pem_passphrase(&bytes, passphrase)
        .or_else(|pem| PKey::private_key_from_der(&bytes).map_err(|_| pem))
        .map_err(|error| bad_key(words_of(&error)))?;
    context.set_private_key(&key).map_err(|error| bad_key(words_of(&error)))?;
    context.check_private_key().map_err(|error| bad_key(words_of(&error)))
}

fn check_name(ssl: &SslRef, host: &HostEntry) -> Result<(), Failure> {
    if host.host.is_empty() {
        return Err(Failure::NoHostName);
    }
    let Some(certificate) = ssl.peer_certificate() else {
        return Err(Failure::Tls("the server shows no certificate".to_owned(), None));
    };
    match peer_name::matches(&certificate, &host.host) {
        true => Ok(()),
        false => Err(Failure::CertificateName(peer_name::names(&certificate))),
    }
}

/// What SCRAM binds itself to (`tls-server-end-point`, RFC 5929).
pub(crate) fn channel_binding(ssl: &SslRef) -> Option<Vec<u8>> {
    let certificate = ssl.peer_certificate()?;
    let digest = binding_digest(&certificate)?;
    certificate.digest(digest).ok().map(|bytes| bytes.to_vec())
}

fn binding_digest(certificate: &X509Ref) -> Option<MessageDigest> {
    let algorithm = certificate.signature_algorithm().object().nid();
    let digest = algorithm.signature_algorithms()?.digest;
    match digest {
        Nid::MD5 | Nid::SHA1 => Some(MessageDigest::sha256()),
        digest => MessageDigest::from_nid(digest),
    }
}

/// The reasons of OpenSSL, each once.
pub(crate) fn words_of(stack: &ErrorStack) -> String {
    let mut reasons: Vec<&str> = Vec::new();
    for error in stack.errors() {
        let reason = error.reason().unwrap_or("unknown failure");
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    match reasons.is_empty() {
        true => "the connection ended during the handshake".to_owned(),
        false => reasons.join(": "),
    }
}

/// OpenSSL's codes for versions of TLS that the two sides do not share.
const VERSION_REASONS: [i32; 4] = [258, 266, 1070, 191];

fn protocol_remedy(stack: &ErrorStack) -> Option<&'static str> {
    let about_versions =
        stack.errors().iter().any(|error| VERSION_REASONS.contains(&error.reason_code()));
    about_versions.then_some(
        "the server speaks another version of TLS: see `ssl_min_protocol_version` and \
         `ssl_max_protocol_version`",
    )
}

/// What helps against a certificate that is refused.
pub(crate) fn certificate_remedy(verdict: X509VerifyResult) -> &'static str {
    match verdict.as_raw() {
        // Not valid yet, expired.
        9 | 10 => "renew the server's certificate, and see whether this machine's clock is right",
        // No issuer, self-signed, unable to verify the first.
        2 | 18 | 19 | 20 | 21 => {
            "give the authority that signed the server's certificate, or that certificate itself, \
             as `sslrootcert`; `sslmode=require` without one encrypts and checks nothing"
        }
        3 | 11 | 12 => "renew the list of revoked certificates (`sslcrl`)",
        23 => "the certificate was revoked: ask whoever runs the server",
        _ => {
            "see the certificate with `openssl s_client -starttls postgres -connect HOST:PORT`; \
             `sslmode=require` without `sslrootcert` encrypts and checks nothing"
        }
    }
}
