//! Heartbeats, leases and queues, as the database has them.

use super::facts::Kind;
use crate::gather::QUESTION;
use crate::gather::schema::Schemas;
use serde::Deserialize;
use serde_json::Value;
use toygres_plugin_api::Result;
use toygres_plugin_api::context::Session;

/// A heartbeat.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Beat {
    pub(super) worker_id: String,
    pub(super) host: String,
    pub(super) pid: i64,
    pub(super) mode: String,
    pub(super) version: String,
    pub(super) concurrency: i64,
    pub(super) started_ms: i64,
    pub(super) seen_ms: i64,
    pub(super) stopped: bool,
    pub(super) activities: Value,
    pub(super) recent: Value,
}

/// A lease of duroxide's.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Held {
    pub(super) kind: String,
    pub(super) orchestration: Option<String>,
    pub(super) activity: Option<String>,
    pub(super) attempts: Option<i64>,
    pub(super) until_ms: i64,
}

/// The database's clock, in milliseconds since the epoch.
pub(super) async fn now(session: &Session) -> Result<i64> {
    #[derive(Deserialize)]
    struct Now {
        now_ms: i64,
    }
    let sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms";
    Ok(session.query(sql).timeout(QUESTION).fetch_one::<Now>().await?.now_ms)
}

/// Processes that were seen within a day; none where the deployment has no table of them.
pub(super) async fn beats(session: &Session, schemas: &Schemas) -> Result<Option<Vec<Beat>>> {
    if !schemas.cms_has("worker_heartbeats") {
        return Ok(None);
    }
    let sql = format!(
        "SELECT worker_id, host, pid, mode, version, concurrency::bigint AS concurrency, \
           (extract(epoch FROM started_at) * 1000)::bigint AS started_ms, \
           (extract(epoch FROM last_seen_at) * 1000)::bigint AS seen_ms, \
           stopped_at IS NOT NULL AS stopped, activities, recent FROM {} \
         WHERE last_seen_at > now() - interval '1 day' \
         ORDER BY worker_id LIMIT 1000",
        schemas.of_cms("worker_heartbeats")
    );
    Ok(Some(session.query(sql).timeout(QUESTION).fetch().await?))
}

/// What somebody holds or held: activities, messages, and turns of orchestrations.
pub(super) async fn leases(session: &Session, schemas: &Schemas) -> Result<Vec<Held>> {
    let sql = format!(
        "SELECT * FROM (\
           SELECT 'activity' AS kind, coalesce(to_jsonb(w)->>'instance_id', \
               substring(w.work_item from '\"instance\":[[:space:]]*\"([^\"]*)\"')) AS orchestration, \
             substring(w.work_item from '\"name\":[[:space:]]*\"([^\"]*)\"') AS activity, \
             (to_jsonb(w)->>'attempt_count')::bigint AS attempts, w.locked_until AS until_ms \
           FROM {} w WHERE w.lock_token IS NOT NULL AND w.locked_until IS NOT NULL \
           UNION ALL SELECT 'message', o.instance_id, NULL, \
             (to_jsonb(o)->>'attempt_count')::bigint, o.locked_until \
           FROM {} o WHERE o.lock_token IS NOT NULL AND o.locked_until IS NOT NULL \
           UNION ALL SELECT 'turn', l.instance_id, NULL, NULL, l.locked_until FROM {} l\
         ) AS held ORDER BY until_ms, kind, orchestration LIMIT 1000",
        schemas.of_duroxide("worker_queue"),
        schemas.of_duroxide("orchestrator_queue"),
        schemas.of_duroxide("instance_locks"),
    );
    session.query(sql).timeout(QUESTION).fetch().await
}

/// What waits, by kind.
pub(super) async fn kinds(session: &Session, schemas: &Schemas) -> Result<Vec<Kind>> {
    let sql = format!(
        "WITH now AS (SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS ms), \
         q AS (SELECT 'orchestrator' AS queue, work_item, lock_token, locked_until, \
                 (extract(epoch FROM visible_at) * 1000)::bigint AS visible_ms FROM {} \
               UNION ALL SELECT 'worker', work_item, lock_token, locked_until, \
                 (extract(epoch FROM visible_at) * 1000)::bigint FROM {}), \
         s AS (SELECT queue, \
             coalesce(substring(work_item from '^[[:space:]]*[{{][[:space:]]*\"([A-Za-z]+)\"'), 'Unreadable') AS kind, \
             visible_ms, lock_token IS NOT NULL AND locked_until >= now.ms AS is_held, \
             visible_ms <= now.ms AS is_visible, \
             now.ms - greatest(visible_ms, coalesce(locked_until, 0)) AS age FROM q, now) \
         SELECT queue, kind, count(*) FILTER (WHERE is_visible AND NOT is_held) AS due, \
             count(*) FILTER (WHERE is_held) AS held, \
             count(*) FILTER (WHERE NOT is_visible AND NOT is_held) AS later, \
             max(age) FILTER (WHERE is_visible AND NOT is_held) AS oldest_ms \
         FROM s GROUP BY 1, 2 ORDER BY 1, 2",
        schemas.of_duroxide("orchestrator_queue"),
        schemas.of_duroxide("worker_queue"),
    );
    session.query(sql).timeout(QUESTION).fetch().await
}
