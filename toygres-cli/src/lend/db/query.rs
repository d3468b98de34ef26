//! One statement: a read-only transaction, a cursor, rows in batches.

use super::connect::Connection;
use super::errors;
use super::lock_watch::LockWatch;
use super::settings::{self, Begun, TransactionKind};
use crate::lend::clock::RecordClock;
use crate::lend::interrupt::Interrupt;
use crate::memory::Reservation;
use futures_util::TryStreamExt;
use std::pin::pin;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{Format, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{SimpleQueryMessage, Statement};
use toygres_plugin_api::batch::RowBatch;
use toygres_plugin_api::protocol::{DbExecute, DbQuery};
use toygres_plugin_api::report::{StreamColumn, StreamKind};
use toygres_plugin_api::{Error, Result};

/// How long a statement may take, and what ends it before.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    pub(super) statement: Duration,
    pub(super) interrupt: Interrupt,
    /// The watch over a typed statement's locks.
    pub(super) lock_watch: Option<LockWatch>,
    /// Where the database's clock is kept.
    pub(super) clock: RecordClock,
}

/// The server's own limit comes first; ours is for a server that does not answer at all.
const GRACE: Duration = Duration::from_millis(750);
/// How long a request to cancel may take.
const CANCEL: Duration = Duration::from_millis(750);
/// Rows of the first `FETCH`: enough for a screen, soon.
const FIRST_ROWS: usize = 128;
/// Bytes of a batch that make a crossing cheap and keep memory flat.
const BATCH_BYTES: usize = 256 * 1024;
const MOST_ROWS: usize = 8192;

/// Rows on their way, with the memory that is taken for the large ones among them.
#[derive(Debug)]
pub(super) struct ReservedBatch {
    pub(super) batch: RowBatch,
    pub(super) reservations: Vec<Reservation>,
}

impl From<RowBatch> for ReservedBatch {
    fn from(batch: RowBatch) -> Self {
        Self { batch, reservations: Vec::new() }
    }
}

/// A statement whose rows can be fetched.
pub(super) struct Opened {
    pub(super) columns: Vec<StreamColumn>,
    rows: RowSource,
    deadline: Instant,
    typed: Option<String>,
}

enum RowSource {
    /// Rows of the cursor, some at a time.
    Cursor(String),
    /// A plugin's own statement as a whole, with the name under which it is prepared.
    Prepared(String, String),
    /// One that cannot be a cursor (`EXPLAIN`, `SHOW`); PostgreSQL has said that the statement is
    /// one and gives rows.
    Direct(String),
}

/// Begins a transaction with all its settings.
pub(super) async fn begin(
    connection: &Connection,
    kind: TransactionKind,
    limits: &Limits,
) -> Result<Begun> {
    let sql = settings::begin(kind, limits);
    let messages = within(connection, limits, connection.client().simple_query(&sql), None).await?;
    let begun = settings::check(kind, &messages)?;
    if let Some(ms) = begun.clock_ms {
        limits.clock.set_ms(ms);
    }
    Ok(begun)
}

/// Opens a statement in the transaction that is under way.
pub(super) async fn open(
    connection: &mut Connection,
    query: &DbQuery,
    limits: &Limits,
) -> Result<Opened> {
    let typed = query.untrusted.then(|| query.sql.clone());
    if query.binds.iter().flatten().any(|bind| bind.contains('\0')) {
        return Err(Error::usage("a parameter holds a NUL byte").hint("remove it"));
    }
    if query.sql.contains('\0') {
        return Err(Error::usage("the statement holds a NUL byte").hint("remove it"));
    }
    let deadline = Instant::now() + limits.statement;
    // The extended protocol takes exactly one statement; PostgreSQL says what it gives.
    let statement =
        within(connection, limits, connection.client().prepare(&query.sql), typed.as_deref());
    let statement = statement.await?;
    check_binds(&statement, query)?;
    let columns = statement.columns().iter().map(column).collect();
    let name = connection.next_name();
    if !query.untrusted {
        let rows = prepared(&name, query);
        connection.prepared.push(name);
        return Ok(Opened { columns, rows, deadline, typed });
    }
    let rows = match declare(connection, &name, query, limits).await {
        Ok(()) => RowSource::Cursor(name),
        Err(error) if is_no_cursor(&error) => direct(connection, &statement, query, limits).await?,
        Err(error) => return Err(told(connection, &error, limits, typed.as_deref())),
    };
    Ok(Opened { columns, rows, deadline, typed })
}

