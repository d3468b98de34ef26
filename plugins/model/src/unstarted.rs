//! Executions of orchestrations that were never started, and how they are cleared.
//!
//! duroxide records an execution with the first message that it takes for an orchestration, whatever
//! that message is. Where it is not a start (a cancellation that was sent to a sub-orchestration whose
//! start was dropped in the same turn), nothing else is recorded: the execution is `Running`, without
//! an instance, without a history and with nothing in a queue. No worker ever takes it up again, and
//! duroxide's own cancellation leaves it as it is.
//!
//! Such an execution is cleared only where all of this is true in the very statement that deletes it:
//!
//! - no instance, no other execution and no event is recorded for its id;
//! - no queue holds a message, a timer or an activity for it, and nobody holds a lease on it, not even
//!   one that ran out within the last minute by the database's clock: a worker's may be behind;
//! - no heartbeat of the last minute says that a worker is at it;
//! - nothing below it is at work, and no parent that is at work could start it still;
//! - no release of duroxide is recorded for it, and the schema is none that a later release made:
//!   there such a record may mean something else.
//!
//! The statement runs behind the advisory lock that duroxide takes before it hands out an
//! orchestration's messages ([`LOCK`]), so that no worker takes one up between the look and the
//! deletion; of several processes that clear at once, one finds the row.

use crate::releases::DUROXIDE_SCHEMA;

/// Takes the lock under which duroxide hands out the messages of the orchestration `$1`; one row with
/// one column, which is false where a worker has it. It ends with the transaction.
pub const LOCK: &str = "SELECT pg_try_advisory_xact_lock(hashtext($1::text)) AS locked";

/// The type of the row of `drift_detections` that tells of an execution that was cleared.
pub const DETECTION_TYPE: &str = "unstarted_execution";

/// The event of an instance whose orchestration left it.
pub const EVENT_TYPE: &str = "unstarted-execution-cleared";

/// Both schemas, by their names.
#[derive(Debug, Clone, Copy)]
pub struct Schemas<'a> {
    /// duroxide's.
    pub duroxide: &'a str,
    /// The CMS's; `None` where there is none that can be read.
    pub cms: Option<&'a str>,
    /// Whether the CMS has a table of heartbeats.
    pub heartbeats: bool,
}

/// The tables without which nothing can be said of an execution.
pub const TABLES: &[&str] = &[
    "instances",
    "executions",
    "history",
    "worker_queue",
    "orchestrator_queue",
    "instance_locks",
    "_duroxide_migrations",
];

/// One reason why an execution is left alone: a column's name, what people read, and its condition.
struct Reason {
    name: &'static str,
    text: &'static str,
    condition: String,
}

