//! How duroxide's records are read in SQL: text for statements, shared so that every figure is
//! counted in one way.
//!
//! An event's text is taken apart by patterns and never parsed as JSON, since one that is no JSON
//! must not fail the rest. Quotes within its values are escaped, so that no value looks like a key.
//! What passed through PostgreSQL's `jsonb` on its way has a blank after each colon.

/// Whether a failed execution was cancelled: duroxide knows no such status, but the event at its end
/// says so. `execution` is the name that the statement gives to the table of executions.
///
/// It is a single value and no `EXISTS`, which would be planned as one reading of the whole history.
#[must_use]
pub fn was_cancelled(history: &str, execution: &str) -> String {
    format!(
        r#"coalesce((SELECT true FROM {history} h
            WHERE h.instance_id = {execution}.instance_id
              AND h.execution_id = {execution}.execution_id
              AND h.event_data LIKE '%OrchestrationFailed%'
              AND h.event_data ~ '"Cancelled"[[:space:]]*:[[:space:]]*[{{][[:space:]]*"reason"' LIMIT 1), false)"#
    )
}

/// duroxide's tables, quoted with their schema.
#[derive(Debug, Clone)]
pub struct Tables {
    /// `executions`.
    pub executions: String,
    /// `history`.
    pub history: String,
    /// `orchestrator_queue`.
    pub orchestrator_queue: String,
    /// `worker_queue`.
    pub worker_queue: String,
    /// `instance_locks`.
    pub instance_locks: String,
}

/// The ids (`instance_id`) of executions that run though nothing anywhere will move them on: a list of
/// common table expressions that ends with the table `stuck`, of at most `most` rows.
///
/// A running execution is moved on by a message, a timer (both in the orchestrator's queue), an
/// activity in the worker's queue, a child, or an event from outside. One with none of these, that
/// nobody holds and that was not touched for a minute, is stuck. A child's id begins with that of its
/// parent. The events are asked for as one value: as `EXISTS` all of the history would be read.
#[must_use]
pub fn stuck(tables: &Tables, most: i64) -> String {
    format!(
        "busy AS (SELECT instance_id FROM {orchestrator_queue} \
             UNION SELECT instance_id FROM {instance_locks} \
             UNION SELECT coalesce(to_jsonb(w)->>'instance_id', \
                 substring(w.work_item from '\"instance\":[[:space:]]*\"([^\"]*)\"')) FROM {worker_queue} w), \
         running AS (SELECT e.instance_id, e.execution_id FROM {executions} e \
             WHERE e.status = 'Running' AND e.started_at < now() - interval '1 minute'), \
         parents AS (SELECT DISTINCT array_to_string(parts[1:n], '::sub::') AS instance_id \
             FROM (SELECT string_to_array(instance_id, '::sub::') AS parts \
                 FROM (SELECT instance_id FROM busy UNION ALL SELECT instance_id FROM running) AS all_of_them \
                 WHERE instance_id LIKE '%::sub::%') AS children \
             CROSS JOIN LATERAL generate_series(1, cardinality(parts) - 1) AS n), \
         stuck AS (SELECT r.instance_id FROM running r \
             WHERE NOT EXISTS (SELECT FROM busy b WHERE b.instance_id = r.instance_id) \
               AND NOT EXISTS (SELECT FROM parents p WHERE p.instance_id = r.instance_id) \
               AND NOT coalesce((SELECT true FROM {history} h WHERE h.instance_id = r.instance_id \
                   AND h.execution_id = r.execution_id \
                   AND (h.event_data LIKE '%Subscribed\"%' \
                        OR h.event_data LIKE '%SubscribedPersistent\"%' \
                        OR h.event_data LIKE '%SubOrchestrationScheduled%' \
                        OR h.created_at > now() - interval '1 minute') LIMIT 1), false) \
             LIMIT {most})",
        executions = tables.executions,
        history = tables.history,
        orchestrator_queue = tables.orchestrator_queue,
        worker_queue = tables.worker_queue,
        instance_locks = tables.instance_locks,
    )
}

