//! What the metrics tell, counted by the database.

use super::broken;
use super::cms::Cms;
use sqlx::Row;
use toygres_model::names::short;
use toygres_model::records;
use toygres_plugin_api::Result;

/// Counts of what there is.
#[derive(Debug, Clone)]
pub(crate) struct Figures {
    /// Instances by state, deleted ones too.
    pub(crate) instances: Vec<(String, i64)>,
    /// Running instances by health.
    pub(crate) health: Vec<(String, i64)>,
    /// Orchestrations by type and by the status of their latest execution.
    pub(crate) orchestrations: Vec<OrchestrationFigure>,
    /// The queues of the workflows.
    pub(crate) queues: Queues,
    /// Processes that were seen within half a minute and did not stop.
    pub(crate) workers_live: i64,
}

/// How many orchestrations of a type have a status.
#[derive(Debug, Clone)]
pub(crate) struct OrchestrationFigure {
    pub(crate) kind: String,
    /// Lower case: `running`, `completed`, `failed`, `cancelled`.
    pub(crate) status: String,
    pub(crate) count: i64,
}

/// What waits to be taken by a worker.
#[derive(Debug, Clone)]
pub(crate) struct Queues {
    /// Messages for orchestrations that are due.
    pub(crate) orchestrator: i64,
    /// Activities that are due.
    pub(crate) worker: i64,
    /// Timers that are not due.
    pub(crate) timer: i64,
    /// How long the oldest one that is due has waited, in milliseconds; 0 for empty queues.
    pub(crate) oldest_ms: i64,
}

/// Counts.
pub(super) async fn read(cms: &Cms) -> Result<Figures> {
    let count = async {
        Ok::<_, sqlx::Error>(Figures {
            instances: pairs(cms, INSTANCES).await?,
            health: pairs(cms, HEALTH).await?,
            orchestrations: orchestrations(cms).await?,
            queues: queues(cms).await?,
            workers_live: sqlx::query_scalar(WORKERS).fetch_one(&cms.pool).await?,
        })
    };
    count.await.map_err(broken::cms)
}

const INSTANCES: &str = "
    SELECT w.state::text, count(i.id) FROM unnest(enum_range(NULL::public.instance_state)) w(state)
    LEFT JOIN instances i ON i.state = w.state GROUP BY 1 ORDER BY 1";

const HEALTH: &str = "
    SELECT w.health::text, count(i.id) FROM unnest(enum_range(NULL::public.health_status)) w(health)
    LEFT JOIN instances i ON i.health_status = w.health AND i.state = 'running'
    GROUP BY 1 ORDER BY 1";

const WORKERS: &str = "
    SELECT count(*) FROM worker_heartbeats
    WHERE stopped_at IS NULL AND last_seen_at > now() - interval '30 seconds'";

async fn pairs(cms: &Cms, sql: &str) -> Result<Vec<(String, i64)>, sqlx::Error> {
    let rows = sqlx::query(sql).fetch_all(&cms.pool).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

async fn orchestrations(cms: &Cms) -> Result<Vec<OrchestrationFigure>, sqlx::Error> {
    let sql = format!(
        "SELECT i.orchestration_name,
             CASE WHEN e.status = 'Failed' AND {cancelled} THEN 'cancelled'
                 WHEN e.status = 'ContinuedAsNew' THEN 'running' ELSE lower(e.status) END,
             count(*)
         FROM {schema}.instances i
         JOIN {schema}.executions e ON e.instance_id = i.instance_id
             AND e.execution_id = i.current_execution_id
         GROUP BY 1, 2 ORDER BY 1, 2",
        schema = cms.duroxide,
        cancelled = records::was_cancelled(&format!("{}.history", cms.duroxide), "e"),
    );
    let rows = sqlx::query(&sql).fetch_all(&cms.pool).await?;
    rows.iter()
        .map(|row| {
            let name: String = row.try_get(0)?;
            let (status, count) = (row.try_get(1)?, row.try_get(2)?);
            Ok(OrchestrationFigure { kind: short(&name).to_owned(), status, count })
        })
        .collect()
}

async fn queues(cms: &Cms) -> Result<Queues, sqlx::Error> {
    let sql = format!(
        "WITH o AS (SELECT visible_at, visible_at <= now() AS due FROM {schema}.orchestrator_queue),
              w AS (SELECT visible_at FROM {schema}.worker_queue WHERE visible_at <= now())
         SELECT (SELECT count(*) FROM o WHERE due), (SELECT count(*) FROM w),
             (SELECT count(*) FROM o WHERE NOT due),
             coalesce((extract(epoch FROM now() - least((SELECT min(visible_at) FROM o WHERE due),
                 (SELECT min(visible_at) FROM w))) * 1000)::bigint, 0)",
        schema = cms.duroxide
    );
    let row = sqlx::query(&sql).fetch_one(&cms.pool).await?;
    Ok(Queues {
        orchestrator: row.try_get(0)?,
        worker: row.try_get(1)?,
        timer: row.try_get(2)?,
        oldest_ms: row.try_get(3)?,
    })
}
