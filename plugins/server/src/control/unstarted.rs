//! Clears executions of orchestrations that were never started, as creations of earlier releases left
//! them when they were deleted at once; `toygres_model::unstarted` says what they are and when one may
//! be cleared.

use super::Inner;
use super::broken::Broken;
use serde_json::Value;
use std::time::Duration;
use toygres_model::names;
use toygres_model::unstarted::{LOCK, Schemas};

/// Who did it, in the rows that tell of it.
const BY: &str = "toygres server";

/// Clears every one that began longer ago than `untouched`. Several processes may do so at once.
///
/// # Errors
/// The database's.
pub(super) async fn clear(control: &Inner, untouched: Duration) -> Result<(), Broken> {
    let cms = &control.cms;
    let schemas = Schemas { duroxide: &cms.duroxide, cms: Some(&cms.schema), heartbeats: true };
    let Some(statement) = schemas.clear() else { return Ok(()) };
    let found: Vec<String> = sqlx::query_scalar(&schemas.list())
        .bind(untouched.as_secs_f64())
        .fetch_all(&cms.pool)
        .await?;
    for id in found {
        let mut transaction = cms.pool.begin().await?;
        let locked: bool = sqlx::query_scalar(LOCK).bind(&id).fetch_one(&mut *transaction).await?;
        if !locked {
            continue;
        }
        let cleared = sqlx::query(&statement)
            .bind(&id)
            .bind(BY)
            .bind(names::k8s_name(&id, &Value::Null))
            .fetch_optional(&mut *transaction)
            .await?;
        transaction.commit().await?;
        if cleared.is_some() {
            tracing::warn!(orchestration = id, "cleared its execution, which was never started");
        }
    }
    Ok(())
}
