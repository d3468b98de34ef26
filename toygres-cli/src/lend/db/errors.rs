//! PostgreSQL's errors in our kinds.

use super::wire::{MessageLimits, Oversize, OversizeMessage};
use std::error::Error as _;
use tokio_postgres::error::{DbError, ErrorPosition, SqlState};
use toygres_plugin_api::{Error, ErrorKind};

/// The database sent more than is read into memory.
pub(super) fn oversize(oversize: Oversize, limits: &MessageLimits, typed: bool) -> Error {
    let limit = bytes(oversize.limit);
    match oversize.what {
        OversizeMessage::Row => {
            let message =
                format!("row of {} is too large: the limit is {limit}", bytes(oversize.bytes));
            let setting = limits.setting;
            let raise = format!("raise the setting `{setting}`, now {}", limits.max_row_bytes);
            let hint = match typed {
                true => format!(
                    "read it in parts, such as `substring(COLUMN from 1 for 1000000)`, leave out \
                     large columns, or {raise}"
                ),
                false => raise,
            };
            Error::failed(message).retryable(false).hint(hint)
        }
        OversizeMessage::Error => Error::failed("the statement failed")
            .cause(format!(
                "the database's message of {} is not read: the limit is {limit}",
                bytes(oversize.bytes)
            ))
            .retryable(false)
            .hint("find what fails in the database's own log, or with smaller values"),
        OversizeMessage::Other => Error::unavailable("the answer of the database cannot be read")
            .cause(format!("{oversize}"))
            .retryable(false)
            .hint("is it a PostgreSQL server? see `database.url` with `toygres server config`"),
    }
}

/// A statement of a session has more rows than are kept until they are read.
pub(super) fn too_many_held(limit: usize) -> Error {
    let limit = bytes(limit as u64);
    Error::failed(format!("the rows of a statement are too large: the limit is {limit}"))
        .retryable(false)
        .hint("ask for less, such as with `--limit`")
}

fn bytes(bytes: u64) -> String {
    const KIB: u64 = 1024;
    match bytes {
        0..10_240 => format!("{bytes} bytes"),
        10_240..10_485_760 => format!("{} KiB", bytes / KIB),
        _ => format!("{} MiB", bytes / (KIB * KIB)),
    }
}

/// Words of the database that are repeated: it may put whole values into them.
fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_REPEATED_CHARS) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}… ({} in all)", &text[..end], bytes(text.len() as u64)),
    }
}

/// Characters of one message of the database that are repeated.
const MAX_REPEATED_CHARS: usize = 4000;

/// A statement failed. `sql` is the operator's own text, where it was typed.
pub(super) fn statement(error: &tokio_postgres::Error, typed: Option<&str>) -> Error {
    let Some(server) = error.as_db_error() else {
        let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
        if cause.contains("nul") && typed.is_some() {
            return Error::usage("the statement holds a NUL byte").hint("remove it");
        }
        if error.source().is_some_and(|source| source.is::<std::str::Utf8Error>()) {
            return Error::failed("a value of the rows is not UTF-8").cause(cause).hint(ENCODING);
        }
        return Error::unavailable("the connection to the database broke").cause(cause);
    };
    let kind = kind(server, typed.is_some());
    let message = match (typed, kind) {
        (Some(_), _) | (_, ErrorKind::Failed) => cut(server.message()),
        (None, ErrorKind::NotFound) => {
            format!("the database has no such thing: {}", cut(server.message()))
        }
        (None, _) => cut(server.message()),
    };
    let mut answer = Error::new(kind, message);
    // A right that is missing now is missing the next time.
    answer.retryable &= *server.code() != SqlState::INSUFFICIENT_PRIVILEGE;
    answer.causes.push(format!("SQLSTATE {}", server.code().code()));
    if let Some(detail) = server.detail() {
        answer.causes.push(cut(detail));
    }
    if let (Some(sql), Some(ErrorPosition::Original(position))) = (typed, server.position()) {
        answer.causes.push(pointer(sql, *position as usize));
    }
    answer.hint = hint(server, kind);
    answer
}

/// How stored bytes are read whose encoding the database does not know. The inner function gives
/// UTF-8 in a database of any encoding, `SQL_ASCII` too.
const ENCODING: &str = "read the column's bytes in the encoding that they were written in, such as \
     `convert_from(convert(COLUMN::bytea, 'LATIN1', 'UTF8'), 'UTF8')`";

/// Fetching rows failed: what was typed has been understood by then, and where a value's bytes are
/// not text, it is the data that is at fault.
pub(super) fn rows(error: &tokio_postgres::Error, typed: Option<&str>) -> Error {
    let answer = statement(error, typed);
    match error.code() {
        Some(code) if is_encoding(code) => Error { kind: ErrorKind::Failed, ..answer },
        _ => answer,
    }
}

fn is_encoding(code: &SqlState) -> bool {
    *code == SqlState::CHARACTER_NOT_IN_REPERTOIRE || *code == SqlState::UNTRANSLATABLE_CHARACTER
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
        return Some(cut(hint));
    }
    let hint = match kind {
        _ if is_encoding(server.code()) => ENCODING,
        ErrorKind::TimedOut => "narrow the statement, or give it longer with `--timeout`",
        ErrorKind::Refused => "statements here may only read",
        _ if *server.code() == SqlState::DISK_FULL && is_shared_memory(server) => {
            "the database server's shared memory is full: give its machine or container a larger \
             `/dev/shm`, such as with `--shm-size 256m`"
        }
        _ if *server.code() == SqlState::DISK_FULL => {
            "the disk of the database server is full: free some space there"
        }
        _ if *server.code() == SqlState::OUT_OF_MEMORY && is_shared_memory(server) => {
            "the database server has no shared memory left: give its machine or container a larger \
             `/dev/shm`, or lower its `max_connections` and `shared_buffers`"
        }
        _ if *server.code() == SqlState::OUT_OF_MEMORY => {
            "the database server has no memory left: end what uses it there, or lower its `work_mem`"
        }
        ErrorKind::Unavailable if *server.code() == SqlState::INSUFFICIENT_PRIVILEGE => {
            return Some(right(server.message()));
        }
        _ if server.message().contains("multiple commands") => "give one statement at a time",
        _ => return None,
    };
    Some(hint.to_owned())
}

/// Whether it is PostgreSQL's code for memory that processes share that failed.
fn is_shared_memory(server: &DbError) -> bool {
    server.file().is_some_and(|file| matches!(file, "dsm_impl.c" | "dsm.c" | "shmem.c"))
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

/// The deadline of a statement passed and the server did not end it by itself.
pub(super) fn late(after: std::time::Duration) -> Error {
    Error::timed_out(format!("the database did not answer within {} s", after.as_secs_f32()))
        .hint("narrow the statement, or give it longer with `--timeout`")
}

/// A typed statement has an advisory lock.
pub(super) fn locked() -> Error {
    Error::refused("the statement was ended: it holds an advisory lock, or waits for one")
        .cause("the control plane and its workflows wait for locks of this kind")
        .hint("leave out `pg_advisory_lock` and the like; see who holds which in `pg_locks`")
}

/// Ctrl-C.
pub(super) fn interrupted() -> Error {
    Error::new(ErrorKind::Interrupted, "interrupted")
}