impl Schemas<'_> {
    fn table(&self, name: &str) -> String {
        format!("{}.{name}", quoted(self.duroxide))
    }

    /// Every reason to leave an execution `e` alone that has no instance and no history.
    fn reasons(&self) -> Vec<Reason> {
        let reason = |name, text, condition| Reason { name, text, condition };
        // A pattern would read `_` and `%` of an id as anything.
        let below = |column: &str| {
            format!("left({column}, length(e.instance_id) + 7) = e.instance_id || '::sub::'")
        };
        let mut reasons = vec![
            reason(
                "queued",
                "a message or a timer for it lies in the queue",
                format!(
                    "EXISTS (SELECT FROM {} q WHERE q.instance_id = e.instance_id)",
                    self.table("orchestrator_queue")
                ),
            ),
            reason(
                "has_activity",
                "an activity of it lies in the queue",
                format!(
                    "EXISTS (SELECT FROM {} w WHERE coalesce(to_jsonb(w)->>'instance_id', \
                     substring(w.work_item from '\"instance\":[[:space:]]*\"([^\"]*)\"')) = e.instance_id)",
                    self.table("worker_queue")
                ),
            ),
            reason(
                "leased",
                "a worker holds it, or held it within the last minute",
                format!(
                    "EXISTS (SELECT FROM {} l WHERE l.instance_id = e.instance_id \
                     AND l.locked_until > (extract(epoch FROM clock_timestamp()) - 60) * 1000)",
                    self.table("instance_locks")
                ),
            ),
            reason(
                "has_children",
                "an orchestration below it is at work",
                format!(
                    "EXISTS (SELECT FROM {executions} c WHERE c.status = 'Running' AND {}) \
                     OR EXISTS (SELECT FROM {queue} q WHERE {})",
                    below("c.instance_id"),
                    below("q.instance_id"),
                    executions = self.table("executions"),
                    queue = self.table("orchestrator_queue"),
                ),
            ),
            reason(
                "parent_at_work",
                "its parent is at work and may start it",
                format!(
                    "EXISTS (SELECT FROM {} p WHERE p.status = 'Running' \
                     AND p.instance_id <> e.instance_id AND p.instance_id = \
                     regexp_replace(e.instance_id, '::sub::[^:]*$', ''))",
                    self.table("executions")
                ),
            ),
            reason(
                "has_more_executions",
                "other executions of it are recorded",
                format!(
                    "EXISTS (SELECT FROM {} o WHERE o.instance_id = e.instance_id \
                     AND o.execution_id <> e.execution_id)",
                    self.table("executions")
                ),
            ),
            reason(
                "pinned",
                "it was recorded by a release of duroxide that pinned it to itself",
                "to_jsonb(e)->>'duroxide_version_major' IS NOT NULL".to_owned(),
            ),
            reason(
                "newer_schema",
                "the schema was migrated by a later release of toygres",
                format!(
                    "coalesce((SELECT max(m.version) FROM {} m), 0) > {DUROXIDE_SCHEMA}",
                    self.table("_duroxide_migrations")
                ),
            ),
        ];
        if let Some(cms) = self.cms.filter(|_| self.heartbeats) {
            reasons.push(reason(
                "worker_at_it",
                "the last heartbeat of a worker says that it is at work on it",
                format!(
                    "EXISTS (SELECT FROM {}.worker_heartbeats b \
                     WHERE b.last_seen_at > now() - interval '1 minute' AND b.activities \
                     @> jsonb_build_array(jsonb_build_object('orchestration', e.instance_id)))",
                    quoted(cms)
                ),
            ));
        }
        reasons
    }

    /// `e` is running, and neither an instance nor an event is recorded for it.
    fn is_unstarted(&self) -> String {
        format!(
            "e.status = 'Running' \
             AND NOT EXISTS (SELECT FROM {} i WHERE i.instance_id = e.instance_id) \
             AND NOT EXISTS (SELECT FROM {} h WHERE h.instance_id = e.instance_id)",
            self.table("instances"),
            self.table("history"),
        )
    }

    /// The ids of unstarted executions that can be cleared and that began so many seconds ago (`$1`),
    /// the oldest first: `id`, and `started_at`.
    #[must_use]
    pub fn list(&self) -> String {
        format!(
            "SELECT e.instance_id AS id, e.started_at FROM {} e WHERE {} \
             AND coalesce(e.started_at, '-infinity') <= now() - make_interval(secs => $1::float8) \
             AND NOT ({}) ORDER BY e.started_at, e.instance_id LIMIT 500",
            self.table("executions"),
            self.is_unstarted(),
            self.held(),
        )
    }

    /// The unstarted execution of the orchestration `$1`: `execution_id`, `started_at`, `now_ms`, and
    /// `held`, the texts of what keeps it from being cleared. No row where there is no such execution.
    #[must_use]
    pub fn find(&self) -> String {
        let held: Vec<String> = self
            .reasons()
            .iter()
            .map(|reason| format!("CASE WHEN {} THEN '{}' END", reason.condition, reason.text))
            .collect();
        format!(
            "SELECT e.execution_id, e.started_at, \
             (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms, \
             to_jsonb(array_remove(ARRAY[{}]::text[], NULL)) AS held \
             FROM {} e WHERE e.instance_id = $1 AND {} ORDER BY e.execution_id DESC LIMIT 1",
            held.join(", "),
            self.table("executions"),
            self.is_unstarted(),
        )
    }

    fn held(&self) -> String {
        let conditions = self.reasons().into_iter();
        conditions.map(|reason| format!("({})", reason.condition)).collect::<Vec<_>>().join(" OR ")
    }

    /// Clears the unstarted execution of the orchestration `$1`, and tells of it in the CMS: `$2` says
    /// who did it, `$3` is the name in Kubernetes of the instance that it was about, if any. One row
    /// with the `id` where it was cleared, none where it was not there or must not be. To be run
    /// behind [`LOCK`]. `None` without a CMS: nothing could tell of it.
    #[must_use]
    pub fn clear(&self) -> Option<String> {
        let cms = quoted(self.cms?);
        // Names of columns that are kept with the row, so that it can be made out later what was seen.
        let seen: Vec<&str> = self.reasons().iter().map(|reason| reason.name).collect();
        Some(format!(
            "WITH cleared AS (DELETE FROM {executions} e WHERE e.instance_id = $1 \
                 AND {is_unstarted} AND NOT ({held}) \
                 RETURNING e.instance_id, e.execution_id, e.started_at), \
             unlocked AS (DELETE FROM {locks} l USING cleared \
                 WHERE l.instance_id = cleared.instance_id), \
             told AS (INSERT INTO {cms}.drift_detections (detection_type, k8s_name, k8s_exists, \
                 message, metadata, detected_at, resolved_at, resolved_by) \
                 SELECT '{DETECTION_TYPE}', $3::text, NULL, \
                     'cleared the execution of `' || instance_id || '`, which was never started', \
                     jsonb_build_object('orchestration', instance_id, 'execution', execution_id, \
                         'started_at', started_at, 'none_of', '{seen}'::jsonb), \
                     now(), now(), $2::text FROM cleared), \
             event AS (INSERT INTO {cms}.instance_events (instance_id, event_type, message, metadata, \
                 created_at) \
                 SELECT c.id, '{EVENT_TYPE}', \
                     'cleared the execution of `' || x.instance_id || '`, which was never started', \
                     jsonb_build_object('orchestration', x.instance_id, 'by', $2::text), \
                     clock_timestamp() \
                 FROM cleared x JOIN {cms}.instances c ON c.k8s_name = $3::text) \
             SELECT instance_id AS id FROM cleared",
            executions = self.table("executions"),
            locks = self.table("instance_locks"),
            is_unstarted = self.is_unstarted(),
            held = self.held(),
            seen = serde_json::json!(seen),
        ))
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::Schemas;

    const BOTH: Schemas<'_> = Schemas { duroxide: "d", cms: Some("c"), heartbeats: true };

    #[test]
    fn every_reason_is_looked_at_again_in_the_statement_that_clears() {
        let clear = BOTH.clear().unwrap();
        for reason in BOTH.reasons() {
            assert!(clear.contains(&reason.condition), "{}", reason.name);
            assert!(BOTH.list().contains(&reason.condition), "{}", reason.name);
            assert!(BOTH.find().contains(reason.text), "{}", reason.name);
            assert!(!reason.text.contains('\''), "{}", reason.text);
        }
    }

    #[test]
    fn nothing_is_cleared_where_nothing_could_tell_of_it() {
        assert_eq!(Schemas { cms: None, ..BOTH }.clear(), None);
        let old = Schemas { heartbeats: false, ..BOTH };
        assert!(!old.clear().unwrap().contains("worker_heartbeats"));
        assert!(Schemas { duroxide: "a\"b", ..BOTH }.list().contains("\"a\"\"b\".executions"));
    }
}
