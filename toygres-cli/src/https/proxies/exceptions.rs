//! `NO_PROXY`: what is reached directly.

use ipnet::IpNet;
use std::net::IpAddr;

/// One entry.
#[derive(Debug, Clone)]
enum Exception {
    Network(IpNet),
    Address(IpAddr, Option<u16>),
    /// A name with all names below it; with `below_only` these alone.
    Domain {
        name: String,
        below_only: bool,
        port: Option<u16>,
    },
}

/// The entries of the variable.
#[derive(Debug, Clone, Default)]
pub(super) struct NoProxy {
    everything: bool,
    exceptions: Vec<Exception>,
}

impl NoProxy {
    /// Reads a list: `*`, addresses, networks, and domains, each of them with a port where only
    /// that one is meant. What cannot be read covers nothing.
    pub(super) fn parse(text: &str) -> Self {
        let entries = text.split([',', ' ', '\t']).map(|entry| entry.trim().to_ascii_lowercase());
        let mut this = Self::default();
        for entry in entries.filter(|entry| !entry.is_empty()) {
            match entry.as_str() {
                "*" => this.everything = true,
                entry => this.exceptions.extend(Exception::parse(entry)),
            }
        }
        this
    }

    /// Whether this host is reached directly at this port; an IPv6 address may be in brackets.
    pub(super) fn covers(&self, host: &str, port: u16) -> bool {
        let host = host.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
        let address = host.parse::<IpAddr>().ok();
        self.everything
            || self.exceptions.iter().any(|exception| exception.covers(&host, address, port))
    }
}

impl Exception {
    fn parse(entry: &str) -> Option<Self> {
        if let Ok(network) = entry.parse() {
            return Some(Self::Network(network));
        }
        if let Ok(address) = entry.trim_matches(['[', ']']).parse() {
            return Some(Self::Address(address, None));
        }
        let (name, port) = match entry.rsplit_once(':') {
            Some((name, port)) => (name, Some(port.parse().ok()?)),
            None => (entry, None),
        };
        if let Ok(address) = name.trim_matches(['[', ']']).parse() {
            return Some(Self::Address(address, port));
        }
        let name = name.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(name);
        let (name, below_only) = match name.strip_prefix('.') {
            Some(name) => (name, true),
            None => (name, false),
        };
        let name = name.trim_end_matches('.').to_owned();
        (!name.is_empty()).then_some(Self::Domain { name, below_only, port })
    }

    fn covers(&self, host: &str, address: Option<IpAddr>, port: u16) -> bool {
        match self {
            Self::Network(network) => address.is_some_and(|address| network.contains(&address)),
            Self::Address(expected, of_port) => {
                address == Some(*expected) && of_port.is_none_or(|of_port| of_port == port)
            }
            Self::Domain { name, below_only, port: of_port } => {
                let below =
                    host.strip_suffix(name.as_str()).is_some_and(|rest| rest.ends_with('.'));
                (below || !below_only && host == name)
                    && of_port.is_none_or(|of_port| of_port == port)
            }
        }
    }
}

/// Whether a host is this machine by its name or address.
pub(super) fn is_on_this_machine(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::NoProxy;

    #[test]
    fn entries_cover_what_they_name() {
        for (list, host, port, expected) in [
            ("*", "h", 1, true),
            ("a,*,b", "h", 1, true),
            ("h", "h", 1, true),
            ("H.", "h", 1, true),
            ("example.com", "a.example.com", 1, true),
            ("example.com", "notexample.com", 1, false),
            (".example.com", "example.com", 1, false),
            (".example.com", "a.example.com", 1, true),
            ("*.example.com", "a.example.com", 1, true),
            ("h:443", "h", 443, true),
            ("h:443", "h", 6443, false),
            ("10.0.0.0/8", "10.1.2.3", 1, true),
            ("10.0.0.0/8", "11.1.2.3", 1, false),
            ("10.1.2.3", "10.1.2.3", 1, true),
            ("10.1.2.3:6443", "10.1.2.3", 443, false),
            ("fd00::/8", "[fd00::1]", 1, true),
            ("[fd00::1]:443", "[fd00::1]", 443, true),
            ("a, b ,,c", "c", 1, true),
            ("h:port", "h", 1, false),
            ("", "h", 1, false),
        ] {
            assert_eq!(NoProxy::parse(list).covers(host, port), expected, "{list} {host}:{port}");
        }
    }
}