fn check_binds(statement: &Statement, query: &DbQuery) -> Result<()> {
    let (expected, given) = (statement.params().len(), query.binds.len());
    if expected == given {
        return Ok(());
    }
    let message = format!("the statement has {expected} parameter(s), {given} given");
    Err(if query.untrusted {
        Error::usage(message).hint("give one `--param VALUE` for each of `$1`, `$2`, …")
    } else {
        Error::plugin(message)
    })
}

/// A plugin's own statement is prepared and executed as a whole: PostgreSQL plans no parallel query
/// for a cursor. Binds become literals here, which the simple protocol needs and PostgreSQL reads
/// as the types that it inferred; the transaction holds it read-only all the same. All goes in one
/// message, so that a long way to the database is gone once, and the statement is given up in it:
/// behind a pooler it would be left to others.
fn prepared(name: &str, query: &DbQuery) -> RowSource {
    let literals: Vec<String> = query.binds.iter().map(|bind| literal(bind.as_deref())).collect();
    let binds =
        if literals.is_empty() { String::new() } else { format!("({})", literals.join(", ")) };
    // The line break ends a comment, should the statement end with one.
    RowSource::Prepared(
        name.to_owned(),
        format!("PREPARE {name} AS\n{}\n;EXECUTE {name}{binds};DEALLOCATE {name}", query.sql),
    )
}

/// A text as a literal that needs no setting to be read right.
fn literal(bind: Option<&str>) -> String {
    match bind {
        None => "NULL".to_owned(),
        Some(text) => format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''")),
    }
}

/// A cursor for the statement, by the extended protocol.
async fn declare(
    connection: &Connection,
    name: &str,
    query: &DbQuery,
    limits: &Limits,
) -> std::result::Result<(), Ended> {
    // The line break ends a comment, should the statement begin after one.
    let declare = format!("DECLARE {name} NO SCROLL CURSOR FOR\n{}", query.sql);
    let binds: Vec<TextBind<'_>> =
        query.binds.iter().map(|bind| TextBind(bind.as_deref())).collect();
    let binds: Vec<&(dyn ToSql + Sync)> = binds.iter().map(|bind| bind as _).collect();
    race(connection, limits, async {
        let statement = connection.client().prepare(&declare).await?;
        connection.client().execute(&statement, &binds).await
    })
    .await?;
    Ok(())
}

/// Only a `SELECT` or `VALUES` can be a cursor; PostgreSQL's parser says so of all others.
fn is_no_cursor(ended: &Ended) -> bool {
    matches!(ended, Ended::Failed(error) if error.code() == Some(&SqlState::SYNTAX_ERROR))
}

/// The transaction is aborted by now. A new one, as read-only as the first, takes the statement as
/// it is, provided that PostgreSQL's description says that rows come back.
async fn direct(
    connection: &Connection,
    statement: &Statement,
    query: &DbQuery,
    limits: &Limits,
) -> Result<RowSource> {
    if statement.columns().is_empty() {
        return Err(Error::refused("the statement gives no rows: only what reads is run here")
            .hint("change data through toygres' own commands, or with psql"));
    }
    if query.session.is_some() || !query.binds.is_empty() {
        return Err(Error::usage("only SELECT, VALUES and TABLE can have parameters"));
    }
    // In one message: a pooler must not hand the session on in between.
    let again = format!("ROLLBACK; {}", settings::begin(TransactionKind::Typed, limits));
    let messages =
        within(connection, limits, connection.client().simple_query(&again), None).await?;
    settings::check(TransactionKind::Typed, &messages)?;
    Ok(RowSource::Direct(query.sql.clone()))
}

