//! The CMS and the workflows' records, in one moment.

use super::NotCompared;
use crate::plan::Interrupted;
use crate::settings::{Settings, quoted};
use serde::Deserialize;
use std::collections::HashMap;
use toygres_model::drift::{Live, Record};
use toygres_plugin_api::context::Session;
use toygres_plugin_api::{Context, Error, Result};

/// A moment, by the database's clock.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Moment {
    /// Milliseconds since the epoch.
    pub(crate) now_ms: i64,
    /// `YYYY-MM-DD`, UTC.
    pub(crate) today: String,
}

/// What the database says, of one moment.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) records: Vec<Record>,
    /// The orchestrations that go on, or why that cannot be told.
    pub(crate) live: Result<Live>,
    pub(crate) moment: Moment,
}

const MOMENT: &str = "SELECT (extract(epoch FROM now()) * 1000)::bigint AS now_ms,
    to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS today";

/// What is compared of a record. No literal has a backslash in it: whether that is a letter like any
/// other is a setting of the role. The host and the port are cut out of the connection string by the
/// database, so that a password that an old deployment left in it goes nowhere.
const COLUMNS: &str = "
    id::text AS id, user_name, k8s_name, namespace, postgres_version AS version,
    storage_size_gb AS storage_gb, use_load_balancer AS load_balancer, dns_name, external_ip,
    btrim(substring(ip_connection_string from '@([^@/]+):[0-9]{1,5}(?:[/?]|$)'), '[]') AS host,
    nullif(substring(coalesce(nullif(ip_connection_string, ''), dns_connection_string)
        from ':([0-9]{1,5})(?:/[^/@]*)?$')::int, 0) AS port,
    coalesce(coalesce(nullif(ip_connection_string, ''), dns_connection_string) ~ '://[^/:@]*:[^/]+@',
        false) AS keeps_password,
    state::text AS state, create_orchestration_id AS create_id,
    delete_orchestration_id AS delete_id, instance_actor_orchestration_id AS monitor_id,
    (extract(epoch FROM updated_at) * 1000)::bigint AS updated_ms";

/// Everything that is not deleted, with the orchestrations that go on.
///
/// # Errors
/// When the CMS cannot be read.
pub(crate) async fn known(ctx: &Context, settings: &Settings) -> Result<Known> {
    read(ctx, settings, "state <> 'deleted'", None).await
}

/// The instances of these names in Kubernetes, deleted ones too, and those that share a user's name
/// with one of them.
///
/// # Errors
/// When the CMS cannot be read.
pub(crate) async fn named(ctx: &Context, settings: &Settings, names: &[String]) -> Result<Known> {
    let cms = quoted(&settings.cms);
    let filter = format!(
        "k8s_name = ANY($1::text[]) OR (state <> 'deleted' AND user_name IN (
             SELECT user_name FROM {cms}.instances WHERE k8s_name = ANY($1::text[])))"
    );
    read(ctx, settings, &filter, Some(names)).await
}

/// The deleted ones among these names.
///
/// # Errors
/// When the CMS cannot be read.
pub(crate) async fn deleted(
    ctx: &Context,
    settings: &Settings,
    names: &[String],
) -> Result<Vec<Record>> {
    let cms = quoted(&settings.cms);
    let sql = format!(
        "SELECT {COLUMNS} FROM {cms}.instances
         WHERE state = 'deleted' AND k8s_name = ANY($1::text[])"
    );
    ctx.db().query(sql).bind(names).fetch().await
}

async fn read(
    ctx: &Context,
    settings: &Settings,
    filter: &str,
    names: Option<&[String]>,
) -> Result<Known> {
    let session = ctx.db().snapshot().await?;
    let moment = session.query(MOMENT).fetch_one().await?;
    let cms = quoted(&settings.cms);
    let sql = format!("SELECT {COLUMNS} FROM {cms}.instances WHERE {filter}");
    let mut query = session.query(sql);
    if let Some(names) = names {
        query = query.bind(names);
    }
    let mut records: Vec<Record> = query.fetch().await?;
    let live = live(&session, settings).await;
    // A transaction that only read has nothing to lose.
    let _ended = session.rollback().await;
    let versions = running_versions(ctx, settings, names).await;
    for record in &mut records {
        record.running_version = versions.get(&record.k8s_name).cloned();
    }
    Ok(Known { records, live, moment })
}

/// The versions that the servers of running instances reported at their last health check, by name
/// in Kubernetes. Where that cannot be read, nobody knows.
async fn running_versions(
    ctx: &Context,
    settings: &Settings,
    names: Option<&[String]>,
) -> HashMap<String, String> {
    #[derive(Deserialize)]
    struct Row {
        k8s_name: String,
        version: String,
    }
    let cms = quoted(&settings.cms);
    let among = if names.is_some() { "AND i.k8s_name = ANY($1::text[])" } else { "" };
    let sql = format!(
        "SELECT i.k8s_name, split_part(c.postgres_version, ' ', 1) AS version FROM {cms}.instances i
         JOIN LATERAL (
             SELECT postgres_version FROM {cms}.instance_health_checks
             WHERE instance_id = i.id ORDER BY checked_at DESC LIMIT 1
         ) c ON c.postgres_version IS NOT NULL
         WHERE i.state = 'running' {among}"
    );
    let mut query = ctx.db().query(sql);
    if let Some(names) = names {
        query = query.bind(names);
    }
    let rows: Vec<Row> = query.fetch().await.unwrap_or_default();
    rows.into_iter().map(|row| (row.k8s_name, row.version)).collect()
}

