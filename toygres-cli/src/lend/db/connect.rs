//! Opening one connection.

use super::target::Target;
use super::wire::{MeteredStream, Oversize, Wire};
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::Client;
use toygres_connect::{HostEntry, Session, SessionOptions, open_session};
use toygres_plugin_api::Result;

/// The name that the server shows.
const APPLICATION_NAME: &str = "toygres";

/// One connection. Nothing is set for its session: behind a pooler the next transaction may be
/// another session's, so each brings its own settings (`settings`).
pub(super) struct Connection {
    pub(super) session: Session,
    pub(super) wire: Arc<Wire>,
    cursors: u64,
    /// Statements that were prepared and not yet given up.
    pub(super) prepared: Vec<String>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("session", &self.session).finish_non_exhaustive()
    }
}

impl Connection {
    /// Opens one within the deadline of the target.
    pub(super) async fn open(target: &Target) -> Result<Self> {
        let wire = Wire::new(target.message_limits.clone());
        let options = SessionOptions {
            application_name: APPLICATION_NAME,
            connect_timeout: target.connect_timeout,
        };
        let metered = |transport| MeteredStream::new(transport, wire.clone());
        let session = open_session(&target.database, options, metered).await;
        let session = session.map_err(|failure| failure.to_error(&target.database))?;
        Ok(Self { session, wire, cursors: 0, prepared: Vec::new() })
    }

    pub(super) fn client(&self) -> &Client {
        &self.session.client
    }

    /// The server that answered.
    pub(super) fn host(&self) -> &HostEntry {
        self.session.route.host()
    }

    /// The message of the database that was too large and ended this connection, if one did.
    pub(super) fn refused(&self) -> Option<Oversize> {
        self.wire.refused()
    }

    /// Asks the server to end what runs; a server that does not take the request within `timeout`
    /// is left to its own limit of time.
    pub(super) async fn cancel(&self, timeout: Duration) {
        let _best_effort = tokio::time::timeout(timeout, self.session.cancel()).await;
    }

    /// A name that no cursor or statement of this connection has had; nor one of another process,
    /// whose leftovers a pooler may hand on.
    pub(super) fn next_name(&mut self) -> String {
        self.cursors += 1;
        format!("toygres_{:x}_{}", *PROCESS_NUMBER, self.cursors)
    }
}

/// A number that no other process is likely to have.
static PROCESS_NUMBER: std::sync::LazyLock<u64> = std::sync::LazyLock::new(|| {
    use std::hash::{BuildHasher, Hasher, RandomState};
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.finish()
});
