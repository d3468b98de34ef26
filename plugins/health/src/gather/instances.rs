//! The records of instances, each with its monitor and its last check.

use super::database::{Asking, lacks};
use serde::Deserialize;
use toygres_plugin_api::Result;

/// An instance that is not deleted, or was a moment ago.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Instance {
    pub(crate) name: String,
    pub(crate) k8s_name: String,
    pub(crate) namespace: String,
    pub(crate) state: String,
    pub(crate) health: String,
    pub(crate) load_balancer: bool,
    /// Since its record last changed.
    pub(crate) unchanged_ms: i64,
    /// Since it was made.
    pub(crate) age_ms: i64,
    pub(crate) monitor: Option<String>,
    /// The monitor's execution runs, or its start is queued.
    pub(crate) monitor_live: Option<bool>,
    /// Until its monitor goes on; `None` where nothing waits for that.
    pub(crate) monitor_next_ms: Option<i64>,
    /// The orchestration that makes or unmakes it runs, or its start is queued.
    pub(crate) work_live: Option<bool>,
    /// Since its last health check; negative where that is dated in the future.
    pub(crate) checked_ms: Option<i64>,
    pub(crate) check_error: Option<String>,
    /// Why it is where it is, from its last event.
    pub(crate) message: Option<String>,
}

/// Deleted ones count while Kubernetes may still be taking their objects away.
pub(super) async fn instances(asking: Asking) -> Result<Vec<Instance>> {
    let schemas = asking.schemas().await?;
    for table in super::schema::CMS_TABLES {
        if !schemas.cms_has(table) {
            return Err(lacks(&schemas.cms, table));
        }
    }
    let knows_workflows = schemas.duroxide_has("instances")
        && schemas.duroxide_has("executions")
        && schemas.duroxide_has("orchestrator_queue");
    let live = |id: &str| {
        if !knows_workflows {
            return "NULL::boolean".to_owned();
        }
        format!(
            "({id} IS NOT NULL AND (EXISTS (SELECT FROM {executions} e \
               JOIN {instances} w ON w.instance_id = e.instance_id \
                   AND e.execution_id = w.current_execution_id \
               WHERE e.instance_id = {id} AND e.status IN ('Running', 'ContinuedAsNew')) \
             OR EXISTS (SELECT FROM {queue} q WHERE q.instance_id = {id})))",
            executions = schemas.of_duroxide("executions"),
            instances = schemas.of_duroxide("instances"),
            queue = schemas.of_duroxide("orchestrator_queue"),
        )
    };
    let since =
        |time: &str| format!("(extract(epoch FROM clock_timestamp() - {time}) * 1000)::bigint");
    // What is due goes on at once: the earliest message says when.
    let next = if knows_workflows {
        format!(
            "(SELECT (extract(epoch FROM min(n.visible_at) - clock_timestamp()) * 1000)::bigint \
             FROM {} n WHERE n.instance_id = i.instance_actor_orchestration_id)",
            schemas.of_duroxide("orchestrator_queue")
        )
    } else {
        "NULL::bigint".to_owned()
    };
    let work = "CASE i.state::text WHEN 'creating' THEN i.create_orchestration_id \
                WHEN 'deleting' THEN i.delete_orchestration_id END";
    let sql = format!(
        "SELECT i.user_name AS name, i.k8s_name, i.namespace, i.state::text AS state, \
           i.health_status::text AS health, i.use_load_balancer AS load_balancer, \
           {} AS unchanged_ms, {} AS age_ms, i.instance_actor_orchestration_id AS monitor, \
           {} AS monitor_live, {next} AS monitor_next_ms, {} AS work_live, {} AS checked_ms, c.error_message AS check_error, \
           (SELECT v.message FROM {} v WHERE v.instance_id = i.id \
              ORDER BY v.created_at DESC LIMIT 1) AS message \
         FROM {} i LEFT JOIN LATERAL (SELECT h.checked_at, h.error_message FROM {} h \
              WHERE h.instance_id = i.id ORDER BY h.checked_at DESC LIMIT 1) c ON true \
         WHERE i.state <> 'deleted' OR i.updated_at > now() - interval '2 minutes' \
         ORDER BY i.user_name, i.k8s_name",
        since("i.updated_at"),
        since("i.created_at"),
        live("i.instance_actor_orchestration_id"),
        live(&format!("({work})")),
        since("c.checked_at"),
        schemas.of_cms("instance_events"),
        schemas.of_cms("instances"),
        schemas.of_cms("instance_health_checks"),
    );
    asking.rows(sql).await
}
