//! The statements. `$1` is where the window begins, `$2` how far the roll-ups reach.

use crate::gather::schema::Schemas;
use toygres_model::records;

pub(super) fn server(schemas: &Schemas) -> String {
    format!(
        "SELECT (extract(epoch FROM now()) * 1000)::bigint AS now_ms, \
           (SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'toygres%') AS connections, \
           (SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'toygres%' \
              AND state = 'active' AND pid <> pg_backend_pid()) AS active, \
           (SELECT count(*) FROM {} WHERE lock_token IS NOT NULL \
              AND locked_until >= extract(epoch FROM now()) * 1000) AS processing",
        schemas.of_duroxide("worker_queue")
    )
}

pub(super) fn instances(schemas: &Schemas) -> String {
    format!(
        "SELECT count(*) FILTER (WHERE state = 'running') AS running, \
           count(*) FILTER (WHERE state = 'creating') AS creating, \
           count(*) FILTER (WHERE state = 'deleting') AS deleting, \
           count(*) FILTER (WHERE state = 'failed') AS failed, \
           count(*) FILTER (WHERE state = 'running' AND health_status = 'healthy') AS healthy, \
           count(*) FILTER (WHERE state = 'running' AND health_status = 'unhealthy') AS unhealthy, \
           count(*) FILTER (WHERE state = 'running' AND health_status = 'unknown') AS unknown, \
           coalesce(sum(storage_size_gb) FILTER (WHERE state = 'running'), 0)::bigint AS storage_gb \
         FROM {} WHERE state <> 'deleted'",
        schemas.of_cms("instances")
    )
}

pub(super) fn workers(schemas: &Schemas) -> String {
    format!(
        "SELECT coalesce(sum(concurrency), 0)::bigint AS live, coalesce(sum(greatest(0, \
           concurrency - jsonb_array_length(activities))), 0)::bigint AS idle FROM {} \
         WHERE stopped_at IS NULL AND concurrency > 0 \
           AND last_seen_at > clock_timestamp() - interval '10 seconds'",
        schemas.of_cms("worker_heartbeats")
    )
}

/// The tables of the roll-ups.
const ROLLUPS: &[&str] =
    &["rollup_progress", "rollup_orchestrations", "rollup_activities", "rollup_done"];

pub(super) fn may_read_rollups(schemas: &Schemas) -> String {
    let each = ROLLUPS.iter().map(|table| {
        let name = schemas.of_cms(table).replace('\'', "''");
        format!("has_table_privilege('{name}', 'SELECT')")
    });
    format!("SELECT {} AS may", each.collect::<Vec<_>>().join(" AND "))
}

/// How far the roll-ups reach; where the bucket begins that the window begins in; where what they
/// keep begins, and whether anything ended before that.
pub(super) fn progress(schemas: &Schemas) -> String {
    format!(
        "SELECT (extract(epoch FROM p.until) * 1000)::bigint AS until_ms, \
           (extract(epoch FROM date_bin('5 minutes', $1::timestamptz, '2000-01-01Z')) * 1000)::bigint \
             AS since_ms, \
           (extract(epoch FROM p.kept) * 1000)::bigint AS kept_ms, \
           EXISTS (SELECT FROM {} e WHERE e.completed_at < p.kept) AS has_older \
         FROM (SELECT max(rolled_until) AS until, \
             greatest(max(rolled_from), now() - interval '35 days') AS kept \
           FROM {} WHERE name = 'executions') AS p",
        schemas.of_duroxide("executions"),
        schemas.of_cms("rollup_progress")
    )
}

/// How many executions ended that the roll-ups do not have, up to one more than `most`. `$1` is how
/// far the roll-ups reach.
pub(super) fn late(schemas: &Schemas, most: i64) -> String {
    format!(
        "SELECT count(*) AS executions FROM ({} LIMIT {}) AS them",
        fresh(schemas, "$1"),
        most + 1
    )
}

pub(super) fn rolled_orchestrations(schemas: &Schemas) -> String {
    format!(
        "SELECT kind, status, sum(count)::bigint AS count, sum(total_ms)::bigint AS total_ms, \
           true AS rolled FROM {} \
         WHERE bucket >= $1::timestamptz GROUP BY 1, 2",
        schemas.of_cms("rollup_orchestrations")
    )
}

pub(super) fn rolled_activities(schemas: &Schemas) -> String {
    format!(
        "SELECT activity, succeeded, bin, sum(count)::bigint AS count, \
           sum(total_ms)::bigint AS total_ms, max(most_ms)::bigint AS most_ms, true AS rolled FROM {} \
         WHERE bucket >= $1::timestamptz GROUP BY 1, 2, 3",
        schemas.of_cms("rollup_activities")
    )
}

