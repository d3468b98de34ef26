//! Free loopback ports that are kept.
//!
//! They are taken from below the range that systems give to outgoing connections, so that none of
//! these sits on a port while its owner is down.

use std::net::{Ipv4Addr, TcpListener};
use toygres_plugin_api::{Error, Result};
use uuid::Uuid;

const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// A port that nothing listens on now and that `taken` does not know.
pub(crate) fn free(taken: impl Fn(u16) -> bool) -> Result<u16> {
    let [one, two, ..] = Uuid::new_v4().into_bytes();
    let start = u16::from_be_bytes([one, two]) % COUNT;
    (0..COUNT)
        .map(|step| FIRST + (start + step) % COUNT)
        .find(|port| !taken(*port) && is_free(*port))
        .ok_or_else(|| {
            Error::failed(format!("no port between {FIRST} and {} is free", FIRST + COUNT - 1))
                .hint("see what listens: ss -ltnp")
        })
}

/// Whether nothing listens on a loopback port.
pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::{COUNT, FIRST, free, is_free};
    use std::net::{Ipv4Addr, TcpListener};

    #[test]
    fn a_port_that_is_taken_is_not_given() {
        let port = free(|_| false).unwrap();
        assert!((FIRST..FIRST + COUNT).contains(&port) && is_free(port));
        let _listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        assert!(!is_free(port));
        assert!(free(|port| port != FIRST).is_ok_and(|port| port == FIRST) || !is_free(FIRST));
        assert!(free(|_| true).is_err());
    }
}
