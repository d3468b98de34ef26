//! Roll-ups: what ended executions tell, counted once and kept, so that statistics over a million
//! orchestrations need not read fifteen million events.
//!
//! An execution that ended never changes, so it is counted once: its orchestration by type and
//! status, its activities by name, outcome and duration, in buckets of five minutes. Ended ones are
//! taken in the order of their end, a limited number at a time. Their ends are by the workers'
//! clocks and come late, so the last minutes are looked at again; `rollup_done` remembers which of
//! them were counted. A step is one transaction: a process that is killed has counted all of it or
//! nothing. One process at a time does it, by an advisory lock.

use super::Inner;
use sqlx::{PgConnection, Row};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use toygres_model::records;

/// The pause between two times of looking.
const PAUSE: Duration = Duration::from_secs(10);
/// Executions that one step counts.
const STEP: i64 = 1000;
/// After so many steps, what nobody asks for any more is removed.
const FORGETTING: usize = 50;
/// The least pause between two steps while much is left.
const BREATH: Duration = Duration::from_millis(20);

/// Goes round until it is told to stop.
pub(super) async fn run(control: &Inner, stop: &CancellationToken) {
    let mut ticks = tokio::time::interval(PAUSE);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut indexed = false;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        // Without the index a step reads every execution; it is tried once by each process.
        if !std::mem::replace(&mut indexed, true)
            && let Err(error) = index(control).await
        {
            tracing::warn!(%error, "no index on the ends of executions: roll-ups take longer");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            done = catch_up(control) => if let Err(error) = done {
                tracing::warn!(%error, "cannot roll up what ended");
            }
        }
    }
}

/// Steps until nothing is left. After each it rests as long as the step took, so that of what the
/// database does for the workers never more than half is taken, however much there is to catch up.
async fn catch_up(control: &Inner) -> Result<(), sqlx::Error> {
    for steps in 1.. {
        let begun = Instant::now();
        if step(control).await? < STEP {
            break;
        }
        if steps % FORGETTING == 0 {
            forget(control).await?;
        }
        tokio::time::sleep(begun.elapsed().max(BREATH)).await;
    }
    forget(control).await
}

/// One step; answers how many executions it counted, none where another process is at it.
async fn step(control: &Inner) -> Result<i64, sqlx::Error> {
    let mut transaction = control.cms.pool.begin().await?;
    if !lock(&mut transaction, control).await? {
        return Ok(0);
    }
    let until: String = sqlx::query_scalar(
        "SELECT coalesce(max(rolled_until), now() - interval '35 days')::text
         FROM rollup_progress WHERE name = 'executions'",
    )
    .fetch_one(&mut *transaction)
    .await?;
    // A step takes no longer than PostgreSQL would take to compile it.
    sqlx::query("SET LOCAL jit = off").execute(&mut *transaction).await?;
    let count: i64 = sqlx::query(&statement(&control.cms.duroxide))
        .bind(STEP)
        .bind(until)
        .fetch_one(&mut *transaction)
        .await?
        .try_get(0)?;
    transaction.commit().await?;
    Ok(count)
}

/// Held until the transaction ends.
async fn lock(connection: &mut PgConnection, control: &Inner) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))")
        .bind(format!("toygres:rollup:{}", control.cms.schema))
        .fetch_one(connection)
        .await
}

