//! One statement: a read-only transaction, a cursor, rows in batches.

use super::connect::Connection;
use super::errors;
use super::lock_watch::LockWatch;
use crate::lend::clock::RecordClock;
use crate::lend::grants::Granted;
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
    /// One statement as a whole: a plugin's own, or one that cannot be a cursor (`EXPLAIN`, `SHOW`);
    /// PostgreSQL has said that the statement is one and gives rows.
    Direct(String),
}

/// Begins a read-only transaction and opens the statement in it.
pub(super) async fn begin(
    connection: &mut Connection,
    query: &DbQuery,
    limits: &Limits,
) -> Result<Opened> {
    let uncompiled = if query.untrusted { "" } else { UNCOMPILED };
    let begin = format!("BEGIN READ ONLY; {}{uncompiled}", timeout(limits));
    begin_transaction(connection, &begin, limits).await?;
    open(connection, query, limits).await
}

/// What the database's clock shows, in milliseconds since the epoch.
const CLOCK: &str =
    "SELECT (pg_catalog.date_part('epoch', pg_catalog.now()) * 1000)::pg_catalog.int8";

/// Begins a transaction, and takes note of the database's clock on the same way.
async fn begin_transaction(connection: &Connection, begin: &str, limits: &Limits) -> Result<()> {
    let begin = format!("{begin}; {CLOCK}");
    let messages = within(connection, limits, connection.client.simple_query(&begin), None).await?;
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.try_get(0).ok().flatten()?.parse().ok(),
        _ => None,
    });
    if let Some(ms) = rows.last() {
        limits.clock.set_ms(ms);
    }
    Ok(())
}

/// What is typed does not outlive whoever typed it: a statement of a process that was killed would
/// hold its locks to its own limit of time. PostgreSQL has this since 14, and not on every system.
const ENDS_WITH_CLIENT: &str = "SELECT pg_catalog.set_config('client_connection_check_interval', '1s', false) \
     WHERE pg_catalog.current_setting('client_connection_check_interval', true) IS NOT NULL";

/// Lets the server end what this connection runs when the process at this end is gone, where it can,
/// and answers the process of the server that serves it.
pub(super) async fn begin_typed(connection: &Connection, limits: &Limits) -> Result<i32> {
    let asking = connection.client.simple_query("SELECT pg_catalog.pg_backend_pid()");
    let messages = within(connection, limits, asking, None).await?;
    let pid = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.try_get(0).ok().flatten()?.parse().ok(),
        _ => None,
    });
    let checking = connection.client.simple_query(ENDS_WITH_CLIENT);
    let _where_it_can = within(connection, limits, checking, None).await;
    pid.ok_or_else(|| Error::unavailable("the database did not say which process serves it"))
}

/// Begins the transaction of a session: one moment for all its statements, and read-only, unless
/// the operator confirmed.
pub(super) async fn begin_session(
    connection: &mut Connection,
    granted: Option<&Granted>,
    limits: &Limits,
) -> Result<()> {
    let mode = match granted {
        None => "ISOLATION LEVEL REPEATABLE READ READ ONLY",
        Some(_) => "READ WRITE",
    };
    let begin = format!("BEGIN {mode}; {}{UNCOMPILED}", timeout(limits));
    begin_transaction(connection, &begin, limits).await
}

/// A plugin's statements are many-sided and short-lived: PostgreSQL would compile each of them for
/// longer than it runs, since it knows little of what the texts of events leave over. A server
/// before 11 has no such setting. What an operator typed runs as it does everywhere else.
const UNCOMPILED: &str = "; SELECT set_config('jit', 'off', true) \
    WHERE current_setting('jit', true) IS NOT NULL";

fn timeout(limits: &Limits) -> String {
    // 0 would mean no limit at all.
    format!("SET LOCAL statement_timeout = {}", limits.statement.as_millis().max(1))
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
        within(connection, limits, connection.client.prepare(&query.sql), typed.as_deref());
    let statement = statement.await?;
    check_binds(&statement, query)?;
    let columns = statement.columns().iter().map(column).collect();
    let name = format!("toygres_{}", connection.next_cursor());
    if !query.untrusted {
        let rows = prepared(&name, query);
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
/// as the types that it inferred; the transaction holds it read-only all the same. Both go in one
/// message, so that a long way to the database is gone once.
fn prepared(name: &str, query: &DbQuery) -> RowSource {
    let literals: Vec<String> = query.binds.iter().map(|bind| literal(bind.as_deref())).collect();
    let binds =
        if literals.is_empty() { String::new() } else { format!("({})", literals.join(", ")) };
    // The line break ends a comment, should the statement end with one.
    RowSource::Direct(format!("PREPARE {name} AS\n{}\n;EXECUTE {name}{binds}", query.sql))
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
        let statement = connection.client.prepare(&declare).await?;
        connection.client.execute(&statement, &binds).await
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
    let again = format!("ROLLBACK; BEGIN READ ONLY; {}", timeout(limits));
    within(connection, limits, async { connection.client.batch_execute(&again).await }, None)
        .await?;
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
            RowSource::Direct(sql) => {
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
                connection.client.batch_execute(&close).await
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
    let Err(ended) = ended else { return true };
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
    let mut messages = pin!(connection.client.simple_query_raw(sql).await?);
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
    let running = connection.client.execute(execute.sql.as_str(), &binds);
    within(connection, limits, running, None).await
}

/// Keeps what a session wrote.
pub(super) async fn commit(connection: &Connection, limits: &Limits) -> Result<()> {
    within(connection, limits, connection.client.batch_execute("COMMIT"), None).await
}

/// Gives the transaction up. Whether the connection is still good.
pub(super) async fn rollback(connection: &Connection, limits: &Limits) -> bool {
    race(connection, limits, connection.client.batch_execute("ROLLBACK")).await.is_ok()
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
