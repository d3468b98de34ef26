//! The database: the server itself, and what both schemas hold. Few statements, each over whole
//! sets, each for a role that may only read.

use super::quickest::quickest;
use super::schema::Schemas;
use super::{Lazy, QUESTION, Settings};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use toygres_model::disk::{self, Room, Space};
use toygres_model::records::Tables;
use toygres_plugin_api::protocol::DbTarget;
use toygres_plugin_api::{Context, Error, Result};

/// Who asks, and what is known of the schemas.
#[derive(Clone)]
pub(crate) struct Asking {
    pub(crate) ctx: Context,
    pub(crate) settings: Settings,
    schemas: Lazy<Schemas>,
}

impl Asking {
    pub(super) fn new(ctx: Context, settings: Settings, schemas: Lazy<Schemas>) -> Self {
        Self { ctx, settings, schemas }
    }

    pub(super) async fn schemas(&self) -> Result<Arc<Schemas>> {
        self.schemas.clone().await
    }

    pub(super) async fn rows<T: DeserializeOwned>(&self, sql: String) -> Result<Vec<T>> {
        self.ctx.db().query(sql).timeout(QUESTION).fetch().await
    }

    pub(super) async fn one<T: DeserializeOwned>(&self, sql: String) -> Result<T> {
        self.ctx.db().query(sql).timeout(QUESTION).fetch_one().await
    }
}

/// A table that a question needs and the schema lacks.
pub(super) fn lacks(schema: &str, table: &str) -> Error {
    Error::not_found(format!("the schema `{schema}` has no table `{table}`"))
}

/// The server, and how it was reached.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub(crate) target: DbTarget,
    pub(crate) said: Said,
    /// The round trip of a statement on an open connection.
    pub(crate) took_ms: f64,
    /// How far this machine's clock is ahead of the database's; negative where it is behind.
    pub(crate) ahead_ms: i64,
    /// The room on its disk, or why it cannot be known.
    pub(crate) space: std::result::Result<Space, &'static str>,
}

impl Server {
    /// Nothing can be written, as far as that can be known.
    pub(crate) fn is_full(&self) -> bool {
        self.space.is_ok_and(|space| space.room() == Room::Full)
    }
}

/// What the server says of itself.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Said {
    pub(crate) version: String,
    pub(crate) in_recovery: bool,
    pub(crate) max_connections: i64,
    pub(crate) reserved: i64,
    pub(crate) connections: i64,
    pub(crate) ours: i64,
    pub(crate) ours_active: i64,
    pub(crate) size_bytes: i64,
    pub(crate) oldest_xid_age: i64,
    pub(crate) sees_all: bool,
    /// Open connections of servers of toygres.
    pub(crate) servers: i64,
    backend_pid: i64,
    /// NULL where this role may not ask for it.
    data_directory: Option<String>,
}

/// Asks the server of itself, and its clock between two looks at ours.
pub(super) async fn server(ctx: Context) -> Result<Server> {
    #[derive(Deserialize)]
    struct Clock {
        now_ms: i64,
    }
    let session = ctx.db().snapshot().await?;
    // Of several servers the one that answered.
    let target = ctx.db().target().await?;
    let said: Said = session.query(SERVER).timeout(QUESTION).fetch_one().await?;
    let ask = async || {
        let (begun, before) = (Instant::now(), now_ms());
        let clock: Clock = session
            .query("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms")
            .timeout(QUESTION)
            .fetch_one()
            .await?;
        let took_ms = begun.elapsed().as_secs_f64() * 1000.0;
        Ok((took_ms, ahead(before, clock.now_ms, now_ms())))
    };
    let (took_ms, ahead_ms) = quickest(ask, |(took_ms, _)| *took_ms).await?;
    // Nothing was written; the connection serves what follows.
    let _over = session.rollback().await;
    let space = disk::space(&target.host, said.backend_pid, said.data_directory.as_deref());
    Ok(Server { target, said, took_ms, ahead_ms, space })
}