/// The activities that ended in `executions` (a table, or a query with its parentheses, that has an
/// instance and an execution): `activity` without its path, whether it `succeeded`, `ended_ms` since
/// 1970, `took_ms`, and the `bin` of that, which is the fourth part of a power of two (a hair above, so
/// that a power itself does not fall below).
///
/// An end is brought together with its beginning by grouping: a join of the events with themselves
/// would be planned without knowing how many there are. `OFFSET 0` has what a query finds computed
/// once, and not wherever the one around it uses it.
#[must_use]
pub fn activities(history: &str, executions: &str) -> String {
    format!(
        r#"SELECT *, CASE WHEN took_ms < 1 THEN 0
            ELSE least(160, 1 + floor(4 * ln(took_ms::float8) / ln(2) + 1e-9))::int END AS bin
        FROM (SELECT regexp_replace(max(name), '^.*::', '') AS activity,
            bool_or(type = 'ActivityCompleted') AS succeeded,
            bool_or(type = 'ActivityScheduled') AS scheduled,
            min(at_ms) FILTER (WHERE type <> 'ActivityScheduled') AS ended_ms,
            greatest(0, min(at_ms) FILTER (WHERE type <> 'ActivityScheduled')
                - min(at_ms) FILTER (WHERE type = 'ActivityScheduled')) AS took_ms
            FROM ({events}) AS events
            GROUP BY instance_id, execution_id,
                CASE WHEN type = 'ActivityScheduled' THEN event_id ELSE source END OFFSET 0) AS matched
        WHERE scheduled AND activity IS NOT NULL AND ended_ms IS NOT NULL"#,
        events = events(history, executions)
    )
}

/// The events of activities, looked up for one execution after the other: where statistics of the
/// history are wrong, and they often are, a join would be planned as one reading of all of it.
///
/// A key is looked for as plain text and its value matched where it stands:
/// a pattern that may begin anywhere costs several times as much.
fn events(history: &str, executions: &str) -> String {
    format!(
        r#"SELECT instance_id, execution_id, event_id, type,
            CASE WHEN type = 'ActivityScheduled'
                THEN substring(split_part(event_data, '"name":', 2) from '^[[:space:]]*"([^"]*)"')
                END AS name,
            CASE WHEN type <> 'ActivityScheduled'
                THEN substring(split_part(event_data, '"source_event_id":', 2)
                    from '^[[:space:]]*([0-9]{{1,18}})[[:space:]]*[,}}]')::bigint
                END AS source,
            coalesce(nullif(substring(split_part(event_data, '"timestamp_ms":', 2)
                    from '^[[:space:]]*([0-9]{{1,18}})[[:space:]]*[,}}]')::bigint, 0),
                (extract(epoch FROM created_at) * 1000)::bigint) AS at_ms
        FROM (SELECT h.instance_id, h.execution_id, h.event_id, h.event_data, h.created_at,
            coalesce(substring(split_part(h.event_data, '"type":', 2)
                    from '^[[:space:]]*"(Activity[A-Za-z]+)"'),
                substring(h.event_data from '^[[:space:]]*[{{][[:space:]]*"(Activity[A-Za-z]+)"[[:space:]]*:')) AS type
            FROM {executions} AS e CROSS JOIN LATERAL (
                SELECT h.* FROM {history} h WHERE h.instance_id = e.instance_id
                    AND h.execution_id = e.execution_id
                    AND h.event_data LIKE '%Activity%' OFFSET 0) AS h OFFSET 0) AS typed
        WHERE type IN ('ActivityScheduled', 'ActivityCompleted', 'ActivityFailed') OFFSET 0"#
    )
}

#[cfg(test)]
mod tests {
    use super::{activities, was_cancelled};

    #[test]
    fn patterns_survive_their_way_into_the_statement() {
        let sql = activities("s.history", "ended");
        assert!(
            sql.contains(r#"'^[[:space:]]*[{][[:space:]]*"(Activity[A-Za-z]+)"[[:space:]]*:'"#),
            "{sql}"
        );
        assert!(sql.contains(r"'^[[:space:]]*([0-9]{1,18})[[:space:]]*[,}]'"), "{sql}");
        assert!(sql.contains("FROM ended AS e CROSS JOIN LATERAL"), "{sql}");
        assert!(sql.contains("FROM s.history h"), "{sql}");
        let sql = was_cancelled("s.history", "x");
        assert!(
            sql.contains(r#""Cancelled"[[:space:]]*:[[:space:]]*[{][[:space:]]*"reason""#),
            "{sql}"
        );
        assert!(sql.contains("x.execution_id"), "{sql}");
    }
}
