//! Which worker has an activity, by the heartbeats of the control plane's processes.

use super::schema::Schema;
use serde::Deserialize;
use serde_json::{Value, json};
use toygres_model::names::short;
use toygres_model::time;
use toygres_plugin_api::Result;
use toygres_plugin_api::context::Session;

/// A worker is considered lost after two heartbeats that it missed.
const LOST_MS: i64 = 10_000;

/// A process by its last heartbeat.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Heartbeat {
    pub(crate) worker_id: String,
    pub(crate) host: String,
    pub(crate) concurrency: i64,
    pub(crate) age_ms: i64,
    pub(crate) seen_ms: i64,
    pub(crate) stopped: bool,
    activities: Value,
}

impl Heartbeat {
    /// It works, and was seen within two heartbeats.
    pub(crate) fn is_alive(&self) -> bool {
        !self.stopped && self.concurrency > 0 && self.age_ms <= LOST_MS
    }

    /// It did not stop, and was not seen for two heartbeats.
    pub(crate) fn is_lost(&self) -> bool {
        !self.stopped && self.age_ms > LOST_MS
    }

    /// Its heartbeat tells of this activity.
    fn runs(&self, orchestration: &str, activity: &str) -> bool {
        self.activities.as_array().into_iter().flatten().any(|one| {
            one["orchestration"].as_str() == Some(orchestration)
                && one["activity"].as_str().map(short) == Some(activity)
        })
    }

    /// As machines read it.
    pub(crate) fn json(&self) -> Value {
        json!({
            "worker_id": self.worker_id,
            "host": self.host,
            "status": if self.is_lost() { "lost" } else if self.stopped { "stopped" } else { "active" },
            "last_seen_at": time::rfc3339(self.seen_ms),
        })
    }
}

/// The heartbeats of a day; none where the deployment writes none, or this role may not read them.
pub(crate) async fn heartbeats(session: &Session, schema: &Schema) -> Result<Vec<Heartbeat>> {
    if !schema.has("heartbeats") {
        return Ok(Vec::new());
    }
    session
        .query(format!(
            "SELECT worker_id, host, concurrency::bigint AS concurrency, \
             (extract(epoch FROM clock_timestamp() - last_seen_at) * 1000)::bigint AS age_ms, \
             (extract(epoch FROM last_seen_at) * 1000)::bigint AS seen_ms, \
             stopped_at IS NOT NULL AS stopped, activities FROM {}.worker_heartbeats \
             WHERE last_seen_at > now() - interval '1 day' ORDER BY last_seen_at DESC LIMIT 1000",
            schema.cms()
        ))
        .fetch()
        .await
}

/// The worker that runs an activity: the one whose heartbeat tells of it, the latest first.
pub(crate) fn holder<'a>(
    heartbeats: &'a [Heartbeat],
    orchestration: &str,
    activity: &str,
) -> Option<&'a Heartbeat> {
    let mut holders = heartbeats.iter().filter(|beat| beat.runs(orchestration, activity));
    holders.clone().find(|beat| beat.is_alive()).or_else(|| holders.next())
}
