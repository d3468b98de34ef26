//! What the workflows' records say of an instance's orchestrations; read only.

use super::Cms;
use sqlx::{PgExecutor, Row};
use std::time::Duration;

/// Where an orchestration is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::control) enum Workflow {
    /// There is no record of it.
    Unknown,
    /// It goes on, or is about to begin.
    Live,
    /// It ended as it should.
    Completed,
    /// It ended with a failure, or was cancelled.
    Failed(String),
}

/// Where an orchestration is.
///
/// # Errors
/// The database's.
pub(in crate::control) async fn workflow(cms: &Cms, id: &str) -> Result<Workflow, sqlx::Error> {
    let sql = format!(
        "SELECT e.status, e.output FROM {schema}.instances i
         JOIN {schema}.executions e ON e.instance_id = i.instance_id
             AND e.execution_id = i.current_execution_id
         WHERE i.instance_id = $1
         UNION ALL SELECT 'Queued', NULL FROM {schema}.orchestrator_queue WHERE instance_id = $1
         LIMIT 1",
        schema = cms.duroxide
    );
    let row = sqlx::query(&sql).bind(id).fetch_optional(&cms.pool).await?;
    let Some(row) = row else { return Ok(Workflow::Unknown) };
    let output: Option<String> = row.try_get(1)?;
    Ok(match row.try_get::<String, _>(0)?.as_str() {
        "Completed" => Workflow::Completed,
        "Failed" => Workflow::Failed(output.unwrap_or_else(|| "it says no reason".to_owned())),
        _ => Workflow::Live,
    })
}

/// An instance that no orchestration works on though one should.
#[derive(Debug)]
pub(in crate::control) struct Stray {
    pub(in crate::control) id: String,
    pub(in crate::control) k8s_name: String,
}

/// The instances that are being made or unmade, and that nobody touched for so long.
///
/// # Errors
/// The database's.
pub(in crate::control) async fn strays(
    cms: &Cms,
    untouched: Duration,
) -> Result<Vec<Stray>, sqlx::Error> {
    let sql = format!(
        "SELECT i.id::text, i.k8s_name FROM instances i
         LEFT JOIN {schema}.instances w ON w.instance_id =
             CASE i.state WHEN 'creating' THEN i.create_orchestration_id
                  ELSE i.delete_orchestration_id END
         LEFT JOIN {schema}.executions e ON e.instance_id = w.instance_id
             AND e.execution_id = w.current_execution_id
         WHERE (i.state IN ('creating', 'deleting')
                -- Its cleaning up was decided, and never begun.
                OR (i.state = 'failed' AND i.delete_orchestration_id IS NOT NULL
                    AND w.instance_id IS NULL))
           AND i.updated_at < now() - make_interval(secs => $1)
           AND e.status IS DISTINCT FROM 'Running'
           AND NOT EXISTS (SELECT FROM {schema}.orchestrator_queue q WHERE q.instance_id =
               CASE i.state WHEN 'creating' THEN i.create_orchestration_id
                    ELSE i.delete_orchestration_id END)
         ORDER BY i.updated_at LIMIT 100",
        schema = cms.duroxide
    );
    let rows = sqlx::query(&sql).bind(untouched.as_secs_f64()).fetch_all(&cms.pool).await?;
    rows.iter().map(|row| Ok(Stray { id: row.try_get(0)?, k8s_name: row.try_get(1)? })).collect()
}

/// The next id of a kind of orchestration of an instance: the plain one, then numbered ones, since
/// the records of those that ended are kept. `taken` is one that may have no record yet.
///
/// # Errors
/// The database's.
pub(in crate::control) async fn next_id(
    connection: impl PgExecutor<'_>,
    cms: &Cms,
    plain: &str,
    taken: Option<&str>,
) -> Result<String, sqlx::Error> {
    let sql = format!(
        "SELECT instance_id FROM {schema}.instances WHERE instance_id = $1 OR instance_id LIKE $2
         UNION SELECT instance_id FROM {schema}.orchestrator_queue
             WHERE instance_id = $1 OR instance_id LIKE $2",
        schema = cms.duroxide
    );
    let used: Vec<String> = sqlx::query_scalar(&sql)
        .bind(plain)
        // No name of an instance has a character that LIKE reads as anything but itself.
        .bind(format!("{plain}-%"))
        .fetch_all(connection)
        .await?;
    let numbered = (2..).map(|number| format!("{plain}-{number}"));
    let free = std::iter::once(plain.to_owned())
        .chain(numbered)
        .find(|id| !used.contains(id) && taken != Some(id.as_str()));
    Ok(free.unwrap_or_else(|| plain.to_owned()))
}