/// How far our clock is ahead of theirs, which was read between `before` and `after` on ours.
/// Within the round trip no clock can be told from the other.
fn ahead(before: i64, theirs: i64, after: i64) -> i64 {
    match theirs {
        now if now < before => before - now,
        now if now > after => after - now,
        _ => 0,
    }
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

const SERVER: &str = "\
SELECT current_setting('server_version') AS version, pg_is_in_recovery() AS in_recovery, \
       current_setting('max_connections')::bigint AS max_connections, \
       current_setting('superuser_reserved_connections')::bigint AS reserved, \
       (SELECT sum(numbackends) FROM pg_stat_database)::bigint AS connections, \
       (SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'toygres%') AS ours, \
       (SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'toygres%' \
           AND state = 'active') AS ours_active, \
       pg_database_size(current_database()) AS size_bytes, \
       (SELECT max(age(datfrozenxid)) FROM pg_database)::bigint AS oldest_xid_age, \
       (pg_has_role('pg_read_all_stats', 'USAGE') \
           OR (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)) AS sees_all, \
       (SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'toygres-server%' \
           AND datname = current_database()) AS servers, \
       pg_backend_pid() AS backend_pid, \
       (SELECT setting FROM pg_settings WHERE name = 'data_directory') AS data_directory";

/// How full of dead rows a table is.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) live: i64,
    pub(crate) dead: i64,
    pub(crate) size_bytes: i64,
    pub(crate) vacuumed_at: Option<String>,
}

/// The tables of both schemas, those with the most dead rows first.
pub(super) async fn tables(asking: Asking) -> Result<Vec<Table>> {
    let Settings { cms, duroxide, .. } = &asking.settings;
    let query = asking.ctx.db().query(
        "SELECT schemaname || '.' || relname AS name, n_live_tup AS live, n_dead_tup AS dead, \
                pg_total_relation_size(relid) AS size_bytes, \
                greatest(last_vacuum, last_autovacuum) AS vacuumed_at \
         FROM pg_stat_all_tables WHERE schemaname = ANY ($1::text[]) \
         ORDER BY n_dead_tup DESC",
    );
    query.bind(vec![cms.as_str(), duroxide.as_str()]).timeout(QUESTION).fetch().await
}

/// Who holds and who waits.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Activity {
    /// The oldest transaction of a client, other than this one's; NULL also where it is not seen.
    pub(crate) oldest_ms: Option<i64>,
    pub(crate) oldest_pid: Option<i64>,
    pub(crate) oldest_state: Option<String>,
    pub(crate) oldest_application: Option<String>,
    pub(crate) waiting: i64,
    pub(crate) waiting_ms: Option<i64>,
}

pub(super) async fn activity(asking: Asking) -> Result<Activity> {
    asking.one(ACTIVITY.to_owned()).await
}

const ACTIVITY: &str = "\
WITH old AS (SELECT pid, state, application_name, xact_start FROM pg_stat_activity \
        WHERE xact_start IS NOT NULL AND backend_type = 'client backend' \
          AND pid <> pg_backend_pid() ORDER BY xact_start LIMIT 1), \
     waits AS (SELECT (extract(epoch FROM clock_timestamp() - waitstart) * 1000)::bigint AS ms \
        FROM pg_locks WHERE NOT granted) \
SELECT (SELECT (extract(epoch FROM clock_timestamp() - xact_start) * 1000)::bigint FROM old) \
           AS oldest_ms, \
       (SELECT pid FROM old) AS oldest_pid, (SELECT state FROM old) AS oldest_state, \
       (SELECT application_name FROM old) AS oldest_application, \
       (SELECT count(*) FROM waits) AS waiting, (SELECT max(ms) FROM waits) AS waiting_ms";

/// What lies in duroxide's queues.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Queues {
    pub(crate) orchestrator_due: i64,
    pub(crate) orchestrator_oldest_ms: Option<i64>,
    pub(crate) worker_due: i64,
    pub(crate) worker_oldest_ms: Option<i64>,
    pub(crate) timers: i64,
    /// Activities that somebody holds.
    pub(crate) held: i64,
    /// Leases of work that nobody gave back in time, and the one that ran out first.
    pub(crate) expired: i64,
    pub(crate) expired_ms: Option<i64>,
    pub(crate) expired_of: Option<String>,
    /// Work that was taken again and again and is free: whoever takes it cannot do it.
    pub(crate) retried: i64,
    pub(crate) retried_of: Option<String>,
    pub(crate) retried_most: Option<i64>,
}

