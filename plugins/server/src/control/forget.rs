//! Forgetting what is old: what every check leaves behind would grow for ever.
//!
//! Rows go in batches, each a statement of its own, with a rest between two of them, so that nobody
//! waits for it. The last check and the last event of an instance stay, however old: they say why it
//! is where it is.

use super::Inner;
use super::broken::Broken;
use duroxide::providers::{InstanceFilter, PruneOptions};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// The pause between two times, in leases: ten minutes, as leases are by default.
const PAUSE: u32 = 20;
/// How many executions of a health monitor are kept.
const KEEP_EXECUTIONS: u32 = 20;
/// Rows, and monitors, of one batch.
const BATCH: i64 = 1000;
/// Batches of one kind before the next kind has its turn; what is left is for the next time.
const BATCHES: usize = 100;
/// The least rest between two batches.
const BREATH: Duration = Duration::from_millis(20);

/// Processes that nobody has seen.
const HEARTBEATS: &str = "DELETE FROM worker_heartbeats WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM worker_heartbeats WHERE last_seen_at < now() - make_interval(days => $2)
    LIMIT $1))";
/// How many days such a process is remembered.
const KEEP_HEARTBEATS_DAYS: i32 = 7;

/// Drifts that were resolved.
const DRIFTS: &str = "DELETE FROM drift_detections WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM drift_detections WHERE resolved_at < now() - make_interval(days => $2) LIMIT $1))";

/// Goes round until it is told to stop.
pub(super) async fn run(control: &Inner, stop: &CancellationToken) {
    let lease = control.settings.lease.max(Duration::from_secs(1));
    let mut ticks = tokio::time::interval(lease);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut forgot: Option<Instant> = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        if forgot.is_some_and(|forgot| forgot.elapsed() < lease * PAUSE) {
            continue;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            // What has to wait for roll-ups is tried again after a lease.
            done = old(control) => match done {
                Ok(all) => forgot = all.then(Instant::now),
                Err(error) => tracing::warn!(%error, "cannot forget what is old"),
            }
        }
    }
}

/// Forgets; answers whether nothing had to wait.
///
/// # Errors
/// The database's.
async fn old(control: &Inner) -> Result<bool, Broken> {
    let settings = &control.settings;
    let checks = of_instances("instance_health_checks", "checked_at");
    let events = of_instances("instance_events", "created_at");
    in_batches(control, &checks, settings.keep_checks_days).await?;
    in_batches(control, &events, settings.keep_events_days).await?;
    in_batches(control, DRIFTS, settings.keep_events_days).await?;
    in_batches(control, HEARTBEATS, KEEP_HEARTBEATS_DAYS).await?;
    executions(control).await
}

/// Rows of a table that are older than so many days, but for the last one of each instance. The
/// table's index by instance and time is entered once for each of them.
fn of_instances(table: &str, time: &str) -> String {
    format!(
        "DELETE FROM {table} WHERE ctid = ANY(ARRAY(
             SELECT o.row FROM instances i CROSS JOIN LATERAL (
                 SELECT c.ctid AS row FROM {table} c WHERE c.instance_id = i.id
                     AND c.{time} < least(now() - make_interval(days => $2),
                         (SELECT max(l.{time}) FROM {table} l WHERE l.instance_id = i.id))
                 LIMIT $1) o LIMIT $1))"
    )
}

async fn in_batches(control: &Inner, sql: &str, days: i32) -> Result<(), sqlx::Error> {
    for _ in 0..BATCHES {
        let begun = Instant::now();
        let done = sqlx::query(sql).bind(BATCH).bind(days).execute(&control.cms.pool).await?;
        if done.rows_affected() < BATCH.unsigned_abs() {
            break;
        }
        tokio::time::sleep(begun.elapsed().max(BREATH)).await;
    }
    Ok(())
}

/// A monitor leaves an execution behind with each check. Only what roll-ups have counted is
/// forgotten: statistics would never know of it.
async fn executions(control: &Inner) -> Result<bool, Broken> {
    for _ in 0..BATCHES {
        let begun = Instant::now();
        let monitors = monitors(control).await?;
        if monitors.is_empty() {
            break;
        }
        if !is_rolled_up(control).await? {
            return Ok(false);
        }
        let filter = InstanceFilter {
            limit: Some(BATCH as u32),
            instance_ids: Some(monitors),
            completed_before: None,
        };
        let options = PruneOptions { keep_last: Some(KEEP_EXECUTIONS), completed_before: None };
        let pruned = control.client.prune_executions_bulk(filter, options).await?;
        if pruned.executions_deleted == 0 {
            break;
        }
        tokio::time::sleep(begun.elapsed().max(BREATH)).await;
    }
    Ok(true)
}

/// Monitors with more executions than are kept, a batch of them.
async fn monitors(control: &Inner) -> Result<Vec<String>, sqlx::Error> {
    let sql = format!(
        "SELECT i.instance_id FROM {schema}.instances i
         WHERE i.orchestration_name LIKE '%health-monitor' AND i.current_execution_id > $2
           AND EXISTS (SELECT FROM {schema}.executions e WHERE e.instance_id = i.instance_id
               AND e.execution_id <= i.current_execution_id - $2)
         LIMIT $1",
        schema = control.cms.duroxide
    );
    let keep = i64::from(KEEP_EXECUTIONS);
    sqlx::query_scalar(&sql).bind(BATCH).bind(keep).fetch_all(&control.cms.pool).await
}

/// Roll-ups have caught up, or nobody has made any for a day: then there is nothing to wait for.
async fn is_rolled_up(control: &Inner) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT coalesce(bool_or(rolled_until > now() - interval '5 minutes'
             OR updated_at < now() - interval '1 day'), false)
         FROM rollup_progress WHERE name = 'executions'",
    )
    .fetch_one(&control.cms.pool)
    .await
}