/// Fetches all rows into the channel. Whether the connection is still good afterwards.
pub(super) async fn fetch(
    connection: &mut Connection,
    opened: Opened,
    limits: &Limits,
    sender: &mpsc::Sender<ReservedBatch>,
) -> bool {
    let left = Limits {
        statement: opened.deadline.saturating_duration_since(Instant::now()),
        ..limits.clone()
    };
    let fetching = async {
        match &opened.rows {
            RowSource::Direct(sql) | RowSource::Prepared(_, sql) => {
                rows_of(connection, sql, opened.columns.len(), sender).await.map(|_| ())
            }
            RowSource::Cursor(name) => {
                let mut rows = FIRST_ROWS;
                loop {
                    let fetch = format!("FETCH {rows} FROM {name}");
                    let got = rows_of(connection, &fetch, opened.columns.len(), sender).await?;
                    if got < rows || sender.is_closed() {
                        break;
                    }
                    rows = MOST_ROWS;
                }
                let close = format!("CLOSE {name}");
                connection.client().batch_execute(&close).await
            }
        }
    };
    // Whoever reads the rows may stop listening at any moment.
    let ended = tokio::select! {
        ended = race(connection, &left, fetching) => ended,
        () = sender.closed() => {
            connection.cancel(CANCEL).await;
            return false;
        }
    };
    let Err(ended) = ended else {
        if let RowSource::Prepared(name, _) = &opened.rows {
            connection.prepared.retain(|prepared| prepared != name);
        }
        return true;
    };
    let typed = opened.typed.as_deref();
    let error = match &ended {
        Ended::Failed(error) if connection.refused().is_none() && !limits.interrupt.is_raised() => {
            errors::rows(error, typed)
        }
        _ => told(connection, &ended, limits, typed),
    };
    // Nobody may be listening any more.
    let _unheard = sender.send(RowBatch::failed(&error).into()).await;
    matches!(ended, Ended::Failed(error) if error.as_db_error().is_some())
}

/// The rows of one text by the simple protocol: every value as PostgreSQL's own text.
async fn rows_of(
    connection: &Connection,
    sql: &str,
    columns: usize,
    sender: &mpsc::Sender<ReservedBatch>,
) -> std::result::Result<usize, tokio_postgres::Error> {
    let mut messages = pin!(connection.client().simple_query_raw(sql).await?);
    let mut batch = ReservedBatch::from(RowBatch::new(columns));
    let mut rows = 0;
    while let Some(message) = messages.try_next().await? {
        let SimpleQueryMessage::Row(row) = message else { continue };
        let before = batch.batch.bytes().len();
        for column in 0..columns {
            batch.batch.push(row.try_get(column)?.map(str::as_bytes));
        }
        batch.batch.push_empty_row();
        rows += 1;
        let after = batch.batch.bytes().len();
        batch.reservations.extend(connection.wire.take_reservation(after - before, row.len()));
        if after >= BATCH_BYTES || batch.batch.rows() >= MOST_ROWS {
            let next = ReservedBatch::from(RowBatch::new(columns));
            if sender.send(std::mem::replace(&mut batch, next)).await.is_err() {
                return Ok(rows);
            }
        }
    }
    if batch.batch.rows() > 0 {
        // A closed channel is seen by the caller.
        let _unheard = sender.send(batch).await;
    }
    Ok(rows)
}

/// Runs a statement that changes something, in a session whose transaction allows it.
pub(super) async fn execute(
    connection: &mut Connection,
    execute: &DbExecute,
    limits: &Limits,
) -> Result<u64> {
    let binds: Vec<TextBind<'_>> =
        execute.binds.iter().map(|bind| TextBind(bind.as_deref())).collect();
    let binds: Vec<&(dyn ToSql + Sync)> = binds.iter().map(|bind| bind as _).collect();
    let running = connection.client().execute(execute.sql.as_str(), &binds);
    within(connection, limits, running, None).await
}

/// Keeps what a session wrote.
pub(super) async fn commit(connection: &mut Connection, limits: &Limits) -> Result<()> {
    let sql = ending(connection, "COMMIT");
    within(connection, limits, connection.client().batch_execute(&sql), None).await
}

/// Gives the transaction up. Whether the connection is still good.
pub(super) async fn rollback(connection: &mut Connection, limits: &Limits) -> bool {
    let sql = ending(connection, "ROLLBACK");
    match race(connection, limits, connection.client().batch_execute(&sql)).await {
        Ok(()) => true,
        // The transaction is over; a statement that failed was perhaps never prepared.
        Err(Ended::Failed(error)) => error.code() == Some(&SqlState::INVALID_SQL_STATEMENT_NAME),
        Err(_) => false,
    }
}

