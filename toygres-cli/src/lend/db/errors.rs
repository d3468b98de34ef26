//! PostgreSQL's errors in our kinds.

use super::target::Target;
use std::error::Error as _;
use tokio_postgres::error::{DbError, ErrorPosition, SqlState};
use toygres_plugin_api::{Error, ErrorKind};

/// The connection did not come about in time.
pub(super) fn hung(target: &Target) -> Error {
    let seconds = target.connect_timeout.as_secs_f32();
    Error::unavailable(format!(
        "the database at {} did not answer within {seconds} s",
        target.place()
    ))
    .hint("see whether the server runs and can be reached; another database: `--database-url`")
}

/// The connection was refused.
pub(super) fn connecting(target: &Target, error: &tokio_postgres::Error) -> Error {
    let place = target.place();
    let Some(server) = error.as_db_error() else {
        let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
        return Error::unavailable(format!("the database at {place} cannot be reached"))
            .cause(cause)
            .hint("see whether the server runs and can be reached; another database: `--database-url`");
    };
    let public = target.public(0);
    let busy =
        matches!(*server.code(), SqlState::TOO_MANY_CONNECTIONS | SqlState::CANNOT_CONNECT_NOW);
    Error::unavailable(format!(
        "the database at {place} refuses user `{}` for database `{}`",
        public.user, public.database
    ))
    .cause(said(server))
    .retryable(busy)
    .hint(match *server.code() {
        SqlState::INVALID_PASSWORD | SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
            "check user and password of `DATABASE_URL`"
        }
        SqlState::INVALID_CATALOG_NAME => "check the database's name in `DATABASE_URL`",
        SqlState::TOO_MANY_CONNECTIONS => "end some connections: `SELECT * FROM pg_stat_activity`",
        _ => "check `DATABASE_URL`",
    })
}

/// A statement failed. `sql` is the operator's own text, where it was typed.
pub(super) fn statement(error: &tokio_postgres::Error, typed: Option<&str>) -> Error {
    let Some(server) = error.as_db_error() else {
        let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
        if cause.contains("nul") && typed.is_some() {
            return Error::usage("the statement holds a NUL byte").hint("remove it");
        }
        return Error::unavailable("the connection to the database broke").cause(cause);
    };
    let kind = kind(server, typed.is_some());
    let message = match (typed, kind) {
        (Some(_), _) | (_, ErrorKind::Failed) => server.message().to_owned(),
        (None, ErrorKind::NotFound) => {
            format!("the database has no such thing: {}", server.message())
        }
        (None, _) => server.message().to_owned(),
    };
    let mut answer = Error::new(kind, message);
    // A right that is missing now is missing the next time.
    answer.retryable &= *server.code() != SqlState::INSUFFICIENT_PRIVILEGE;
    answer.causes.push(format!("SQLSTATE {}", server.code().code()));
    if let Some(detail) = server.detail() {
        answer.causes.push(detail.to_owned());
    }
    if let (Some(sql), Some(ErrorPosition::Original(position))) = (typed, server.position()) {
        answer.causes.push(pointer(sql, *position as usize));
    }
    answer.hint = hint(server, kind);
    answer
}

fn kind(server: &DbError, typed: bool) -> ErrorKind {
    let code = server.code();
    match code.code().get(..2).unwrap_or_default() {
        _ if *code == SqlState::QUERY_CANCELED => ErrorKind::TimedOut,
        _ if *code == SqlState::LOCK_NOT_AVAILABLE => ErrorKind::TimedOut,
        _ if *code == SqlState::INSUFFICIENT_PRIVILEGE => ErrorKind::Unavailable,
        // The server shuts down, or ended this session.
        "57" | "08" | "53" => ErrorKind::Unavailable,
        _ if *code == SqlState::READ_ONLY_SQL_TRANSACTION => ErrorKind::Refused,
        _ if typed => ErrorKind::Usage,
        _ if *code == SqlState::UNDEFINED_TABLE || *code == SqlState::INVALID_SCHEMA_NAME => {
            ErrorKind::NotFound
        }
        _ => ErrorKind::Failed,
    }
}

fn hint(server: &DbError, kind: ErrorKind) -> Option<String> {
    if let Some(hint) = server.hint() {
        return Some(hint.to_owned());
    }
    let hint = match kind {
        ErrorKind::TimedOut => "narrow the statement, or give it longer with `--timeout`",
        ErrorKind::Refused => "statements here may only read",
        ErrorKind::Unavailable if *server.code() == SqlState::INSUFFICIENT_PRIVILEGE => {
            return Some(right(server.message()));
        }
        _ if server.message().contains("multiple commands") => "give one statement at a time",
        _ => return None,
    };
    Some(hint.to_owned())
}

/// Which right is missing, as PostgreSQL names what it is missing on (`permission denied for table
/// x`); where it speaks another language, in general.
fn right(message: &str) -> String {
    let on = message.strip_prefix("permission denied for ").and_then(|on| on.split_once(' '));
    let (right, on) = match on {
        Some(("schema", name)) => ("USAGE", format!("SCHEMA \"{name}\"")),
        Some(("table" | "view" | "relation", name)) => ("SELECT", format!("\"{name}\"")),
        Some(("function", name)) => ("EXECUTE", format!("FUNCTION {name}")),
        _ => return "ask for the right to read it: GRANT SELECT".to_owned(),
    };
    format!("ask whoever owns it for the right: GRANT {right} ON {on} TO this role")
}

/// The line that PostgreSQL points at, with a caret below.
fn pointer(sql: &str, position: usize) -> String {
    let before: String = sql.chars().take(position.saturating_sub(1)).collect();
    let line_number = before.matches('\n').count();
    let column = before.chars().rev().take_while(|c| *c != '\n').count();
    let line: Vec<char> = sql.lines().nth(line_number).unwrap_or_default().chars().collect();
    // A window around the place: the statement may be a megabyte long.
    let start = column.saturating_sub(60);
    let window: String = line.iter().skip(start).take(100).collect();
    let caret = " ".repeat(column - start);
    format!("line {}, column {}:\n{window}\n{caret}^", line_number + 1, column + 1)
}

fn said(server: &DbError) -> String {
    format!("{} (SQLSTATE {})", server.message(), server.code().code())
}

/// The deadline of a statement passed and the server did not end it by itself.
pub(super) fn late(after: std::time::Duration) -> Error {
    Error::timed_out(format!("the database did not answer within {} s", after.as_secs_f32()))
        .hint("narrow the statement, or give it longer with `--timeout`")
}

/// Ctrl-C.
pub(super) fn interrupted() -> Error {
    Error::new(ErrorKind::Interrupted, "interrupted")
}