pub(super) async fn queues(asking: Asking) -> Result<Queues> {
    let schemas = asking.schemas().await?;
    for table in ["orchestrator_queue", "worker_queue", "instance_locks"] {
        if !schemas.duroxide_has(table) {
            return Err(lacks(&schemas.duroxide, table));
        }
    }
    asking.one(queues_statement(&schemas)).await
}

/// Age counts from when an item could be taken. An expired lease counts as one for a while longer
/// than dispatchers need to take it over; older generations count no attempts.
fn queues_statement(schemas: &Schemas) -> String {
    format!(
        "WITH now AS (SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS ms), \
         q AS ( \
           SELECT 'o' AS queue, instance_id AS instance, \
                  (extract(epoch FROM visible_at) * 1000)::bigint AS visible_ms, \
                  lock_token, locked_until, coalesce((to_jsonb(o)->>'attempt_count')::bigint, 0) AS attempts \
           FROM {orchestrator} o \
           UNION ALL \
           SELECT 'w', coalesce(to_jsonb(w)->>'instance_id', \
                  substring(w.work_item from '\"instance\":[[:space:]]*\"([^\"]*)\"')), \
                  (extract(epoch FROM visible_at) * 1000)::bigint, \
                  lock_token, locked_until, coalesce((to_jsonb(w)->>'attempt_count')::bigint, 0) \
           FROM {worker} w), \
         due AS (SELECT q.*, now.ms - greatest(visible_ms, coalesce(locked_until, 0)) AS age FROM q, now \
           WHERE visible_ms <= now.ms AND (lock_token IS NULL OR locked_until < now.ms)), \
         expired AS (SELECT q.instance, now.ms - q.locked_until AS ms FROM q, now \
           WHERE lock_token IS NOT NULL AND locked_until < now.ms \
           UNION ALL SELECT l.instance_id, now.ms - l.locked_until FROM {locks} l, now \
           WHERE l.locked_until < now.ms), \
         retried AS (SELECT * FROM due WHERE attempts >= 3 ORDER BY attempts DESC) \
         SELECT (SELECT count(*) FROM due WHERE queue = 'o') AS orchestrator_due, \
           (SELECT max(age) FROM due WHERE queue = 'o') AS orchestrator_oldest_ms, \
           (SELECT count(*) FROM due WHERE queue = 'w') AS worker_due, \
           (SELECT max(age) FROM due WHERE queue = 'w') AS worker_oldest_ms, \
           (SELECT count(*) FROM q, now WHERE queue = 'o' AND visible_ms > now.ms) AS timers, \
           (SELECT count(*) FROM q, now WHERE queue = 'w' AND lock_token IS NOT NULL \
               AND locked_until >= now.ms) AS held, \
           (SELECT count(*) FROM expired) AS expired, (SELECT max(ms) FROM expired) AS expired_ms, \
           (SELECT instance FROM expired ORDER BY ms DESC LIMIT 1) AS expired_of, \
           (SELECT count(*) FROM retried) AS retried, \
           (SELECT instance FROM retried LIMIT 1) AS retried_of, \
           (SELECT max(attempts) FROM retried) AS retried_most",
        orchestrator = schemas.of_duroxide("orchestrator_queue"),
        worker = schemas.of_duroxide("worker_queue"),
        locks = schemas.of_duroxide("instance_locks"),
    )
}

/// What the executions tell.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Executions {
    /// Ended badly since a day.
    pub(crate) failed: i64,
    pub(crate) failed_of: Option<String>,
    /// Given up after too many attempts, since a day.
    pub(crate) poisoned: i64,
    pub(crate) poisoned_of: Option<String>,
    /// Running, and nothing anywhere will move them on.
    pub(crate) stuck: i64,
    /// The first of them, by their ids.
    pub(crate) stuck_of: Vec<Stuck>,
    /// Running, and their last activities all failed.
    pub(crate) failing: Vec<String>,
}