/// Counts up to `$1` executions that ended after `$2`, or not long before it, and were not counted,
/// the earliest first. `$2` is a value, so that the index is entered there.
///
/// One that continued as new has no end of its own: it ended when the next one began.
fn statement(duroxide: &str) -> String {
    format!(
        r#"
WITH progress AS (
    SELECT $2::timestamptz AS until
), completed AS (
    SELECT e.instance_id, e.execution_id, e.status, e.completed_at
    FROM {duroxide}.executions e
    WHERE e.completed_at > $2::timestamptz - interval '10 minutes' AND e.completed_at <= now()
      AND NOT EXISTS (SELECT FROM rollup_done d
          WHERE d.instance_id = e.instance_id AND d.execution_id = e.execution_id)
    ORDER BY e.completed_at LIMIT $1
), continued AS (
    SELECT e.instance_id, e.execution_id, e.status, next.started_at AS completed_at
    FROM {duroxide}.executions next
    JOIN {duroxide}.executions e ON e.instance_id = next.instance_id
        AND e.execution_id = next.execution_id - 1 AND e.completed_at IS NULL
    WHERE next.execution_id > 1 AND next.started_at > $2::timestamptz - interval '10 minutes'
      AND next.started_at <= now()
      AND NOT EXISTS (SELECT FROM rollup_done d
          WHERE d.instance_id = e.instance_id AND d.execution_id = e.execution_id)
    ORDER BY next.started_at LIMIT $1
), ended AS MATERIALIZED (
    SELECT * FROM (SELECT * FROM completed UNION ALL SELECT * FROM continued) AS all_of_them
    ORDER BY completed_at LIMIT $1
), done AS (
    INSERT INTO rollup_done (instance_id, execution_id, completed_at)
    SELECT instance_id, execution_id, completed_at FROM ended
), counted AS (
    INSERT INTO rollup_orchestrations AS r (bucket, kind, status, count, total_ms)
    SELECT date_bin('5 minutes', i.created_at, '2000-01-01Z'),
        regexp_replace(i.orchestration_name, '^.*::', ''),
        CASE WHEN e.status = 'Failed' AND {cancelled} THEN 'cancelled'
            ELSE lower(e.status) END,
        count(*),
        sum(greatest(0, extract(epoch FROM e.completed_at - i.created_at) * 1000))::bigint
    FROM ended e JOIN {duroxide}.instances i ON i.instance_id = e.instance_id
    WHERE e.status IN ('Completed', 'Failed')
    GROUP BY 1, 2, 3
    ON CONFLICT (bucket, kind, status) DO UPDATE
        SET count = r.count + excluded.count, total_ms = r.total_ms + excluded.total_ms
), durations AS (
    INSERT INTO rollup_activities AS r (bucket, activity, succeeded, bin, count, total_ms, most_ms)
    SELECT date_bin('5 minutes', to_timestamp(ended_ms / 1000.0), '2000-01-01Z'), activity, succeeded,
        bin, count(*), sum(took_ms)::bigint, max(took_ms)
    FROM ({activities}) AS activities GROUP BY 1, 2, 3, 4
    ON CONFLICT (bucket, activity, succeeded, bin) DO UPDATE
        SET count = r.count + excluded.count, total_ms = r.total_ms + excluded.total_ms,
            most_ms = greatest(r.most_ms, excluded.most_ms)
), kept AS (
    INSERT INTO rollup_progress AS r (name, rolled_from, rolled_until, updated_at)
    SELECT 'executions', p.until,
        -- With nothing left, everything up to a moment ago is counted.
        CASE WHEN (SELECT count(*) FROM ended) < $1 THEN now() - interval '5 seconds'
            ELSE greatest(p.until, (SELECT max(completed_at) FROM ended)) END, now()
    FROM progress p
    ON CONFLICT (name) DO UPDATE
        SET rolled_until = greatest(r.rolled_until, excluded.rolled_until), updated_at = now()
)
SELECT count(*) FROM ended"#,
        cancelled = records::was_cancelled(&format!("{duroxide}.history"), "e"),
        activities = records::activities(&format!("{duroxide}.history"), "ended"),
    )
}

/// What nobody asks for any more.
async fn forget(control: &Inner) -> Result<(), sqlx::Error> {
    for sql in [
        "DELETE FROM rollup_done d USING rollup_progress p WHERE p.name = 'executions'
           AND d.completed_at < p.rolled_until - interval '20 minutes'",
        "DELETE FROM rollup_orchestrations WHERE bucket < now() - interval '35 days'",
        "DELETE FROM rollup_activities WHERE bucket < now() - interval '35 days'",
        "DELETE FROM rollup_activity_runs WHERE bucket < now() - interval '35 days'",
    ] {
        sqlx::query(sql).execute(&control.cms.pool).await?;
    }
    Ok(())
}

/// The indexes that find what ended, and what runs, on duroxide's own table. They are made without
/// holding anybody up.
async fn index(control: &Inner) -> Result<(), sqlx::Error> {
    let duroxide = &control.cms.duroxide;
    let mut connection = control.cms.pool.acquire().await?;
    // A lock of the session: the statements below cannot run within a transaction.
    let name = format!("toygres:rollup-indexes:{duroxide}");
    let mine: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock(hashtextextended($1, 0))")
        .bind(&name)
        .fetch_one(&mut *connection)
        .await?;
    if !mine {
        return Ok(());
    }
    let mut made = Ok(());
    for (name, on) in INDEXES {
        made = made.and(make_index(&mut connection, duroxide, name, on).await);
    }
    sqlx::query("SELECT pg_advisory_unlock(hashtextextended($1, 0))")
        .bind(&name)
        .execute(&mut *connection)
        .await?;
    made
}

/// One that was left unfinished by a process that ended is made anew.
async fn make_index(
    connection: &mut PgConnection,
    duroxide: &str,
    name: &str,
    on: &str,
) -> Result<(), sqlx::Error> {
    let valid: Option<bool> = sqlx::query_scalar(
        "SELECT x.indisvalid FROM pg_index x WHERE x.indexrelid = to_regclass($1)",
    )
    .bind(format!("{duroxide}.{name}"))
    .fetch_optional(&mut *connection)
    .await?;
    if valid == Some(true) {
        return Ok(());
    }
    if valid == Some(false) {
        let drop = format!("DROP INDEX CONCURRENTLY IF EXISTS {duroxide}.{name}");
        sqlx::query(&drop).execute(&mut *connection).await?;
    }
    let make =
        format!("CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {duroxide}.executions {on}");
    sqlx::query(&make).execute(&mut *connection).await.map(drop)
}

const INDEXES: &[(&str, &str)] = &[
    ("toygres_executions_ended", "(completed_at) WHERE completed_at IS NOT NULL"),
    ("toygres_executions_continued", "(started_at) WHERE execution_id > 1"),
    ("toygres_executions_running", "(started_at) WHERE status = 'Running'"),
];

#[cfg(test)]
mod tests {
    use super::statement;

    #[test]
    fn the_statement_names_the_schema() {
        let sql = statement("other");
        assert!(sql.contains("FROM other.executions e"));
        assert!(sql.contains("FROM other.history h"));
    }
}
