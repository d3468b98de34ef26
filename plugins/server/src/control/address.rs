//! Connection strings, put together where somebody asks for one.

use super::cluster::Address;
use super::cms::Record;
use toygres_model::kubernetes::SUPERUSER;
use url::Url;

/// What stands for a password that was not asked for.
pub(super) const MASK: &str = "***";

/// The database that everybody may connect to.
const DATABASE: &str = "postgres";

impl Address {
    /// The connection string without a password, as the CMS keeps it.
    pub(super) fn url(&self) -> String {
        let Self { host, port } = self;
        // Only an IPv6 address has a colon in it.
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        format!("postgresql://{SUPERUSER}@{host}:{port}/{DATABASE}")
    }
}

/// The connection string with this password in it, encoded where a URL demands it.
pub(super) fn with_password(url: &str, password: &str) -> Option<String> {
    let mut url = Url::parse(url).ok()?;
    // `Url` takes a `%` for the begin of something encoded already.
    url.set_password(Some(&password.replace('%', "%25"))).ok()?;
    Some(url.into())
}

/// The password that an old deployment left in a connection string.
pub(super) fn old_password(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let decoded = percent_encoding::percent_decode_str(url.password()?).decode_utf8().ok()?;
    Some(decoded.into_owned()).filter(|password| !password.is_empty())
}

/// The host and the port of a connection string.
pub(super) fn of_url(url: &str) -> Option<Address> {
    let url = Url::parse(url).ok()?;
    let host = url.host_str()?.trim_start_matches('[').trim_end_matches(']').to_owned();
    Some(Address { host, port: url.port().unwrap_or(5432) })
}

/// The connection string that users get: by name where there is one, else by address.
pub(super) fn preferred(record: &Record) -> Option<&str> {
    let told = |url: &'_ Option<String>| url.as_ref().is_some_and(|url| !url.is_empty());
    [&record.dns_url, &record.ip_url]
        .into_iter()
        .find(|url| told(url))
        .and_then(|url| url.as_deref())
}

/// The whole DNS name of a label.
pub(super) fn dns_name(label: &str, suffix: Option<&str>) -> String {
    match suffix {
        Some(suffix) if !label.contains('.') => format!("{label}.{}", suffix.trim_matches('.')),
        _ => label.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, dns_name, of_url, old_password, with_password};

    #[test]
    fn passwords_of_every_kind_come_back_out() {
        let address = Address { host: "10.0.0.1".into(), port: 5433 };
        assert_eq!(address.url(), "postgresql://postgres@10.0.0.1:5433/postgres");
        for password in ["simple", "p@ss/w:rd?#", "50% ü \"'", "a%41", "100%", "***"] {
            let url = with_password(&address.url(), password).unwrap();
            assert_eq!(old_password(&url).as_deref(), Some(password), "{url}");
            assert_eq!(of_url(&url), Some(address.clone()));
        }
        assert!(with_password(&address.url(), "***").unwrap().contains(":***@"));
    }

    #[test]
    fn addresses_are_of_every_kind() {
        let six = Address { host: "fd00::1".into(), port: 1 };
        assert_eq!(six.url(), "postgresql://postgres@[fd00::1]:1/postgres");
        assert_eq!(of_url(&six.url()), Some(six));
        assert_eq!(of_url("nonsense"), None);
        assert_eq!(old_password("postgresql://postgres@x/y"), None);
    }

    #[test]
    fn a_label_gets_the_suffix_once() {
        assert_eq!(
            dns_name("a", Some("westus3.cloudapp.azure.com")),
            "a.westus3.cloudapp.azure.com"
        );
        assert_eq!(dns_name("a.b", Some("c")), "a.b");
        assert_eq!(dns_name("a", None), "a");
    }
}
