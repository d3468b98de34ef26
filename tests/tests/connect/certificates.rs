//! Certificates of the kinds that manuals and authorities make.

use openssl::asn1::{Asn1Integer, Asn1Time};
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::symm::Cipher;
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509Name};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// A certificate with its key.
pub(crate) struct Pair {
    pub(crate) certificate: X509,
    pub(crate) key: PKey<Private>,
}

/// What a certificate says.
#[derive(Default)]
pub(crate) struct Kind<'a> {
    pub(crate) common_name: &'a str,
    pub(crate) dns: &'a [&'a str],
    pub(crate) addresses: &'a [&'a str],
    pub(crate) authority: bool,
    /// Version 1: without extensions, as `openssl x509 -req -signkey` makes them.
    pub(crate) first_version: bool,
    pub(crate) expired: bool,
}

pub(crate) fn make(kind: &Kind<'_>, issuer: Option<&Pair>) -> Pair {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut name = X509Name::builder().unwrap();
    name.append_entry_by_nid(Nid::COMMONNAME, kind.common_name).unwrap();
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(if kind.first_version { 0 } else { 2 }).unwrap();
    let mut serial = BigNum::new().unwrap();
    serial.rand(120, MsbOption::MAYBE_ZERO, false).unwrap();
    builder.set_serial_number(&Asn1Integer::from_bn(&serial).unwrap()).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_pubkey(&key).unwrap();
    let day = 24 * 60 * 60;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = i64::try_from(now.as_secs()).unwrap();
    let until = if kind.expired { now - day } else { now + 30 * day };
    builder.set_not_before(&Asn1Time::from_unix(now - 2 * day).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(until).unwrap()).unwrap();
    if !kind.first_version {
        let mut constraints = BasicConstraints::new();
        if kind.authority {
            constraints.ca();
        }
        builder.append_extension(constraints.build().unwrap()).unwrap();
        let mut names = SubjectAlternativeName::new();
        kind.dns.iter().for_each(|name| {
            names.dns(name);
        });
        kind.addresses.iter().for_each(|address| {
            names.ip(address);
        });
        if !kind.dns.is_empty() || !kind.addresses.is_empty() {
            let context = builder.x509v3_context(None, None);
            let extension = names.build(&context).unwrap();
            builder.append_extension(extension).unwrap();
        }
    }
    match issuer {
        Some(issuer) => {
            builder.set_issuer_name(issuer.certificate.subject_name()).unwrap();
            builder.sign(&issuer.key, MessageDigest::sha256()).unwrap();
        }
        None => {
            builder.set_issuer_name(&name).unwrap();
            builder.sign(&key, MessageDigest::sha256()).unwrap();
        }
    }
    Pair { certificate: builder.build(), key }
}

impl Pair {
    pub(crate) fn write_certificate(&self, path: &Path) {
        write(path, &self.certificate.to_pem().unwrap(), 0o644);
    }

    pub(crate) fn write_key(&self, path: &Path, mode: u32) {
        write(path, &self.key.private_key_to_pem_pkcs8().unwrap(), mode);
    }

    pub(crate) fn write_encrypted_key(&self, path: &Path, passphrase: &str) {
        let cipher = Cipher::aes_256_cbc();
        let pem = self.key.private_key_to_pem_pkcs8_passphrase(cipher, passphrase.as_bytes());
        write(path, &pem.unwrap(), 0o600);
    }
}

pub(crate) fn write(path: &Path, bytes: &[u8], mode: u32) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}
