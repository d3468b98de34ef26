//! What every transaction begins with.
//!
//! The settings are those of the transaction alone, made by its first message and read back. So
//! they hold behind a pooler, where the session may be another one the next time, and nothing of
//! them is left there for others; and neither a role's own settings nor what a pooler throws away
//! can make a transaction another one than it should be.

use super::query::Limits;
use tokio_postgres::SimpleQueryMessage;
use toygres_plugin_api::{Error, Result};

/// Texts are those of every session, and our own statements mean what they say.
const FIXED: [(&str, &str); 9] = [
    ("standard_conforming_strings", "on"),
    ("client_encoding", "UTF8"),
    ("TimeZone", "UTC"),
    ("DateStyle", "ISO"),
    ("IntervalStyle", "postgres"),
    ("bytea_output", "hex"),
    ("extra_float_digits", "1"),
    ("lock_timeout", "5s"),
    ("idle_in_transaction_session_timeout", "5min"),
];

/// Those that a transaction without them would be a wrong one for; the first is about writing.
const READ_BACK: [(&str, &str); 4] = [
    ("transaction_read_only", "on"),
    ("standard_conforming_strings", "on"),
    ("client_encoding", "UTF8"),
    ("TimeZone", "UTC"),
];

/// Columns before those that are read back: process, superuser, clock.
const FACTS: usize = 3;

/// What kind of transaction it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TransactionKind {
    /// One statement of an operator.
    Typed,
    /// One statement of a plugin.
    Plugin,
    /// Several statements that see one moment.
    Snapshot,
    /// Statements that the operator confirmed.
    Writing,
}

/// The message that begins a transaction and sets it up; its one row goes to [`check`].
pub(super) fn begin(kind: TransactionKind, limits: &Limits) -> String {
    let mode = match kind {
        TransactionKind::Typed | TransactionKind::Plugin => "READ ONLY",
        TransactionKind::Snapshot => "ISOLATION LEVEL REPEATABLE READ READ ONLY",
        TransactionKind::Writing => "READ WRITE",
    };
    // 0 would mean no limit at all.
    let timeout = limits.statement.as_millis().max(1);
    let mut sql = format!("BEGIN {mode}; SET LOCAL statement_timeout = {timeout}");
    for (name, value) in FIXED {
        sql.push_str(&format!("; SET LOCAL {name} = '{value}'"));
    }
    if kind != TransactionKind::Writing {
        sql.push_str("; SET LOCAL default_transaction_read_only = on");
    }
    sql.push_str(match kind {
        TransactionKind::Typed => ENDS_WITH_CLIENT,
        _ => UNCOMPILED,
    });
    sql.push_str(
        "; SELECT pg_catalog.pg_backend_pid(), pg_catalog.current_setting('is_superuser'), \
         (pg_catalog.date_part('epoch', pg_catalog.now()) * 1000)::pg_catalog.int8",
    );
    for (name, _) in READ_BACK {
        sql.push_str(&format!(", pg_catalog.current_setting('{name}')"));
    }
    sql
}

/// What is typed does not outlive whoever typed it: a statement of a process that was killed would
/// hold its locks to its own limit of time. PostgreSQL has this since 14, and not on every system.
const ENDS_WITH_CLIENT: &str = "; SELECT pg_catalog.set_config('client_connection_check_interval', '1s', true) \
     WHERE pg_catalog.current_setting('client_connection_check_interval', true) IS NOT NULL";

/// A plugin's statements are many-sided and short-lived: PostgreSQL would compile each of them for
/// longer than it runs, since it knows little of what the texts of events leave over. A server
/// before 11 has no such setting. What an operator typed runs as it does everywhere else.
const UNCOMPILED: &str = "; SELECT pg_catalog.set_config('jit', 'off', true) \
    WHERE pg_catalog.current_setting('jit', true) IS NOT NULL";

/// The transaction as the server sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begun {
    /// The process of the server that runs it.
    pub(super) backend_pid: i32,
    /// Its role is a superuser.
    pub(super) superuser: bool,
    /// What the database's clock shows, in milliseconds since the epoch.
    pub(super) clock_ms: Option<i64>,
}

/// Whether the transaction is what it should be.
///
/// # Errors
/// Where a setting does not hold.
pub(super) fn check(kind: TransactionKind, messages: &[SimpleQueryMessage]) -> Result<Begun> {
    let row = messages.iter().rev().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let value = |at: usize| row.and_then(|row| row.try_get(at).ok().flatten());
    for (at, (name, expected)) in READ_BACK.iter().enumerate() {
        let expected = match (*name, kind) {
            ("transaction_read_only", TransactionKind::Writing) => "off",
            _ => expected,
        };
        if value(at + FACTS) != Some(expected) {
            return Err(unheld(name, expected, value(at + FACTS)));
        }
    }
    let backend_pid = value(0).and_then(|pid| pid.parse().ok());
    let backend_pid = backend_pid
        .ok_or_else(|| Error::unavailable("the database did not say which process serves it"))?;
    let clock_ms = value(2).and_then(|ms| ms.parse().ok());
    Ok(Begun { backend_pid, superuser: value(1) == Some("on"), clock_ms })
}

fn unheld(name: &str, expected: &str, found: Option<&str>) -> Error {
    Error::unavailable(format!("the database does not keep the setting `{name}`"))
        .cause(format!("expected `{expected}`, found `{}`", found.unwrap_or("nothing")))
        .retryable(false)
        .hint(match name {
            "transaction_read_only" => {
                "is it a standby, or a pooler that lends connections for single statements? give \
                 the server's own address"
            }
            _ => "a pooler stands in between: give the server's own address",
        })
}
