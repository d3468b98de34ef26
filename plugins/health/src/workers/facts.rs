//! What `workers` answers.

use super::{join, read};
use crate::gather::Settings;
use crate::gather::schema::{self, Schemas};
use serde::{Deserialize, Serialize};
use toygres_plugin_api::{Context, Error, Result, Schema};

/// The answer of `workers`.
#[derive(Debug, Clone, Serialize, Schema)]
pub(crate) struct Facts {
    pub(crate) at: String,
    /// Every process that is alive, and those that were lost a short while ago or hold a lease; `null`
    /// without heartbeats.
    pub(crate) workers: Option<Vec<Worker>>,
    /// The workers as rows: one for each activity that a process works on at once, and one for each
    /// process that was lost; `null` without heartbeats.
    pub(crate) places: Option<Vec<Place>>,
    /// Why `workers`, `places` and `recent` are `null`.
    pub(crate) workers_reason: Option<String>,
    /// Places with and without an activity; `null` without heartbeats.
    pub(crate) active: Option<usize>,
    pub(crate) idle: Option<usize>,
    /// Processes.
    pub(crate) lost: Option<usize>,
    /// What is leased now, or was and ran out.
    pub(crate) leases: Vec<Lease>,
    /// The last ten that ended; `null` without heartbeats.
    pub(crate) recent: Option<Vec<Ended>>,
    pub(crate) queue: Queue,
}

/// One process.
#[derive(Debug, Clone, Serialize, Schema)]
pub(crate) struct Worker {
    pub(crate) worker_id: String,
    /// `active`, `idle`, `serving` (requests alone) or `lost`.
    pub(crate) status: String,
    pub(crate) host: String,
    pub(crate) pid: i64,
    pub(crate) mode: String,
    pub(crate) version: String,
    /// Activities at once.
    pub(crate) concurrency: i64,
    pub(crate) started_at: String,
    pub(crate) last_seen_at: String,
    pub(crate) age_ms: i64,
    pub(crate) activities: Vec<Activity>,
}

/// One place of a worker.
#[derive(Debug, Clone, Default, Serialize, Schema)]
pub(crate) struct Place {
    /// The process's id, with the number of the place where it has several.
    pub(crate) id: String,
    pub(crate) worker_id: String,
    /// `active`, `idle`, `serving` (requests alone) or `lost`.
    pub(crate) status: String,
    pub(crate) activity: Option<String>,
    pub(crate) orchestration: Option<String>,
    pub(crate) instance: Option<String>,
    pub(crate) duration_ms: Option<i64>,
    /// Until its lease runs out; negative once it has.
    pub(crate) lease_left_ms: Option<i64>,
    pub(crate) host: String,
    pub(crate) last_seen_at: String,
}

/// What a worker does, as its last heartbeat told.
#[derive(Debug, Clone, Serialize, Deserialize, Schema)]
pub(crate) struct Activity {
    pub(crate) activity: String,
    pub(crate) orchestration: String,
    #[serde(default)]
    pub(crate) instance: Option<String>,
    pub(crate) since: Option<String>,
    /// By the worker's clock at its heartbeat, and the time since then.
    pub(crate) duration_ms: i64,
    /// Until when duroxide leases it; `null` where no lease was found.
    #[serde(default)]
    pub(crate) lease_until: Option<String>,
    #[serde(default)]
    pub(crate) lease_expired: Option<bool>,
    /// Until then; negative once it has run out.
    #[serde(default)]
    pub(crate) lease_left_ms: Option<i64>,
}

/// One lease.
#[derive(Debug, Clone, Serialize, Schema)]
pub(crate) struct Lease {
    /// `activity`, `message` or `turn`.
    pub(crate) kind: String,
    pub(crate) orchestration: Option<String>,
    pub(crate) instance: Option<String>,
    pub(crate) activity: Option<String>,
    pub(crate) attempts: Option<i64>,
    pub(crate) until: Option<String>,
    /// Negative once it ran out.
    pub(crate) left_ms: i64,
    pub(crate) expired: bool,
    /// Whose heartbeat tells of it; `null` with a reason.
    pub(crate) worker_id: Option<String>,
    pub(crate) worker_reason: Option<String>,
}

/// An activity that ended.
#[derive(Debug, Clone, Serialize, Deserialize, Schema)]
pub(crate) struct Ended {
    #[serde(default)]
    pub(crate) worker_id: String,
    pub(crate) activity: String,
    pub(crate) orchestration: String,
    #[serde(default)]
    pub(crate) instance: Option<String>,
    pub(crate) ended_at: Option<String>,
    pub(crate) duration_ms: i64,
    pub(crate) succeeded: bool,
}

/// What waits.
#[derive(Debug, Clone, Serialize, Schema)]
pub(crate) struct Queue {
    /// Activities that nobody holds.
    pub(crate) pending_activities: i64,
    /// Timers that are not due.
    pub(crate) pending_timers: i64,
    /// Messages for orchestrations that are due.
    pub(crate) pending_messages: i64,
    pub(crate) kinds: Vec<Kind>,
}

/// What waits, by kind.
#[derive(Debug, Clone, Serialize, Deserialize, Schema)]
pub(crate) struct Kind {
    /// `orchestrator` or `worker`.
    pub(crate) queue: String,
    /// As duroxide calls it: `ActivityExecute`, `TimerFired`, ….
    pub(crate) kind: String,
    pub(crate) due: i64,
    pub(crate) held: i64,
    /// Not due yet.
    pub(crate) later: i64,
    /// Since the oldest one that is due could be taken; `null` where none is.
    pub(crate) oldest_ms: Option<i64>,
}

/// Reads both sides at one moment and joins them.
///
/// # Errors
/// When the database cannot be asked, or has no orchestrations.
pub(crate) async fn gather(ctx: &Context, settings: Settings) -> Result<Facts> {
    let schemas = schema::look(ctx.clone(), settings).await?;
    for table in ["worker_queue", "orchestrator_queue", "instance_locks"] {
        if !schemas.duroxide_has(table) {
            return Err(no_queues(&schemas));
        }
    }
    let session = ctx.db().snapshot().await?;
    let leases = read::leases(&session, &schemas).await?;
    let kinds = read::kinds(&session, &schemas).await?;
    let now = read::now(&session).await?;
    // Last: a role that may not read it ends the transaction, and the rest is told all the same.
    let beats = read::beats(&session, &schemas).await;
    let _over = session.rollback().await;
    let (beats, reason) = match beats {
        Ok(Some(beats)) => (Some(beats), None),
        Ok(None) => (None, Some("this deployment records no heartbeats".to_owned())),
        Err(error) => {
            (None, Some(format!("the heartbeats cannot be read: {}", crate::check::reason(&error))))
        }
    };
    Ok(join::join(now, beats, reason, leases, kinds))
}

fn no_queues(schemas: &Schemas) -> Error {
    Error::not_found(format!("the schema `{}` has no queues of orchestrations", schemas.duroxide))
        .hint(
            "is this the right database? see `toygres server db-status`; another schema: \
             `database.duroxide_schema`",
        )
}
