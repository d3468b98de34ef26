//! Whether a certificate is one for a host, by libpq's rules: the alternative names, and the common
//! name where there is none of the host's own kind.

use openssl::nid::Nid;
use openssl::x509::X509Ref;
use std::net::IpAddr;

/// Whether the certificate is one for this host.
pub(crate) fn matches(certificate: &X509Ref, host: &str) -> bool {
    let address: Option<IpAddr> = host.parse().ok();
    let mut by_common_name = true;
    for name in certificate.subject_alt_names().into_iter().flatten() {
        if let Some(dns) = name.dnsname() {
            by_common_name &= address.is_some();
            if fits(dns, host) {
                return true;
            }
        } else if let Some(bytes) = name.ipaddress() {
            by_common_name &= address.is_none();
            if address.is_some_and(|address| is_same(address, bytes)) {
                return true;
            }
        }
    }
    by_common_name && common_name(certificate).is_some_and(|name| fits(&name, host))
}

/// The names that a certificate is for, in words.
pub(crate) fn names(certificate: &X509Ref) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in certificate.subject_alt_names().into_iter().flatten() {
        let address = || match name.ipaddress()? {
            [a, b, c, d] => Some(IpAddr::from([*a, *b, *c, *d]).to_string()),
            bytes => Some(IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?).to_string()),
        };
        names.extend(name.dnsname().map(str::to_owned).or_else(address));
    }
    if names.is_empty() {
        names.extend(common_name(certificate));
    }
    names
}

fn common_name(certificate: &X509Ref) -> Option<String> {
    let entry = certificate.subject_name().entries_by_nid(Nid::COMMONNAME).next()?;
    // A NUL within a name would hide what stands behind it.
    let name = entry.data().to_string().ok()?;
    (!name.contains('\0')).then_some(name)
}

fn is_same(address: IpAddr, bytes: &[u8]) -> bool {
    match address {
        IpAddr::V4(address) => address.octets() == bytes,
        IpAddr::V6(address) => address.octets() == bytes,
    }
}

/// `*.example.com` fits one more word before the dot.
fn fits(pattern: &str, host: &str) -> bool {
    if pattern.eq_ignore_ascii_case(host) {
        return true;
    }
    let Some(end) = pattern.strip_prefix('*').filter(|end| end.starts_with('.') && end.len() > 1)
    else {
        return false;
    };
    let (Some(first), true) = (host.find('.'), host.len() >= pattern.len()) else { return false };
    host.get(first..).is_some_and(|rest| rest.eq_ignore_ascii_case(end))
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_wildcard_stands_for_one_word() {
        for (pattern, host, expected) in [
            ("db.example.com", "DB.example.com", true),
            ("*.example.com", "db.example.com", true),
            ("*.example.com", "a.db.example.com", false),
            ("*.example.com", "example.com", false),
            ("*", "db", false),
            ("*.", "a.", false),
            ("d*.example.com", "db.example.com", false),
        ] {
            assert_eq!(fits(pattern, host), expected, "{pattern} {host}");
        }
    }
}
