//! The metadata database: lazy connections, read-only transactions, rows in batches.
//!
//! Each query without a session runs as `BEGIN READ ONLY` with its settings, a cursor for the
//! statement, `FETCH` in batches, `ROLLBACK`; no session keeps anything. PostgreSQL holds the line: one statement only (extended protocol), no
//! writing (read-only transaction), nothing kept (never a commit).

mod connect;
mod errors;
mod lock_watch;
mod query;
mod settings;
mod target;
mod wire;

use super::clock::RecordClock;
use super::grants::Grants;
use super::interrupt::Interrupt;
use crate::memory::Reservation;
use crate::settings::Settings;
use connect::Connection;
use lock_watch::LockWatch;
use query::{Limits, ReservedBatch};
use settings::TransactionKind;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use target::Target;
pub(super) use target::no_database;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use toygres_connect::HostEntry;
use toygres_plugin_api::batch::RowBatch;
use toygres_plugin_api::protocol::{DbBegin, DbEnd, DbExecute, DbQuery, DbSession, DbTarget};
use toygres_plugin_api::report::StreamRef;
use toygres_plugin_api::typed::values::MAX_DURATION_MS;
use toygres_plugin_api::{Error, Result};

/// The most connections of one run.
const MAX_CONNECTIONS: usize = 5;
/// The most bytes of rows that one statement of a session may hold until they are read; less where
/// others share this process's memory.
const MAX_HELD_BYTES: usize = 64 * 1024 * 1024;
const MAX_SERVED_HELD_BYTES: usize = 32 * 1024 * 1024;

/// The metadata database as it is lent to one run.
#[derive(Debug, Clone)]
pub struct Database(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    target: Result<Target>,
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
    sessions: Mutex<HashMap<u64, Session>>,
    streams: Mutex<HashMap<u64, Arc<tokio::sync::Mutex<Stream>>>>,
    next: AtomicU64,
    grants: Grants,
    interrupt: Interrupt,
    warnings: Mutex<Vec<String>>,
    /// The server that answered last.
    answered: Mutex<Option<HostEntry>>,
    clock: RecordClock,
}

/// A transaction that several statements share: its connection, while no statement uses it.
type Session = Arc<tokio::sync::Mutex<Option<Leased>>>;

/// The rows of one query.
#[derive(Debug)]
struct Stream {
    batches: mpsc::Receiver<ReservedBatch>,
    /// The memory of the rows that were handed out last: whoever asks for more is done with them.
    reservations: Vec<Reservation>,
}

/// A connection with its place among the most there may be.
#[derive(Debug)]
struct Leased {
    connection: Connection,
    permit: OwnedSemaphorePermit,
}

impl Database {
    /// The database that the settings name. Nothing is connected yet. `served` says that what it
    /// answers is for somebody else, with whom others share this process's memory.
    #[must_use]
    pub fn new(settings: &Settings, grants: Grants, interrupt: Interrupt, served: bool) -> Self {
        Self(Arc::new(Inner {
            target: Target::of(settings, served),
            idle: Mutex::default(),
            permits: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
            sessions: Mutex::default(),
            streams: Mutex::default(),
            next: AtomicU64::new(1),
            grants,
            interrupt,
            warnings: Mutex::default(),
            answered: Mutex::default(),
            clock: RecordClock::default(),
        }))
    }

    /// The database's clock, as far as it was seen.
    pub(crate) fn clock(&self) -> &RecordClock {
        &self.0.clock
    }

    /// Which database it is: nothing secret.
    ///
    /// # Errors
    /// When none is configured.
    pub fn target(&self) -> Result<DbTarget> {
        let target = self.0.target.as_ref().map_err(Clone::clone)?;
        Ok(target.public(lock(&self.0.answered).as_ref(), MAX_CONNECTIONS))
    }

