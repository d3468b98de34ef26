//! Who holds what a start waits for.
//!
//! Bringing the schemas up to date takes locks, and any session of the database may hold them: a
//! `psql` that was left open, a dump, another server. A start does not wait for them for ever, and
//! says whose they are.

use super::migrate::Unmigrated;
use sqlx::{PgPool, Row};
use std::time::Duration;
use toygres_plugin_api::shell::ShellCommand;
use toygres_plugin_api::{Error, ErrorKind, Result};

/// Between two looks at who is in the way.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);
/// Characters of a statement that are repeated.
const STATEMENT_CHARS: usize = 100;

/// What is asked of a session that is in the way.
const COLUMNS: &str = "a.pid, coalesce(a.usename, '-') AS user_name, \
    coalesce(nullif(a.application_name, ''), '-') AS application, \
    to_char(coalesce(a.xact_start, a.query_start, a.backend_start) AT TIME ZONE 'UTC', \
        'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS since, \
    coalesce(a.state, '-') AS state, \
    regexp_replace(coalesce(a.query, ''), '[[:space:]]+', ' ', 'g') AS statement";

/// A session that holds what somebody waits for.
#[derive(Debug, Clone)]
struct Holder {
    pid: i32,
    description: String,
}

/// Does `work`, which fails as timed out when a lock is not to be had; that failure is told with
/// the sessions that stand in the way of the session `pid`.
///
/// # Errors
/// Those of `work`.
pub(super) async fn naming_blockers<T>(
    pool: &PgPool,
    pid: i32,
    work: impl Future<Output = Result<T, Unmigrated>>,
) -> Result<T, Unmigrated> {
    let sql = format!(
        "SELECT {COLUMNS} FROM pg_stat_activity a WHERE a.pid = ANY(pg_blocking_pids($1)) \
         ORDER BY a.pid"
    );
    let mut work = std::pin::pin!(work);
    let mut holders = Vec::new();
    loop {
        tokio::select! {
            done = &mut work => return done.map_err(|error| match error {
                Unmigrated::Failed(error) if error.kind == ErrorKind::TimedOut => {
                    Unmigrated::Failed(named(error, &holders))
                }
                error => error,
            }),
            () = tokio::time::sleep(LOOK_INTERVAL) => {
                let found = sqlx::query(&sql).bind(pid).fetch_all(pool).await;
                let found = found.unwrap_or_default();
                if !found.is_empty() {
                    holders = found.iter().filter_map(read).collect();
                }
            }
        }
    }
}

/// The failure of a wait for this advisory lock, with those that hold it.
pub(in crate::control) async fn naming_key(pool: &PgPool, key: i64, failure: Error) -> Error {
    let sql = format!(
        "SELECT {COLUMNS} FROM pg_locks l JOIN pg_stat_activity a USING (pid) \
         WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 \
           AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
           AND (l.classid::bigint << 32) | l.objid::bigint = $1 ORDER BY a.pid"
    );
    let found = sqlx::query(&sql).bind(key).fetch_all(pool).await.unwrap_or_default();
    named(failure, &found.iter().filter_map(read).collect::<Vec<_>>())
}

fn read(row: &sqlx::postgres::PgRow) -> Option<Holder> {
    let text = |column: &str| row.try_get::<String, _>(column).ok();
    let pid: i32 = row.try_get("pid").ok()?;
    let statement: String = text("statement")?.chars().take(STATEMENT_CHARS).collect();
    let description = format!(
        "it is held by the session {pid} of user `{}` (application `{}`, {} since {}): {statement}",
        text("user_name")?,
        text("application")?,
        text("state")?,
        text("since")?,
    );
    Some(Holder { pid, description })
}

fn named(mut error: Error, holders: &[Holder]) -> Error {
    let Some(first) = holders.first() else { return error };
    error.causes = holders.iter().map(|holder| holder.description.clone()).collect();
    let statement = format!("SELECT pg_terminate_backend({})", first.pid);
    let end = ShellCommand::new("psql \"$DATABASE_URL\" -c").arg(statement);
    error.hint(format!("wait for it to end, or end it: {end}"))
}
