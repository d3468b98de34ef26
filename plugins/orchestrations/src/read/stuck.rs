//! Orchestrations that may need somebody: what lies in the queues for too long, and what runs though
//! nothing will move it on.

use super::schema::Schema;
use serde::Deserialize;
use toygres_model::diagnosis::PATIENCE_MS;
use toygres_model::records;
use toygres_plugin_api::Result;
use toygres_plugin_api::context::Session;

#[derive(Deserialize)]
struct Id {
    id: String,
}

/// The most candidates that are looked into.
const MOST: usize = 500;

/// Ids of orchestrations whose work lies in a queue for too long, was given back, or is held by a
/// lease that expired. The diagnosis of each decides.
pub(crate) async fn candidates(session: &Session, schema: &Schema) -> Result<Vec<String>> {
    let mut parts = Vec::new();
    let suspicious = format!(
        "((q.lock_token IS NOT NULL AND q.locked_until < extract(epoch FROM now()) * 1000) \
          OR (q.lock_token IS NULL AND q.visible_at < now() - interval '{PATIENCE_MS} milliseconds') \
          OR (q.lock_token IS NULL AND coalesce((to_jsonb(q)->>'attempt_count')::int, 0) > 0))"
    );
    if schema.has("worker_queue") {
        // Older generations have the id in the work item alone.
        parts.push(format!(
            "SELECT coalesce(to_jsonb(q)->>'instance_id', substring(q.work_item from \
             '\"instance\":\"([^\"]*)\"')) AS id FROM {} q WHERE {suspicious}",
            schema.table("worker_queue")
        ));
    }
    if schema.has("orchestrator_queue") {
        parts.push(format!(
            "SELECT q.instance_id AS id FROM {} q WHERE {suspicious}",
            schema.table("orchestrator_queue")
        ));
    }
    if parts.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT DISTINCT id FROM ({}) AS suspects WHERE id IS NOT NULL LIMIT {MOST}",
        parts.join(" UNION ALL ")
    );
    let ids: Vec<Id> = session.query(sql).fetch().await?;
    Ok(ids.into_iter().map(|row| row.id).collect())
}

/// Ids of orchestrations whose last activities all failed, or polled for what will not come about.
pub(crate) async fn failing(session: &Session, schema: &Schema) -> Result<Vec<String>> {
    if !schema.has("history") {
        return Ok(Vec::new());
    }
    let most = i64::try_from(MOST).unwrap_or(i64::MAX);
    let failing = records::failing(&schema.table("executions"), &schema.table("history"), most);
    let sql = format!("SELECT DISTINCT instance_id AS id FROM ({failing}) AS failing");
    let ids: Vec<Id> = session.query(sql).fetch().await?;
    Ok(ids.into_iter().map(|row| row.id).collect())
}

/// Ids of orchestrations that run though nothing anywhere will move them on, as `health` counts them.
pub(crate) async fn immobile(session: &Session, schema: &Schema) -> Result<Vec<String>> {
    let Some(tables) = schema.tables() else { return Ok(Vec::new()) };
    let limit = i64::try_from(MOST).unwrap_or(i64::MAX);
    let sql = format!(
        "WITH {} SELECT DISTINCT instance_id AS id FROM stuck",
        records::stuck(&tables, limit)
    );
    let ids: Vec<Id> = session.query(sql).fetch().await?;
    Ok(ids.into_iter().map(|row| row.id).collect())
}