/// What the workers measured of the activities that they ran.
pub(super) fn activity_runs(schemas: &Schemas) -> String {
    format!(
        "SELECT activity, succeeded, bin, sum(count)::bigint AS count, \
           sum(total_ms)::bigint AS total_ms, max(most_ms)::bigint AS most_ms, true AS rolled FROM {} \
         WHERE bucket >= date_bin('5 minutes', $1::timestamptz, '2000-01-01Z') GROUP BY 1, 2, 3",
        schemas.of_cms("rollup_activity_runs")
    )
}

/// Executions that ended and are not in the roll-ups yet: they end at most some minutes before what
/// was rolled up last, since ends come late. One that continued as new ended when the next one began.
///
/// `mark` is the parameter with that time, and no sub-query: so the planner knows how few are left.
fn fresh(schemas: &Schemas, mark: &str) -> String {
    format!(
        "SELECT e.instance_id, e.execution_id, e.status, e.completed_at FROM {executions} e \
         WHERE e.completed_at > {mark}::timestamptz - interval '10 minutes' AND {open} \
         UNION ALL \
         SELECT e.instance_id, e.execution_id, e.status, n.started_at FROM {executions} n \
         JOIN {executions} e ON e.instance_id = n.instance_id \
             AND e.execution_id = n.execution_id - 1 AND e.completed_at IS NULL \
         WHERE n.execution_id > 1 AND n.started_at > {mark}::timestamptz - interval '10 minutes' AND {open}",
        executions = schemas.of_duroxide("executions"),
        open = format_args!(
            "NOT EXISTS (SELECT FROM {} d WHERE d.instance_id = e.instance_id \
               AND d.execution_id = e.execution_id)",
            schemas.of_cms("rollup_done")
        ),
    )
}

/// What runs; also what has continued as new and waits in the queue for its next execution.
fn running(schemas: &Schemas) -> String {
    format!(
        "SELECT e.instance_id, e.execution_id, e.started_at FROM {executions} e \
         WHERE e.status = 'Running' \
         UNION SELECT e.instance_id, e.execution_id, e.started_at FROM {queue} q \
         JOIN {instances} i ON i.instance_id = q.instance_id \
         JOIN {executions} e ON e.instance_id = i.instance_id \
             AND e.execution_id = i.current_execution_id AND e.status = 'ContinuedAsNew'",
        executions = schemas.of_duroxide("executions"),
        instances = schemas.of_duroxide("instances"),
        queue = schemas.of_duroxide("orchestrator_queue"),
    )
}

/// As we tell it.
fn status(schemas: &Schemas) -> String {
    format!(
        "CASE WHEN e.status = 'Failed' AND {} THEN 'cancelled' \
           WHEN e.status IN ('Completed', 'Failed') THEN lower(e.status) ELSE 'running' END",
        records::was_cancelled(&schemas.of_duroxide("history"), "e")
    )
}

/// What ended and is not rolled up, and what runs.
pub(super) fn live_orchestrations(schemas: &Schemas) -> String {
    format!(
        "WITH fresh AS ({fresh}), running AS MATERIALIZED ( \
           SELECT i.orchestration_name AS kind, count(*) AS all_of_them, \
             count(*) FILTER (WHERE i.created_at >= $1::timestamptz) AS new_ones \
           FROM ({running}) e JOIN {instances} i ON i.instance_id = e.instance_id GROUP BY 1) \
         SELECT i.orchestration_name AS kind, {status} AS status, count(*) AS count, \
           coalesce(sum(greatest(0, extract(epoch FROM e.completed_at - i.created_at) * 1000)), 0)::bigint \
             AS total_ms, false AS rolled \
         FROM fresh e JOIN {instances} i ON i.instance_id = e.instance_id \
         WHERE e.status IN ('Completed', 'Failed') AND i.created_at >= $1::timestamptz GROUP BY 1, 2 \
         UNION ALL SELECT kind, 'running', new_ones, 0, false FROM running WHERE new_ones > 0 \
         UNION ALL SELECT kind, 'running_now', all_of_them, 0, false FROM running",
        fresh = fresh(schemas, "$2"),
        running = running(schemas),
        status = status(schemas),
        instances = schemas.of_duroxide("instances"),
    )
}

