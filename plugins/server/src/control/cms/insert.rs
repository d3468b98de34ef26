//! A new instance's record: who wins a name is decided here.

use super::{Cms, change};
use crate::control::broken;
use crate::control::order::Order;
use serde_json::Value;
use sqlx::{PgConnection, Row};
use toygres_plugin_api::shell::ShellCommand;
use toygres_plugin_api::{Error, Result};

/// A record that is to be made, in the state `creating`.
#[derive(Debug)]
pub(in crate::control) struct Draft<'a> {
    pub(in crate::control) id: &'a str,
    pub(in crate::control) user_name: &'a str,
    pub(in crate::control) k8s_name: &'a str,
    pub(in crate::control) namespace: &'a str,
    pub(in crate::control) version: &'a str,
    pub(in crate::control) storage_gb: i32,
    pub(in crate::control) load_balancer: bool,
    pub(in crate::control) dns_label: Option<&'a str>,
    pub(in crate::control) orchestration: &'a str,
    pub(in crate::control) tags: Value,
}

/// Makes the record, unless the name or the DNS label is taken.
///
/// # Errors
/// `Failed` with the instance that has the name or the label.
pub(in crate::control) async fn insert(cms: &Cms, draft: &Draft<'_>) -> Result<()> {
    let mut transaction = cms.pool.begin().await.map_err(broken::cms)?;
    // The lock also keeps names apart in an old deployment that cannot have the index.
    lock_name(&mut transaction, draft.user_name).await.map_err(broken::cms)?;
    if let Some(taken) = taken(&mut transaction, draft).await.map_err(broken::cms)? {
        return Err(taken);
    }
    write(&mut transaction, draft).await.map_err(|error| lost_race(draft, error))?;
    change::event(&mut transaction, draft.id, "created", None, Some("creating"), None)
        .await
        .map_err(broken::cms)?;
    transaction.commit().await.map_err(broken::cms)
}

/// Makes sure of the record of an order, should it be missing; answers whether it was.
///
/// # Errors
/// The database's.
pub(in crate::control) async fn upsert(
    cms: &Cms,
    order: &Order,
    orchestration: &str,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "INSERT INTO instances (id, user_name, k8s_name, namespace, postgres_version,
             storage_size_gb, use_load_balancer, dns_name, state, health_status,
             create_orchestration_id)
         VALUES ($1::uuid, $2, $3, $4, $5, $6, $7, $8, 'creating', 'unknown', $9)
         ON CONFLICT DO NOTHING",
    )
    .bind(&order.instance_id)
    .bind(&order.user_name)
    .bind(&order.k8s_name)
    .bind(&order.namespace)
    .bind(&order.version)
    .bind(order.storage_gb)
    .bind(order.load_balancer)
    .bind(&order.dns_label)
    .bind(orchestration)
    .execute(&cms.pool)
    .await?;
    Ok(done.rows_affected() > 0)
}

async fn lock_name(connection: &mut PgConnection, name: &str) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
        .bind(format!("toygres:name:{name}"))
        .execute(connection)
        .await
        .map(drop)
}

async fn taken(
    connection: &mut PgConnection,
    draft: &Draft<'_>,
) -> Result<Option<Error>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT user_name, k8s_name, state::text FROM instances
         WHERE (user_name = $1 AND state IN ('creating', 'running', 'deleting'))
            OR (dns_name = $2 AND state IN ('creating', 'running'))
         ORDER BY user_name = $1 DESC LIMIT 1",
    )
    .bind(draft.user_name)
    .bind(draft.dns_label)
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| {
        let (user, k8s, state): (String, String, String) = (row.get(0), row.get(1), row.get(2));
        let what = if user == draft.user_name {
            format!("the name `{user}` is taken by `{k8s}`, which is {state}")
        } else {
            let label = draft.dns_label.unwrap_or_default();
            format!("the DNS label `{label}` is taken by `{k8s}`, which is {state}")
        };
        let get = ShellCommand::new("toygres get").arg(user);
        Error::failed(what).hint(format!("give another one, or see `{get}`"))
    }))
}

async fn write(connection: &mut PgConnection, draft: &Draft<'_>) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO instances (id, user_name, k8s_name, namespace, postgres_version,
             storage_size_gb, use_load_balancer, dns_name, state, health_status,
             create_orchestration_id, tags)
         VALUES ($1::uuid, $2, $3, $4, $5, $6, $7, $8, 'creating', 'unknown', $9, $10)",
    )
    .bind(draft.id)
    .bind(draft.user_name)
    .bind(draft.k8s_name)
    .bind(draft.namespace)
    .bind(draft.version)
    .bind(draft.storage_gb)
    .bind(draft.load_balancer)
    .bind(draft.dns_label)
    .bind(draft.orchestration)
    .bind(&draft.tags)
    .execute(connection)
    .await
    .map(drop)
}

/// Another name with the same label came between the question and the answer.
fn lost_race(draft: &Draft<'_>, error: sqlx::Error) -> Error {
    let unique =
        error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation);
    if !unique {
        return broken::cms(error);
    }
    let name = draft.user_name;
    Error::failed(format!("the name `{name}` or its DNS label was taken a moment ago"))
        .hint("see `toygres list`")
        .cause(error)
}
