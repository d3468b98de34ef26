//! Heartbeats: every process says what it is and what it is doing.

use super::Cms;
use serde_json::Value;
use sqlx::types::Json;

/// What a process says of itself.
#[derive(Debug)]
pub(in crate::control) struct Beat<'a> {
    pub(in crate::control) worker_id: &'a str,
    pub(in crate::control) host: &'a str,
    pub(in crate::control) pid: u32,
    pub(in crate::control) mode: &'a str,
    pub(in crate::control) version: &'a str,
    /// How many activities it runs at once; 0 for one that runs none.
    pub(in crate::control) concurrency: usize,
    pub(in crate::control) started_ms: i64,
    /// What it is doing, and what it did last.
    pub(in crate::control) activities: Value,
    pub(in crate::control) recent: Value,
    /// It is its last one.
    pub(in crate::control) stopped: bool,
}

/// Writes a heartbeat, by the database's clock.
///
/// # Errors
/// The database's.
pub(in crate::control) async fn beat(cms: &Cms, beat: &Beat<'_>) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO worker_heartbeats (worker_id, host, pid, mode, version, concurrency,
             started_at, last_seen_at, stopped_at, activities, recent)
         VALUES ($1, $2, $3, $4, $5, $6, to_timestamp($7::double precision / 1000), now(),
             CASE WHEN $8 THEN now() END, $9, $10)
         ON CONFLICT (worker_id) DO UPDATE SET last_seen_at = now(),
             stopped_at = excluded.stopped_at, activities = excluded.activities,
             recent = excluded.recent, concurrency = excluded.concurrency",
    )
    .bind(beat.worker_id)
    .bind(beat.host)
    .bind(i64::from(beat.pid))
    .bind(beat.mode)
    .bind(beat.version)
    .bind(i32::try_from(beat.concurrency).unwrap_or(i32::MAX))
    .bind(beat.started_ms as f64)
    .bind(beat.stopped)
    .bind(Json(&beat.activities))
    .bind(Json(&beat.recent))
    .execute(&cms.pool)
    .await
    .map(drop)
}
