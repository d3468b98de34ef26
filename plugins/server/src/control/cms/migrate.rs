//! Bringing the CMS up to date, in one transaction.
//!
//! The lock is one of the table of migrations, and taken only where there is something to do. It is no
//! advisory lock, for whoever may read can hold those: a statement that an operator typed, or one
//! whose server was killed, would keep every server from starting. A lock that excludes other
//! migrations cannot be had in a transaction that only reads, and reading does not exclude it.

use super::Cms;
use super::holders::naming_blockers;
use super::migrations::{ALL, COLUMNS, LIVE_NAMES, LIVE_NAMES_TWICE, Migration};
use crate::control::broken;
use sqlx::{Executor, PgConnection, Postgres, Row, Transaction};
use std::time::Duration;
use toygres_plugin_api::{Error, Result};

/// How long each lock is waited for.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);
/// PostgreSQL's code for a lock that was not free in time.
const LOCK_NOT_AVAILABLE: &str = "55P03";
/// PostgreSQL's codes for what another process made a moment before: a row of a catalogue, a schema,
/// a table, another object.
const MADE_BY_OTHERS: [&str; 4] = ["23505", "42P06", "42P07", "42710"];
/// How often it is tried again where others make the same at the same time.
const MAX_ATTEMPTS: u32 = 5;

/// Applies what is missing; answers what an operator should know. Several processes may call it at
/// once: all but the first find nothing to do.
///
/// # Errors
/// When the schema is ahead of this release, or lacks columns that cannot be made up.
pub(in crate::control) async fn migrate(cms: &Cms) -> Result<Vec<String>> {
    let mut attempt = 1;
    loop {
        match migrate_once(cms).await {
            Err(Unmigrated::MadeByOthers(_)) if attempt < MAX_ATTEMPTS => attempt += 1,
            done => return done.map_err(Unmigrated::into_error),
        }
    }
}

/// Why the schema was not brought up to date.
pub(super) enum Unmigrated {
    /// Another process made the same at the same time; the second look finds it made.
    MadeByOthers(sqlx::Error),
    Failed(Error),
}

impl Unmigrated {
    fn into_error(self) -> Error {
        match self {
            Self::MadeByOthers(error) => failed(error),
            Self::Failed(error) => error,
        }
    }
}

impl From<sqlx::Error> for Unmigrated {
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(|database| database.code());
        match code {
            Some(code) if MADE_BY_OTHERS.contains(&&*code) => Self::MadeByOthers(error),
            _ => Self::Failed(failed(error)),
        }
    }
}

