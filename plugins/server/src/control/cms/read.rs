//! Reading instances.

use super::Cms;
use crate::control::operations::Filter;
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{PgExecutor, Row};
use toygres_model::instance::{Health, State};

/// An instance's record, as it is.
#[derive(Debug, Clone)]
pub(in crate::control) struct Record {
    pub(in crate::control) id: String,
    pub(in crate::control) user_name: String,
    pub(in crate::control) k8s_name: String,
    pub(in crate::control) namespace: String,
    pub(in crate::control) version: String,
    pub(in crate::control) storage_gb: i32,
    pub(in crate::control) load_balancer: bool,
    pub(in crate::control) dns_name: Option<String>,
    /// Without a password, except in old deployments.
    pub(in crate::control) ip_url: Option<String>,
    /// Without a password, except in old deployments.
    pub(in crate::control) dns_url: Option<String>,
    pub(in crate::control) external_ip: Option<String>,
    pub(in crate::control) state: State,
    pub(in crate::control) health: Health,
    pub(in crate::control) create_id: Option<String>,
    pub(in crate::control) delete_id: Option<String>,
    pub(in crate::control) health_id: Option<String>,
    /// Milliseconds since the epoch, as the others.
    pub(in crate::control) created_ms: i64,
    pub(in crate::control) updated_ms: i64,
    pub(in crate::control) deleted_ms: Option<i64>,
    pub(in crate::control) tags: Option<Value>,
    /// When it was checked last.
    pub(in crate::control) checked_ms: Option<i64>,
    /// The version that the server reported at that check.
    pub(in crate::control) running_version: Option<String>,
    /// What that check failed with, where it did.
    pub(in crate::control) health_error: Option<String>,
    /// What the event says by which it came into its state.
    pub(in crate::control) message: Option<String>,
}

const COLUMNS: &str = "
    i.id::text AS id, i.user_name, i.k8s_name, i.namespace, i.postgres_version, i.storage_size_gb,
    i.use_load_balancer, i.dns_name, i.ip_connection_string, i.dns_connection_string,
    i.external_ip, i.state::text AS state, i.health_status::text AS health,
    i.create_orchestration_id, i.delete_orchestration_id, i.instance_actor_orchestration_id,
    (extract(epoch FROM i.created_at) * 1000)::bigint AS created_ms,
    (extract(epoch FROM i.updated_at) * 1000)::bigint AS updated_ms,
    (extract(epoch FROM i.deleted_at) * 1000)::bigint AS deleted_ms,
    i.tags, c.checked_ms, c.running_version, c.health_error,
    (SELECT e.message FROM instance_events e
     WHERE e.instance_id = i.id AND e.new_state::text = i.state::text
     ORDER BY e.created_at DESC LIMIT 1) AS message";

/// With the last check of each.
const FROM: &str = "instances i LEFT JOIN LATERAL (
    SELECT (extract(epoch FROM checked_at) * 1000)::bigint AS checked_ms,
        split_part(postgres_version, ' ', 1) AS running_version,
        CASE WHEN status <> 'healthy' THEN error_message END AS health_error
    FROM instance_health_checks WHERE instance_id = i.id
    ORDER BY checked_at DESC LIMIT 1) c ON true";

/// The instances that a filter lets through, the newest first.
///
/// # Errors
/// The database's.
pub(in crate::control) async fn list(
    cms: &Cms,
    filter: &Filter,
) -> Result<Vec<Record>, sqlx::Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM {FROM}
         WHERE ($1::text IS NULL OR i.state = $1::text::public.instance_state)
           AND ($2::text IS NULL OR i.health_status = $2::text::public.health_status)
           AND ($3 OR i.state <> 'deleted')
         ORDER BY i.created_at DESC, i.k8s_name"
    );
    let rows = sqlx::query(&sql)
        .bind(filter.state.map(State::word))
        .bind(filter.health.map(Health::word))
        // Whoever asks for deleted ones by their state wants to see them.
        .bind(filter.all || filter.state == Some(State::Deleted))
        .fetch_all(&cms.pool)
        .await?;
    rows.iter().map(read).collect()
}

/// The instance of a name: the live one that its user calls so, or the one that Kubernetes calls
/// so, or else the latest that is not deleted.
///
/// # Errors
/// The database's.
pub(in crate::control) async fn find(cms: &Cms, name: &str) -> Result<Option<Record>, sqlx::Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM {FROM}
         WHERE i.k8s_name = $1 OR (i.user_name = $1 AND i.state <> 'deleted')
         ORDER BY i.k8s_name = $1 DESC, i.state IN ('creating', 'running', 'deleting') DESC,
             i.created_at DESC
         LIMIT 1"
    );
    let row = sqlx::query(&sql).bind(name).fetch_optional(&cms.pool).await?;
    row.as_ref().map(read).transpose()
}

/// The record of an id.
///
/// # Errors
/// The database's.
pub(in crate::control) async fn record(
    connection: impl PgExecutor<'_>,
    id: &str,
) -> Result<Option<Record>, sqlx::Error> {
    let sql = format!("SELECT {COLUMNS} FROM {FROM} WHERE i.id = $1::uuid");
    let row = sqlx::query(&sql).bind(id).fetch_optional(connection).await?;
    row.as_ref().map(read).transpose()
}

fn read(row: &PgRow) -> Result<Record, sqlx::Error> {
    let word = |column: &str| row.try_get::<String, _>(column);
    let unknown = |error: String| sqlx::Error::Decode(error.into());
    Ok(Record {
        id: row.try_get("id")?,
        user_name: row.try_get("user_name")?,
        k8s_name: row.try_get("k8s_name")?,
        namespace: row.try_get("namespace")?,
        version: row.try_get("postgres_version")?,
        storage_gb: row.try_get("storage_size_gb")?,
        load_balancer: row.try_get("use_load_balancer")?,
        dns_name: row.try_get("dns_name")?,
        ip_url: row.try_get("ip_connection_string")?,
        dns_url: row.try_get("dns_connection_string")?,
        external_ip: row.try_get("external_ip")?,
        state: word("state")?.parse().map_err(unknown)?,
        health: word("health")?.parse().map_err(unknown)?,
        create_id: row.try_get("create_orchestration_id")?,
        delete_id: row.try_get("delete_orchestration_id")?,
        health_id: row.try_get("instance_actor_orchestration_id")?,
        created_ms: row.try_get("created_ms")?,
        updated_ms: row.try_get("updated_ms")?,
        deleted_ms: row.try_get("deleted_ms")?,
        tags: row.try_get("tags")?,
        checked_ms: row.try_get("checked_ms")?,
        running_version: row.try_get("running_version")?,
        health_error: row.try_get("health_error")?,
        message: row.try_get("message")?,
    })
}