/// An orchestration that nothing will move on.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Stuck {
    pub(crate) id: String,
    /// It has an execution and nothing else: see `toygres_model::unstarted`.
    pub(crate) unstarted: bool,
}

/// Stuck ones are counted so far and no further.
pub(crate) const MOST_STUCK: i64 = 1000;
/// So many of them are named.
const STUCK_NAMED: i64 = 100;

pub(super) async fn executions(asking: Asking) -> Result<Executions> {
    let schemas = asking.schemas().await?;
    for table in super::schema::DUROXIDE_TABLES {
        if !schemas.duroxide_has(table) {
            return Err(lacks(&schemas.duroxide, table));
        }
    }
    asking.one(executions_statement(&schemas)).await
}

fn executions_statement(schemas: &Schemas) -> String {
    let tables = Tables {
        executions: schemas.of_duroxide("executions"),
        history: schemas.of_duroxide("history"),
        orchestrator_queue: schemas.of_duroxide("orchestrator_queue"),
        worker_queue: schemas.of_duroxide("worker_queue"),
        instance_locks: schemas.of_duroxide("instance_locks"),
    };
    format!(
        "WITH bad AS (SELECT e.instance_id, e.completed_at, e.output LIKE 'poison:%' AS poisoned \
             FROM {executions} e WHERE e.status = 'Failed' \
               AND e.completed_at > now() - interval '1 day' \
               AND e.output NOT LIKE 'canceled:%'), \
         {stuck}, \
         failing AS ({failing}), \
         named AS (SELECT s.instance_id, \
                 NOT EXISTS (SELECT FROM {instances} i WHERE i.instance_id = s.instance_id) \
                 AND NOT EXISTS (SELECT FROM {history} h WHERE h.instance_id = s.instance_id) \
                     AS unstarted \
             FROM (SELECT DISTINCT instance_id FROM stuck ORDER BY instance_id LIMIT {STUCK_NAMED}) s) \
         SELECT (SELECT count(*) FROM bad WHERE NOT poisoned) AS failed, \
           (SELECT instance_id FROM bad WHERE NOT poisoned ORDER BY completed_at DESC LIMIT 1) AS failed_of, \
           (SELECT count(*) FROM bad WHERE poisoned) AS poisoned, \
           (SELECT instance_id FROM bad WHERE poisoned ORDER BY completed_at DESC LIMIT 1) AS poisoned_of, \
           (SELECT coalesce(jsonb_agg(DISTINCT instance_id), '[]') FROM failing) AS failing, \
           (SELECT count(*) FROM stuck) AS stuck, \
           (SELECT coalesce(jsonb_agg(jsonb_build_object('id', instance_id, 'unstarted', unstarted) \
               ORDER BY instance_id), '[]') FROM named) AS stuck_of",
        executions = tables.executions,
        history = tables.history,
        instances = schemas.of_duroxide("instances"),
        stuck = toygres_model::records::stuck(&tables, MOST_STUCK),
        failing = toygres_model::records::failing(&tables.executions, &tables.history, STUCK_NAMED),
    )
}

/// A heartbeat, with its age by the database's clock.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Beat {
    pub(crate) worker_id: String,
    pub(crate) host: String,
    pub(crate) version: String,
    pub(crate) concurrency: i64,
    pub(crate) age_ms: i64,
    pub(crate) stopped: bool,
    pub(crate) activities: Value,
    /// How far its own clock is ahead of the database's, as its times of that beat tell.
    pub(crate) ahead_ms: Option<i64>,
}

/// The pause between two heartbeats.
pub(crate) const BEAT_MS: i64 = 5_000;
/// A lost worker is shown for so long.
pub(crate) const LOST_FOR_MS: i64 = 900_000;

impl Beat {
    /// It was seen within two intervals and did not stop.
    pub(crate) fn is_live(&self) -> bool {
        !self.stopped && self.age_ms <= 2 * BEAT_MS
    }