impl From<Error> for Unmigrated {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

async fn migrate_once(cms: &Cms) -> Result<Vec<String>, Unmigrated> {
    let mut transaction = cms.pool.begin().await.map_err(broken::cms)?;
    let wait = format!("SET LOCAL lock_timeout = '{}s'", LOCK_TIMEOUT.as_secs());
    sqlx::query(&wait).execute(&mut *transaction).await.map_err(broken::cms)?;
    let pid: i32 = sqlx::query_scalar("SELECT pg_backend_pid()")
        .fetch_one(&mut *transaction)
        .await
        .map_err(broken::cms)?;
    naming_blockers(&cms.pool, pid, migrate_within(cms, transaction)).await
}

async fn migrate_within(
    cms: &Cms,
    mut transaction: Transaction<'_, Postgres>,
) -> Result<Vec<String>, Unmigrated> {
    make_schema(&mut transaction, &cms.schema).await?;
    let newest = ALL.last().map_or(0, |migration| migration.version);
    let mut applied = applied(&mut transaction).await?;
    if applied < newest || !keeps_names_apart(&mut transaction).await? {
        let exclusive = "LOCK TABLE schema_migrations IN SHARE ROW EXCLUSIVE MODE";
        transaction.execute(exclusive).await?;
        applied = read_version(&mut transaction).await?;
    }
    refuse_ahead(&cms.schema, applied)?;
    for migration in ALL.iter().filter(|migration| migration.version > applied) {
        apply(&mut transaction, migration).await?;
        tracing::info!(version = migration.version, name = migration.name, "migrated the CMS");
    }
    check_columns(&mut transaction, &cms.schema).await?;
    let notices = keep_names_apart(&mut transaction).await?;
    transaction.commit().await?;
    Ok(notices)
}

/// What keeps the schema from being brought up to date: a lock that another session holds, or a
/// right that is missing.
fn failed(error: sqlx::Error) -> Error {
    let code = error.as_database_error().and_then(|database| database.code());
    if code.as_deref() == Some(LOCK_NOT_AVAILABLE) {
        let seconds = LOCK_TIMEOUT.as_secs();
        return Error::timed_out(format!(
            "the metadata database cannot be brought up to date: a lock was not free within \
             {seconds} s"
        ))
        .retryable(true)
        .hint("see who holds locks in `pg_locks`, and try again");
    }
    // The connection was lost before anything was done.
    if code.is_none() {
        return broken::cms(error);
    }
    Error::failed("the metadata database cannot be brought up to date")
        .cause(error)
        .hint("its user must be allowed to create schemas, types and tables")
}

/// Asked first, since creating one that is there needs a right that its user may lack.
async fn make_schema(connection: &mut PgConnection, schema: &str) -> Result<(), sqlx::Error> {
    let there: bool = sqlx::query_scalar("SELECT to_regnamespace($1) IS NOT NULL")
        .bind(schema)
        .fetch_one(&mut *connection)
        .await?;
    if !there {
        // A plain identifier: the settings are checked for it.
        connection.execute(format!("CREATE SCHEMA {schema}").as_str()).await?;
    }
    Ok(())
}

/// The version that the schema has; 0 for one that predates the table of migrations.
async fn applied(connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
    let there: bool = sqlx::query_scalar("SELECT to_regclass('schema_migrations') IS NOT NULL")
        .fetch_one(&mut *connection)
        .await?;
    if !there {
        connection
            .execute(
                "CREATE TABLE schema_migrations (version int PRIMARY KEY, name text NOT NULL, \
                 applied_at timestamptz NOT NULL DEFAULT now())",
            )
            .await?;
    }
    read_version(connection).await
}

async fn read_version(connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
    sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM schema_migrations")
        .fetch_one(connection)
        .await
}

fn refuse_ahead(schema: &str, applied: i32) -> Result<()> {
    let newest = ALL.last().map_or(0, |migration| migration.version);
    if applied <= newest {
        return Ok(());
    }
    Err(Error::failed(format!(
        "the schema `{schema}` is at version {applied}, and this release knows {newest}"
    ))
    .hint("a newer release has been here: run that one, or a later one"))
}

async fn apply(connection: &mut PgConnection, migration: &Migration) -> Result<(), sqlx::Error> {
    connection.execute(migration.sql).await?;
    sqlx::query("INSERT INTO schema_migrations (version, name) VALUES ($1, $2)")
        .bind(migration.version)
        .bind(migration.name)
        .execute(connection)
        .await
        .map(drop)
}

async fn check_columns(connection: &mut PgConnection, schema: &str) -> Result<()> {
    let rows = sqlx::query(
        "SELECT table_name::text, column_name::text FROM information_schema.columns \
         WHERE table_schema = $1",
    )
    .bind(schema)
    .fetch_all(connection)
    .await
    .map_err(failed)?;
    let there: Vec<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let missing: Vec<String> = COLUMNS
        .iter()
        .flat_map(|(table, columns)| columns.iter().map(move |column| (*table, *column)))
        .filter(|(table, column)| !there.iter().any(|(t, c)| t == table && c == column))
        .map(|(table, column)| format!("`{table}.{column}`"))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::failed(format!(
        "the schema `{schema}` cannot be taken over: it lacks {}",
        missing.join(", ")
    ))
    .hint("add them, or give another schema by the setting `database.cms_schema`"))
}

/// Whether the index is there that keeps the names of live instances apart.
async fn keeps_names_apart(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT to_regclass('instances_live_name') IS NOT NULL")
        .fetch_one(connection)
        .await
}

/// The index that keeps the names of live instances apart, or why it cannot be made yet.
async fn keep_names_apart(connection: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    if keeps_names_apart(connection).await? {
        return Ok(Vec::new());
    }
    let twice: Vec<String> =
        sqlx::query_scalar(LIVE_NAMES_TWICE).fetch_all(&mut *connection).await?;
    if twice.is_empty() {
        connection.execute(LIVE_NAMES).await?;
        return Ok(Vec::new());
    }
    Ok(vec![format!(
        "several live instances have the same name ({}): until all but one of each are deleted, \
         names are kept apart by a lock alone, not by an index; delete them by their names in \
         Kubernetes and start the server again",
        twice.join(", ")
    )])
}
