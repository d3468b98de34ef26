//! Health checks, as they are written.

use super::Cms;

/// What a check found.
#[derive(Debug, Clone)]
pub(in crate::control) struct Check<'a> {
    /// The id of the instance's record.
    pub(in crate::control) id: &'a str,
    /// Names the check, so that the same one is written once: an instance is checked once a moment.
    pub(in crate::control) checked_ms: i64,
    pub(in crate::control) status: &'a str,
    pub(in crate::control) version: Option<&'a str>,
    pub(in crate::control) response_ms: Option<i32>,
    pub(in crate::control) error: Option<&'a str>,
}

/// Writes a check, unless it is written, and what it says of the instance while that runs.
///
/// # Errors
/// The database's.
pub(in crate::control) async fn record_check(
    cms: &Cms,
    check: &Check<'_>,
) -> Result<(), sqlx::Error> {
    let mut transaction = cms.pool.begin().await?;
    // The instance's lock makes a check that is written twice at once wait for its double.
    let running: Option<bool> = sqlx::query_scalar(
        "UPDATE instances SET health_status = $2::text::public.health_status
         WHERE id = $1::uuid AND state = 'running' RETURNING true",
    )
    .bind(check.id)
    .bind(check.status)
    .fetch_optional(&mut *transaction)
    .await?;
    if running.is_some() {
        sqlx::query(
            "INSERT INTO instance_health_checks
                 (instance_id, status, postgres_version, response_time_ms, error_message, checked_at)
             SELECT $1::uuid, $2::text::public.health_status, $3, $4, $5, to_timestamp($6 / 1000.0)
             WHERE NOT EXISTS (SELECT FROM instance_health_checks
                 WHERE instance_id = $1::uuid AND checked_at = to_timestamp($6 / 1000.0))",
        )
        .bind(check.id)
        .bind(check.status)
        .bind(check.version)
        .bind(check.response_ms)
        .bind(check.error)
        .bind(check.checked_ms as f64)
        .execute(&mut *transaction)
        .await?;
    }
    transaction.commit().await
}
