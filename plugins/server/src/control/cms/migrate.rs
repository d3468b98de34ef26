//! Bringing the CMS up to date, under one advisory lock and in one transaction.

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

/// Applies what is missing; answers what an operator should know. Several processes may call it at
/// once: all but the first find nothing to do.
///
/// # Errors
/// When the schema is ahead of this release, or lacks columns that cannot be made up.
pub(in crate::control) async fn migrate(cms: &Cms) -> Result<Vec<String>> {
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
) -> Result<Vec<String>> {
    lock(&mut transaction, &cms.schema).await.map_err(failed)?;
    make_schema(&mut transaction, &cms.schema).await.map_err(failed)?;
    let applied = applied(&mut transaction).await.map_err(failed)?;
    refuse_ahead(&cms.schema, applied)?;
    for migration in ALL.iter().filter(|migration| migration.version > applied) {
        apply(&mut transaction, migration).await.map_err(failed)?;
        tracing::info!(version = migration.version, name = migration.name, "migrated the CMS");
    }
    check_columns(&mut transaction, &cms.schema).await?;
    let notices = keep_names_apart(&mut transaction).await.map_err(failed)?;
    transaction.commit().await.map_err(failed)?;
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

async fn lock(connection: &mut PgConnection, schema: &str) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
        .bind(format!("toygres:migrations:{schema}"))
        .execute(connection)
        .await
        .map(drop)
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

/// The index that keeps the names of live instances apart, or why it cannot be made yet.
async fn keep_names_apart(connection: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    let there: bool = sqlx::query_scalar("SELECT to_regclass('instances_live_name') IS NOT NULL")
        .fetch_one(&mut *connection)
        .await?;
    if there {
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