/// Gives up what a typed statement may have taken for its session: behind a pooler that session is
/// another's next.
pub(super) async fn rollback_typed(connection: &Connection, limits: &Limits) {
    // The locks are what is given up here.
    let limits = &Limits { lock_watch: None, ..limits.clone() };
    let sql = "ROLLBACK; SELECT pg_catalog.pg_advisory_unlock_all()";
    let _closed_otherwise = race(connection, limits, connection.client().batch_execute(sql)).await;
}

/// The end of a transaction, and of the statements that are still prepared: in one message, which
/// a pooler gives to one session.
fn ending(connection: &mut Connection, end: &str) -> String {
    let mut sql = end.to_owned();
    for name in std::mem::take(&mut connection.prepared) {
        sql.push_str("; DEALLOCATE ");
        sql.push_str(&name);
    }
    sql
}

/// Why a wait ended without an answer.
enum Ended {
    Failed(tokio_postgres::Error),
    Late,
    Interrupted,
    /// The statement has an advisory lock.
    Locked,
}

impl From<tokio_postgres::Error> for Ended {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Failed(error)
    }
}

/// Waits for an answer, the deadline or Ctrl-C; the latter two stop the statement on the server.
async fn race<T>(
    connection: &Connection,
    limits: &Limits,
    answer: impl Future<Output = std::result::Result<T, tokio_postgres::Error>>,
) -> std::result::Result<T, Ended> {
    tokio::select! {
        answer = answer => answer.map_err(Ended::Failed),
        () = tokio::time::sleep(limits.statement + GRACE) => {
            connection.cancel(CANCEL).await;
            Err(Ended::Late)
        }
        () = locked(limits) => {
            connection.cancel(CANCEL).await;
            Err(Ended::Locked)
        }
        () = limits.interrupt.wait() => {
            connection.cancel(CANCEL).await;
            Err(Ended::Interrupted)
        }
    }
}

async fn locked(limits: &Limits) {
    match &limits.lock_watch {
        Some(watch) => watch.wait().await,
        None => std::future::pending().await,
    }
}

async fn within<T>(
    connection: &Connection,
    limits: &Limits,
    answer: impl Future<Output = std::result::Result<T, tokio_postgres::Error>>,
    typed: Option<&str>,
) -> Result<T> {
    race(connection, limits, answer).await.map_err(|ended| told(connection, &ended, limits, typed))
}

fn told(connection: &Connection, ended: &Ended, limits: &Limits, typed: Option<&str>) -> Error {
    let refused = connection.refused().filter(|_| matches!(ended, Ended::Failed(_)));
    match ended {
        Ended::Failed(_) if limits.interrupt.is_raised() => errors::interrupted(),
        Ended::Failed(error) => match refused {
            Some(refused) => errors::oversize(refused, &connection.wire.limits, typed.is_some()),
            None => errors::statement(error, typed),
        },
        Ended::Late => errors::late(limits.statement),
        Ended::Interrupted => errors::interrupted(),
        Ended::Locked => errors::locked(),
    }
}

/// How a column's text becomes JSON.
fn column(column: &tokio_postgres::Column) -> StreamColumn {
    let kind = match *column.type_() {
        Type::BOOL => StreamKind::Bool,
        Type::INT2 | Type::INT4 | Type::INT8 | Type::OID => StreamKind::Integer,
        Type::FLOAT4 | Type::FLOAT8 | Type::NUMERIC => StreamKind::Number,
        Type::JSON | Type::JSONB => StreamKind::Json,
        Type::TIMESTAMPTZ => StreamKind::Timestamp,
        _ => StreamKind::Text,
    };
    StreamColumn {
        name: column.name().to_owned(),
        type_name: column.type_().name().to_owned(),
        kind,
    }
}

/// A parameter as text: PostgreSQL reads it as whatever type the statement wants there.
#[derive(Debug)]
struct TextBind<'a>(Option<&'a str>);

impl ToSql for TextBind<'_> {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        let Some(text) = self.0 else { return Ok(IsNull::Yes) };
        out.extend_from_slice(text.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}

#[cfg(test)]
mod tests {
    use super::literal;

    #[test]
    fn no_text_ends_its_literal() {
        assert_eq!(literal(Some("a'b\\'c")), "E'a''b\\\\''c'");
        assert_eq!(literal(None), "NULL");
        assert_eq!(literal(Some("")), "E''");
    }
}