/// Activities of some executions that ended since then, by bins.
fn durations(schemas: &Schemas, executions: &str) -> String {
    format!(
        "WITH ended AS MATERIALIZED ({executions}) \
         SELECT activity, succeeded, bin, count(*) AS count, sum(took_ms)::bigint AS total_ms, \
           max(took_ms)::bigint AS most_ms, false AS rolled FROM ({activities}) AS activities \
         WHERE ended_ms >= extract(epoch FROM $1::timestamptz) * 1000 GROUP BY 1, 2, 3",
        activities = records::activities(&schemas.of_duroxide("history"), "ended"),
    )
}

/// The latest of what is not rolled up, and of what runs.
pub(super) fn live_activities(schemas: &Schemas, most: i64) -> String {
    let executions = format!(
        "(SELECT instance_id, execution_id FROM ({}) f ORDER BY completed_at DESC LIMIT {most}) \
         UNION (SELECT instance_id, execution_id FROM ({}) r ORDER BY started_at DESC LIMIT {most})",
        fresh(schemas, "$2"),
        running(schemas)
    );
    durations(schemas, &executions)
}

/// Executions that [`live_activities`] does not read. `$1` is how far the roll-ups reach.
pub(super) fn left_out(schemas: &Schemas, most: i64) -> String {
    let beyond = |executions: String| {
        format!("greatest(0, (SELECT count(*) FROM ({executions}) AS them) - {most})")
    };
    format!("SELECT {} + {} AS left_out", beyond(fresh(schemas, "$1")), beyond(running(schemas)))
}

/// About how many executions there are, without counting many: as many as there were in a page when
/// the table was last analysed, in the pages that it has now.
pub(super) fn about(schemas: &Schemas) -> String {
    let table = schemas.of_duroxide("executions");
    let name = table.replace('\'', "''");
    format!(
        "SELECT CASE WHEN c.reltuples > 0 AND c.relpages > 0 \
             THEN (c.reltuples / c.relpages * pages.now)::bigint \
           ELSE pages.now * 40 END AS executions \
         FROM pg_class c, LATERAL (SELECT pg_relation_size(c.oid) \
             / current_setting('block_size')::bigint AS now) AS pages \
         WHERE c.oid = '{name}'::regclass"
    )
}

/// The executions, or about this part of them: always the same pages, so that a watched answer does
/// not flicker.
fn sampled(schemas: &Schemas, part: Option<f64>) -> String {
    let table = schemas.of_duroxide("executions");
    match part {
        None => format!("{table} e"),
        Some(part) => {
            format!("{table} e TABLESAMPLE SYSTEM ({:.6}) REPEATABLE (42)", part * 100.0)
        }
    }
}

/// How many executions such a sample has: its pages hold more or fewer than the part that was asked
/// for, and what they hold is what counts stand for.
pub(super) fn size_of_sample(schemas: &Schemas, part: f64) -> String {
    format!("SELECT count(*) AS executions FROM {}", sampled(schemas, Some(part)))
}

pub(super) fn counted_orchestrations(schemas: &Schemas, part: Option<f64>) -> String {
    format!(
        "WITH them AS (SELECT i.orchestration_name AS kind, {status} AS status, \
             i.created_at >= $1::timestamptz AS is_new, \
             coalesce(greatest(0, extract(epoch FROM e.completed_at - i.created_at) * 1000), 0) AS ms \
           FROM {sampled} JOIN {instances} i ON i.instance_id = e.instance_id \
             AND i.current_execution_id = e.execution_id \
           WHERE i.created_at >= $1::timestamptz OR e.status = 'Running') \
         SELECT kind, status, count(*) AS count, sum(ms)::bigint AS total_ms, false AS rolled \
         FROM them WHERE is_new GROUP BY 1, 2 \
         UNION ALL SELECT kind, 'running_now', count(*), 0, false FROM them \
         WHERE status = 'running' GROUP BY 1, 2",
        status = status(schemas),
        sampled = sampled(schemas, part),
        instances = schemas.of_duroxide("instances"),
    )
}

pub(super) fn counted_activities(schemas: &Schemas, part: Option<f64>) -> String {
    let executions = format!(
        "SELECT e.instance_id, e.execution_id FROM {} WHERE e.completed_at IS NULL \
         OR e.completed_at >= $1::timestamptz",
        sampled(schemas, part)
    );
    durations(schemas, &executions)
}

#[cfg(test)]
mod tests {
    use super::{counted_activities, live_activities, sampled};
    use crate::gather::schema::Schemas;

    #[test]
    fn a_sample_is_part_of_the_statement() {
        let schemas = Schemas::named("c", "d");
        let sql = live_activities(&schemas, 7);
        assert!(sql.contains("LIMIT 7"));
        assert!(counted_activities(&schemas, Some(0.02)).contains("SYSTEM (2.000000)"));
        assert_eq!(sampled(&schemas, None), "\"d\".executions e");
    }
}
