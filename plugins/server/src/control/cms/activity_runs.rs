//! How long activities ran, as the workers measured it.
//!
//! duroxide records when an activity was scheduled and when its completion was written. What lies between
//! is mostly waiting: for a dispatcher to poll, and for a free worker. Only the worker knows how long the
//! activity itself ran, so each process adds what it measured to roll-ups of five minutes, with its
//! heartbeats.

use super::Cms;

/// Counts of activities that a worker ran, by the time at which they ended and by how long they ran; bins
/// are those of `rollup_activities`.
pub(super) const TABLE: &str = "
CREATE TABLE IF NOT EXISTS rollup_activity_runs (
    bucket timestamptz NOT NULL,
    activity text NOT NULL,
    succeeded bool NOT NULL,
    bin int NOT NULL,
    count bigint NOT NULL,
    total_ms bigint NOT NULL,
    most_ms bigint NOT NULL,
    PRIMARY KEY (bucket, activity, succeeded, bin)
);
";

/// Activities of one name and outcome that ran about as long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::control) struct ActivityRuns {
    pub(in crate::control) activity: &'static str,
    pub(in crate::control) succeeded: bool,
    pub(in crate::control) bin: i32,
    pub(in crate::control) count: i64,
    pub(in crate::control) total_ms: i64,
    pub(in crate::control) most_ms: i64,
}

/// Adds what ended since the last time, all of it or nothing.
///
/// # Errors
/// The database's.
pub(in crate::control) async fn add_runs(
    cms: &Cms,
    runs: &[ActivityRuns],
) -> Result<(), sqlx::Error> {
    if runs.is_empty() {
        return Ok(());
    }
    let numbers = |of: fn(&ActivityRuns) -> i64| runs.iter().map(of).collect::<Vec<i64>>();
    sqlx::query(
        "INSERT INTO rollup_activity_runs AS r
             (bucket, activity, succeeded, bin, count, total_ms, most_ms)
         SELECT date_bin('5 minutes', now(), '2000-01-01Z'), * FROM unnest(
             $1::text[], $2::bool[], $3::int[], $4::bigint[], $5::bigint[], $6::bigint[])
         ON CONFLICT (bucket, activity, succeeded, bin) DO UPDATE
             SET count = r.count + excluded.count, total_ms = r.total_ms + excluded.total_ms,
                 most_ms = greatest(r.most_ms, excluded.most_ms)",
    )
    .bind(runs.iter().map(|run| run.activity).collect::<Vec<&str>>())
    .bind(runs.iter().map(|run| run.succeeded).collect::<Vec<bool>>())
    .bind(runs.iter().map(|run| run.bin).collect::<Vec<i32>>())
    .bind(numbers(|run| run.count))
    .bind(numbers(|run| run.total_ms))
    .bind(numbers(|run| run.most_ms))
    .execute(&cms.pool)
    .await
    .map(drop)
}
