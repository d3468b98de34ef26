//! Advisory locks of a typed statement.
//!
//! A read-only transaction can take advisory locks, of the session even, and the control plane and
//! its workflows agree by locks of this kind: one that is held blocks a start, a creation, a
//! deletion. So a statement that runs for a while is looked at from a second session, and ended
//! when it holds such a lock, or waits for one. Its own session is closed with the statement.

use super::connect::Connection;
use super::target::Target;
use crate::lend::interrupt::Interrupt;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_postgres::SimpleQueryMessage;

/// A statement that ends before this is not looked at.
const FIRST_CHECK: Duration = Duration::from_millis(500);
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The watch over one statement; it ends when all who have it are gone.
#[derive(Debug, Clone)]
pub(super) struct LockWatch {
    taken: Interrupt,
    _task: Arc<AbortOnDrop>,
}

#[derive(Debug)]
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl LockWatch {
    /// Begins to watch the session of this process of the server.
    pub(super) fn begin(target: &Target, backend_pid: i32) -> Self {
        let taken = Interrupt::default();
        let (target, raised) = (target.clone(), taken.clone());
        let task = tokio::spawn(async move {
            tokio::time::sleep(FIRST_CHECK).await;
            loop {
                // Where there is no connection left the statement's own limit of time has to do.
                if let Ok(connection) = Connection::open(&target).await {
                    wait_for_lock(&connection, backend_pid, &raised).await;
                }
                tokio::time::sleep(CHECK_INTERVAL).await;
            }
        });
        Self { taken, _task: Arc::new(AbortOnDrop(task)) }
    }

    /// Ready when the statement has, or wants, an advisory lock.
    pub(super) async fn wait(&self) {
        self.taken.wait().await;
    }
}

/// Looks until there is a lock, or the connection is gone.
async fn wait_for_lock(connection: &Connection, backend_pid: i32, raised: &Interrupt) {
    let sql = format!(
        "SELECT 1 FROM pg_catalog.pg_locks WHERE pid = {backend_pid} AND locktype = 'advisory' \
         LIMIT 1"
    );
    while let Ok(messages) = connection.client().simple_query(&sql).await {
        if messages.iter().any(|message| matches!(message, SimpleQueryMessage::Row(_))) {
            raised.raise();
        }
        tokio::time::sleep(CHECK_INTERVAL).await;
    }
}