/// The ids of what has not ended, and of what is queued and has no record yet. A monitor is for a
/// moment between two executions, when neither runs.
async fn live(session: &Session, settings: &Settings) -> Result<Live> {
    #[derive(Deserialize)]
    struct Row {
        instance_id: String,
    }
    let schema = quoted(&settings.duroxide);
    let sql = format!(
        "SELECT i.instance_id FROM {schema}.instances i
         JOIN {schema}.executions e ON e.instance_id = i.instance_id
             AND e.execution_id = i.current_execution_id
         WHERE e.status NOT IN ('Completed', 'Failed')
         UNION ALL SELECT q.instance_id FROM {schema}.orchestrator_queue q
         WHERE NOT EXISTS (
             SELECT FROM {schema}.instances i WHERE i.instance_id = q.instance_id)"
    );
    let rows: Vec<Row> = session.query(sql).fetch().await?;
    Ok(Live::new(rows.into_iter().map(|row| row.instance_id)))
}

/// That the workflows' records could not be read.
pub(crate) fn unread(error: &Error) -> NotCompared {
    let causes = error.causes.iter();
    NotCompared {
        source: "duroxide".to_owned(),
        what: "live orchestrations".to_owned(),
        reason: causes.fold(error.message.clone(), |text, cause| format!("{text}: {cause}")),
        needed: true,
    }
}

/// Since when an open row tells of a drift, by kind and name in Kubernetes. Where that cannot be
/// read, nobody knows.
pub(crate) async fn since(ctx: &Context, settings: &Settings) -> HashMap<(String, String), String> {
    #[derive(Deserialize)]
    struct Row {
        detection_type: String,
        k8s_name: String,
        detected_at: String,
    }
    let sql = format!(
        "SELECT detection_type, k8s_name, min(detected_at) AS detected_at
         FROM {}.drift_detections WHERE resolved_at IS NULL AND k8s_name IS NOT NULL
         GROUP BY detection_type, k8s_name",
        quoted(&settings.cms)
    );
    let rows: Vec<Row> = ctx.db().query(sql).fetch().await.unwrap_or_default();
    rows.into_iter().map(|row| ((row.detection_type, row.k8s_name), row.detected_at)).collect()
}

/// Steps that were begun and of which nothing was said any more; none where that cannot be read.
pub(crate) async fn interrupted(ctx: &Context, settings: &Settings) -> Vec<Interrupted> {
    #[derive(Deserialize)]
    struct Row {
        id: i64,
        step: serde_json::Value,
    }
    let sql = format!(
        "SELECT id, metadata->'step' AS step FROM {}.drift_detections
         WHERE resolved_at IS NULL AND metadata ? 'step' ORDER BY id",
        quoted(&settings.cms)
    );
    let rows: Vec<Row> = ctx.db().query(sql).fetch().await.unwrap_or_default();
    // A step that a newer release wrote is left to that one.
    let known = |row: Row| {
        let step = serde_json::from_value(row.step).ok()?;
        Some(Interrupted { detection: row.id, step })
    };
    rows.into_iter().filter_map(known).collect()
}

/// The name in Kubernetes of the instance that an operator calls so: by either name, a live one
/// before others.
///
/// # Errors
/// `not_found`; `usage` where the name is of several instances.
pub(crate) async fn find(ctx: &Context, settings: &Settings, name: &str) -> Result<String> {
    #[derive(Deserialize)]
    struct Row {
        k8s_name: String,
        live: bool,
    }
    let sql = format!(
        "SELECT k8s_name, state <> 'deleted' AS live FROM {}.instances
         WHERE k8s_name = $1 OR user_name = $1
         ORDER BY k8s_name = $1 DESC, live DESC, created_at DESC",
        quoted(&settings.cms)
    );
    let mut rows: Vec<Row> = ctx.db().query(sql).bind(name).fetch().await?;
    if rows.is_empty() {
        return Err(no_such(name));
    }
    let first = rows.remove(0);
    let others: Vec<String> =
        rows.into_iter().filter(|row| row.live && first.live).map(|row| row.k8s_name).collect();
    if first.k8s_name == name || others.is_empty() {
        return Ok(first.k8s_name);
    }
    Err(Error::usage(format!("`{name}` is the name of several instances"))
        .cause(format!("{}, {}", first.k8s_name, others.join(", ")))
        .hint("give its name in Kubernetes"))
}

/// The namespaces that any record names.
///
/// # Errors
/// When the CMS cannot be read.
pub(crate) async fn namespaces(ctx: &Context, settings: &Settings) -> Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Row {
        namespace: String,
    }
    let sql = format!("SELECT DISTINCT namespace FROM {}.instances", quoted(&settings.cms));
    let rows: Vec<Row> = ctx.db().query(sql).fetch().await?;
    Ok(rows.into_iter().map(|row| row.namespace).collect())
}

/// That there is no such instance.
pub(crate) fn no_such(name: &str) -> Error {
    Error::not_found(format!("there is no instance `{name}`")).hint("see `toygres list --all`")
}