    /// It went without a word, and not so long ago that nobody asks for it any more.
    pub(crate) fn is_lost(&self) -> bool {
        !self.stopped && self.age_ms > 2 * BEAT_MS && self.age_ms < LOST_FOR_MS
    }

    /// It does work, not only requests.
    pub(crate) fn works(&self) -> bool {
        self.concurrency > 0
    }

    pub(crate) fn busy(&self) -> i64 {
        self.activities.as_array().map_or(0, |list| i64::try_from(list.len()).unwrap_or(i64::MAX))
    }
}

/// None where the deployment has no table of heartbeats.
pub(super) async fn beats(asking: Asking) -> Result<Option<Vec<Beat>>> {
    let schemas = asking.schemas().await?;
    if !schemas.cms_has("worker_heartbeats") {
        return Ok(None);
    }
    let sql = format!(
        "SELECT worker_id, host, version, concurrency::bigint AS concurrency, \
           (extract(epoch FROM clock_timestamp() - last_seen_at) * 1000)::bigint AS age_ms, \
           stopped_at IS NOT NULL AS stopped, activities, \
           (extract(epoch FROM greatest(started_at, \
              (SELECT max((a->>'since')::timestamptz) FROM jsonb_array_elements(activities) a), \
              (SELECT max((r->>'ended_at')::timestamptz) FROM jsonb_array_elements(recent) r)) \
              - last_seen_at) * 1000)::bigint AS ahead_ms \
         FROM {} WHERE last_seen_at > now() - interval '1 day' ORDER BY last_seen_at DESC LIMIT 1000",
        schemas.of_cms("worker_heartbeats")
    );
    Ok(Some(asking.rows(sql).await?))
}

/// How many records of instances hold a password that was stored in the clear.
pub(super) async fn passwords(asking: Asking) -> Result<i64> {
    #[derive(Deserialize)]
    struct Count {
        count: i64,
    }
    let schemas = asking.schemas().await?;
    if !schemas.cms_has("instances") {
        return Err(lacks(&schemas.cms, "instances"));
    }
    let sql = format!(
        "SELECT count(*) AS count FROM {} WHERE ip_connection_string ~ '://[^:/@]+:[^@]+@' \
         OR dns_connection_string ~ '://[^:/@]+:[^@]+@'",
        schemas.of_cms("instances")
    );
    Ok(asking.one::<Count>(sql).await?.count)
}

#[cfg(test)]
mod tests {
    use super::{Beat, Schemas, executions_statement, queues_statement};
    use serde_json::json;

    fn beat(age_ms: i64, stopped: bool) -> Beat {
        let (worker_id, host, version) = ("w".to_owned(), "h".to_owned(), "1".to_owned());
        let activities = json!([{}, {}]);
        Beat {
            worker_id,
            host,
            version,
            concurrency: 1,
            age_ms,
            stopped,
            activities,
            ahead_ms: None,
        }
    }

    #[test]
    fn a_worker_is_lost_after_two_intervals_unless_it_said_good_bye() {
        assert!(beat(9_999, false).is_live() && !beat(9_999, false).is_lost());
        assert!(beat(10_001, false).is_lost() && !beat(10_001, false).is_live());
        assert!(!beat(10_001, true).is_lost() && !beat(1, true).is_live());
        // Nobody waits for one that went hours ago.
        assert!(!beat(4_000_000, false).is_lost());
        assert_eq!(beat(1, false).busy(), 2);
    }

    #[test]
    fn clocks_are_compared_between_two_looks() {
        assert_eq!(super::ahead(100, 105, 110), 0);
        assert_eq!(super::ahead(100, 40, 110), 60);
        assert_eq!(super::ahead(100, 150, 110), -40);
    }

    #[test]
    fn names_of_schemas_are_quoted() {
        let schemas = Schemas::named("c", "a\"b");
        assert!(queues_statement(&schemas).contains("\"a\"\"b\".worker_queue"));
        assert!(executions_statement(&schemas).contains("\"a\"\"b\".history"));
    }
}
