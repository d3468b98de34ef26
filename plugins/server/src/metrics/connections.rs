//! What became of connections that there was no room for, and of those that went on for nothing.

use super::text::Text;
use crate::log::LogThrottle;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

/// What was counted so far.
#[derive(Debug, Default)]
pub(crate) struct ConnectionCounts {
    shed: AtomicU64,
    over_address: AtomicU64,
    for_probes_only: AtomicU64,
    write_timeouts: AtomicU64,
    accept_failures: AtomicU64,
    shed_log: LogThrottle,
    accept_log: LogThrottle,
}

impl ConnectionCounts {
    /// A silent connection went for a new one.
    pub(crate) fn shed(&self) {
        self.shed.fetch_add(1, Ordering::Relaxed);
        if let Some(unsaid) = self.shed_log.allow() {
            tracing::warn!(unsaid, "all connections are taken: silent ones are closed");
        }
    }

    /// One came from an address that has its share.
    pub(crate) fn over_address(&self) {
        self.over_address.fetch_add(1, Ordering::Relaxed);
    }

    /// One found room for probes only.
    pub(crate) fn for_probes_only(&self) {
        self.for_probes_only.fetch_add(1, Ordering::Relaxed);
    }

    /// One was closed because its client read nothing.
    pub(crate) fn write_timed_out(&self) {
        self.write_timeouts.fetch_add(1, Ordering::Relaxed);
    }

    /// One could not be taken.
    pub(crate) fn accept_failed(&self, error: &io::Error) {
        self.accept_failures.fetch_add(1, Ordering::Relaxed);
        if let Some(unsaid) = self.accept_log.allow() {
            tracing::warn!(%error, unsaid, "a connection could not be taken");
        }
    }

    pub(super) fn write(&self, (general, probes): (usize, usize), text: &mut Text) {
        text.family(
            "toygres_http_connections",
            "gauge",
            "Connections, by what they may be used for.",
        );
        for (pool, open) in [("general", general), ("probes", probes)] {
            text.sample(&[("pool", pool)], open as f64);
        }
        let counters = [
            (
                "toygres_http_connections_shed_total",
                "Silent connections that were closed for new ones.",
                &self.shed,
            ),
            (
                "toygres_http_connections_over_address_limit_total",
                "Connections from an address that had its share.",
                &self.over_address,
            ),
            (
                "toygres_http_connections_probes_only_total",
                "Connections that found room for probes only.",
                &self.for_probes_only,
            ),
            (
                "toygres_http_write_timeouts_total",
                "Connections that were closed because their clients read nothing.",
                &self.write_timeouts,
            ),
            (
                "toygres_http_accept_failures_total",
                "Connections that could not be taken.",
                &self.accept_failures,
            ),
        ];
        for (name, help, value) in counters {
            text.family(name, "counter", help);
            text.sample(&[], value.load(Ordering::Relaxed) as f64);
        }
    }
}