    /// Runs a statement; its rows come through [`Self::next_rows`].
    ///
    /// # Errors
    /// When the database cannot be reached, or refuses the statement before its first row.
    pub async fn query(&self, query: DbQuery) -> Result<StreamRef> {
        let mut limits = self.limits(query.timeout_ms)?;
        if let Some(session) = query.session {
            return self.query_in(session, query, limits).await;
        }
        let mut leased = self.lease().await?;
        let kind = match query.untrusted {
            true => TransactionKind::Typed,
            false => TransactionKind::Plugin,
        };
        let begun = query::begin(&leased.connection, kind, &limits).await?;
        if query.untrusted && begun.superuser {
            self.warn(
                "this role is a superuser: functions with effects outside the transaction \
                       (`pg_terminate_backend`, `pg_reload_conf`, …) are not held back; use a role \
                       with fewer rights",
            );
        }
        if query.untrusted {
            let target = self.0.target.as_ref().map_err(Clone::clone)?;
            limits.lock_watch = Some(LockWatch::begin(target, begun.backend_pid));
        }
        let opened = match query::open(&mut leased.connection, &query, &limits).await {
            Ok(opened) => opened,
            Err(error) if query.untrusted => return Err(error),
            Err(error) => {
                self.give_back_after_failure(leased, &limits);
                return Err(error);
            }
        };
        let columns = opened.columns.clone();
        let (sender, receiver) = mpsc::channel(2);
        let id = self.keep_stream(receiver);
        // Not the database itself, which holds the other end: rows that nobody can ask for any more
        // must end the statement.
        let database = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            let whole = query::fetch(&mut leased.connection, opened, &limits, &sender).await;
            // What a typed statement left in its session, such as locks of the session, goes with it.
            if query.untrusted {
                if whole {
                    query::rollback_typed(&leased.connection, &limits).await;
                }
                return;
            }
            if whole
                && query::rollback(&mut leased.connection, &limits).await
                && let Some(database) = database.upgrade()
            {
                Self(database).give_back(leased);
            }
        });
        Ok(StreamRef { id, columns, limit: None })
    }

    async fn query_in(&self, session: u64, query: DbQuery, limits: Limits) -> Result<StreamRef> {
        let session = self.session(session)?;
        let mut slot = session.lock_owned().await;
        let leased = slot.as_mut().ok_or_else(ended)?;
        let opened = query::open(&mut leased.connection, &query, &limits).await?;
        let columns = opened.columns.clone();
        // All rows are taken at once: the next statement of the session must not wait for whoever
        // reads these.
        let (sender, mut rows) = mpsc::channel::<ReservedBatch>(2);
        let (all, receiver) = mpsc::channel(1 << 16);
        let id = self.keep_stream(receiver);
        let is_served = leased.connection.wire.limits.budget.is_some();
        let most = if is_served { MAX_SERVED_HELD_BYTES } else { MAX_HELD_BYTES };
        let passing = async {
            let mut held = 0;
            while let Some(mut reserved) = rows.recv().await {
                // Kept until they are read: they must not stand in the way of the rows after them.
                reserved.reservations.clear();
                held += reserved.batch.bytes().len();
                let too_large = held > most;
                if too_large {
                    reserved = RowBatch::failed(&errors::too_many_held(most)).into();
                }
                if all.send(reserved).await.is_err() || too_large {
                    break;
                }
            }
        };
        let fetching = async {
            query::fetch(&mut leased.connection, opened, &limits, &sender).await;
            drop(sender);
        };
        tokio::join!(fetching, passing);
        Ok(StreamRef { id, columns, limit: None })
    }

    /// The next rows of a stream.
    pub async fn next_rows(&self, stream: u64) -> RowBatch {
        let Some(receiver) = lock(&self.0.streams).get(&stream).cloned() else {
            return RowBatch::failed(&Error::plugin(format!("there is no stream {stream}")));
        };
        let mut rows = receiver.lock().await;
        rows.reservations.clear();
        match rows.batches.recv().await {
            Some(reserved) => {
                rows.reservations = reserved.reservations;
                reserved.batch
            }
            None => {
                lock(&self.0.streams).remove(&stream);
                let mut end = RowBatch::default();
                end.finish();
                end
            }
        }
    }

    /// Stops a stream, on the server too.
    ///
    /// # Errors
    /// None; a stream that has ended is as good as closed.
    pub async fn close(&self, stream: u64) -> Result<()> {
        self.forget(stream);
        Ok(())
    }

    /// Nobody reads the rows of this stream any more.
    pub(crate) fn forget(&self, stream: u64) {
        // The task that fetches sees that nobody listens, cancels and rolls back.
        lock(&self.0.streams).remove(&stream);
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// When the database cannot be reached, or writing was not confirmed.
    pub async fn begin(&self, begin: DbBegin) -> Result<DbSession> {
        let granted = begin.confirmed.map(|token| self.0.grants.check(&token)).transpose()?;
        let limits = self.limits(None)?;
        let leased = self.lease().await?;
        let kind = match granted {
            None => TransactionKind::Snapshot,
            Some(_) => TransactionKind::Writing,
        };
        query::begin(&leased.connection, kind, &limits).await?;
        let session = self.0.next.fetch_add(1, Ordering::Relaxed);
        lock(&self.0.sessions).insert(session, Arc::new(tokio::sync::Mutex::new(Some(leased))));
        Ok(DbSession { session })
    }

    /// Runs a statement that changes something.
    ///
    /// # Errors
    /// When PostgreSQL refuses it, as it does in every session that may only read.
    pub async fn execute(&self, execute: DbExecute) -> Result<u64> {
        let limits = self.limits(None)?;
        let session = self.session(execute.session)?;
        let mut slot = session.lock_owned().await;
        let leased = slot.as_mut().ok_or_else(ended)?;
        query::execute(&mut leased.connection, &execute, &limits).await
    }

    /// Ends a transaction.
    ///
    /// # Errors
    /// When PostgreSQL cannot commit.
    pub async fn end(&self, end: DbEnd) -> Result<()> {
        let limits = self.limits(None)?;
        let session = self.session(end.session)?;
        lock(&self.0.sessions).remove(&end.session);
        let mut leased = session.lock_owned().await.take().ok_or_else(ended)?;
        if end.commit {
            query::commit(&mut leased.connection, &limits).await?;
        } else if !query::rollback(&mut leased.connection, &limits).await {
            return Ok(());
        }
        self.give_back(leased);
        Ok(())
    }

    /// Remarks that came up since the last call.
    #[must_use]
    pub fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.0.warnings))
    }

    fn warn(&self, text: &str) {
        let mut warnings = lock(&self.0.warnings);
        if !warnings.iter().any(|said| said == text) {
            warnings.push(text.to_owned());
        }
    }

    fn limits(&self, timeout_ms: Option<u64>) -> Result<Limits> {
        let target = self.0.target.as_ref().map_err(Clone::clone)?;
        let timeout = timeout_ms.map(|ms| Duration::from_millis(ms.min(MAX_DURATION_MS)));
        let statement = timeout.unwrap_or(target.statement_timeout);
        Ok(Limits {
            statement,
            interrupt: self.0.interrupt.clone(),
            lock_watch: None,
            clock: self.0.clock.clone(),
        })
    }

    async fn lease(&self) -> Result<Leased> {
        let target = self.0.target.as_ref().map_err(Clone::clone)?;
        let permit = self.0.permits.clone().acquire_owned().await;
        let permit = permit.map_err(|error| Error::failed("no connection is free").cause(error))?;
        let idle = lock(&self.0.idle).pop().filter(|connection| !connection.client().is_closed());
        let connection = match idle {
            Some(connection) => connection,
            None => {
                let opening = Connection::open(target);
                tokio::select! {
                    opened = opening => opened?,
                    () = self.0.interrupt.wait() => return Err(errors::interrupted()),
                }
            }
        };
        *lock(&self.0.answered) = Some(connection.host().clone());
        for warning in &target.database.warnings {
            self.warn(warning);
        }
        Ok(Leased { connection, permit })
    }

    fn give_back(&self, leased: Leased) {
        lock(&self.0.idle).push(leased.connection);
        drop(leased.permit);
    }

    fn give_back_after_failure(&self, mut leased: Leased, limits: &Limits) {
        let (database, limits) = (self.clone(), limits.clone());
        tokio::spawn(async move {
            if query::rollback(&mut leased.connection, &limits).await {
                database.give_back(leased);
            }
        });
    }

    fn session(&self, id: u64) -> Result<Session> {
        lock(&self.0.sessions).get(&id).cloned().ok_or_else(ended)
    }

    fn keep_stream(&self, batches: mpsc::Receiver<ReservedBatch>) -> u64 {
        let id = self.0.next.fetch_add(1, Ordering::Relaxed);
        lock(&self.0.streams).insert(
            id,
            Arc::new(tokio::sync::Mutex::new(Stream { batches, reservations: Vec::new() })),
        );
        id
    }
}

fn ended() -> Error {
    Error::plugin("the session has ended, or never was")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
