//! What `stats` answers.

use super::bins::{Bins, WITHIN};
use super::read::{self, Raw};
use crate::gather::Settings;
use serde::Serialize;
use std::collections::BTreeMap;
use toygres_model::names::short;
use toygres_model::time;
use toygres_plugin_api::{Context, Result, Schema};

/// The answer of `stats`.
#[derive(Debug, Clone, Serialize, Schema)]
pub(crate) struct Facts {
    /// The database's moment of all figures.
    pub(crate) at: String,
    pub(crate) since: String,
    pub(crate) window_ms: i64,
    pub(crate) instances: Option<Instances>,
    /// Of the running instances.
    pub(crate) health: Option<Health>,
    /// Why `instances`, `health` and `storage` are `null`.
    pub(crate) instances_reason: Option<String>,
    pub(crate) orchestrations: Orchestrations,
    pub(crate) activities: Activities,
    pub(crate) storage: Option<Storage>,
    pub(crate) workers: Workers,
    pub(crate) database: Database,
    pub(crate) sources: Sources,
}

/// Instances by state; those that are deleted are no part of the total.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Schema)]
pub(crate) struct Instances {
    pub(crate) total: i64,
    pub(crate) running: i64,
    pub(crate) creating: i64,
    pub(crate) deleting: i64,
    pub(crate) failed: i64,
}

/// Running instances by health.
#[derive(Debug, Clone, Copy, Default, Serialize, Schema)]
pub(crate) struct Health {
    pub(crate) healthy: i64,
    pub(crate) unhealthy: i64,
    pub(crate) unknown: i64,
}

/// Orchestrations that began in the window.
#[derive(Debug, Clone, Default, Serialize, Schema)]
pub(crate) struct Orchestrations {
    pub(crate) total_started: i64,
    pub(crate) completed: i64,
    pub(crate) running: i64,
    pub(crate) failed: i64,
    pub(crate) cancelled: i64,
    pub(crate) by_type: Vec<Type>,
}

/// Orchestrations of one type.
#[derive(Debug, Clone, Default, Serialize, Schema)]
pub(crate) struct Type {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) started: i64,
    pub(crate) completed: i64,
    pub(crate) failed: i64,
    pub(crate) cancelled: i64,
    /// Began in the window, and runs.
    pub(crate) running: i64,
    /// Runs, whenever it began.
    pub(crate) running_now: i64,
    /// From its start to its end, of those that completed.
    pub(crate) avg_ms: Option<i64>,
}

/// Activities that ended in the window.
#[derive(Debug, Clone, Default, Serialize, Schema)]
pub(crate) struct Activities {
    pub(crate) total: i64,
    pub(crate) succeeded: i64,
    pub(crate) failed: i64,
    /// How long they ran; where that is not known, from scheduling to completion: see
    /// `sources.durations`.
    pub(crate) avg_ms: Option<i64>,
    /// How long they waited to be run; `null` where that is not known.
    pub(crate) avg_wait_ms: Option<i64>,
    /// From scheduling to completion.
    pub(crate) avg_total_ms: Option<i64>,
    /// The slowest first.
    pub(crate) by_activity: Vec<Activity>,
}

/// Runs of one activity; failed ones count too.
#[derive(Debug, Clone, Default, Serialize, Schema)]
pub(crate) struct Activity {
    pub(crate) activity: String,
    pub(crate) count: i64,
    pub(crate) failed: i64,
    /// How long it ran, as the percentiles and the maximum; where that is not known, from scheduling to
    /// completion: see `sources.durations`.
    pub(crate) avg_ms: Option<i64>,
    /// How long it waited to be run; `null` where that is not known.
    pub(crate) avg_wait_ms: Option<i64>,
    /// From scheduling to completion.
    pub(crate) avg_total_ms: Option<i64>,
    pub(crate) p50_ms: Option<i64>,
    pub(crate) p95_ms: Option<i64>,
    pub(crate) p99_ms: Option<i64>,
    pub(crate) max_ms: i64,
}

/// Storage that running instances asked for.
#[derive(Debug, Clone, Copy, Default, Serialize, Schema)]
pub(crate) struct Storage {
    pub(crate) provisioned_gb: i64,
    /// The same in bytes.
    pub(crate) provisioned_bytes: i64,
    pub(crate) instances: i64,
    pub(crate) average_gb: Option<i64>,
    pub(crate) average_bytes: Option<i64>,
}

/// Kubernetes allots powers of two.
const BYTES_OF_A_GB: i64 = 1 << 30;

/// Live workers by their heartbeats: a process is as many as it works on activities at once.
#[derive(Debug, Clone, Default, Serialize, Schema)]
pub(crate) struct Workers {
    /// `null` without heartbeats.
    pub(crate) active: Option<i64>,
    pub(crate) idle: Option<i64>,
    /// Activities that are leased.
    pub(crate) processing: i64,
    pub(crate) reason: Option<String>,
}

/// The connection pool, as the server sees it.
#[derive(Debug, Clone, Default, Serialize, Schema)]
pub(crate) struct Database {
    pub(crate) connected: bool,
    /// Connections of all toygres processes.
    pub(crate) pool_size: i64,
    pub(crate) active_queries: i64,
}

/// Where the figures come from.
#[derive(Debug, Clone, Default, Serialize, Schema)]
pub(crate) struct Sources {
    /// `rolled_up`, `counted` (all of it, now) or `sampled`.
    pub(crate) method: String,
    /// Everything that ended before is in the roll-ups; `null` without them.
    pub(crate) rolled_until: Option<String>,
    /// Why the roll-ups are not used; `null` where they are.
    pub(crate) rollups_reason: Option<String>,
    /// Where the counting begins: roll-ups are of five minutes, and those that the window begins in
    /// are counted whole.
    pub(crate) counted_since: String,
    pub(crate) rolled_orchestrations: i64,
    pub(crate) rolled_activities: i64,
    pub(crate) live_orchestrations: i64,
    pub(crate) live_activities: i64,
    /// Of all executions, this part was looked at; 1 where it was all.
    pub(crate) sampled_part: f64,
    /// Of all executions, the events of this part were looked at.
    pub(crate) sampled_events_part: f64,
    /// More ended or runs than was read; the figures are too small by at least these.
    pub(crate) left_out_executions: i64,
    /// What the durations of activities are: `run` (how long they ran, as the workers measured it) or
    /// `scheduled_to_completed` (with the time for which they waited).
    pub(crate) durations: String,
    /// Why they are not `run`; `null` where they are.
    pub(crate) durations_reason: Option<String>,
    /// How far a percentile may be off, as a fraction.
    pub(crate) percentiles_within: f64,
    /// What bounds the answer, in words; `null` where nothing does.
    pub(crate) bounds: Option<String>,
}

/// Reads everything at one moment.
///
/// # Errors
/// When the database cannot be asked, or has no orchestrations.
pub(crate) async fn gather(ctx: &Context, settings: Settings, since: &str) -> Result<Facts> {
    let raw = read::read(ctx, settings, since).await?;
    Ok(made_of(raw, since))
}

fn made_of(raw: Raw, since: &str) -> Facts {
    let since_ms = time::parse(since).unwrap_or(raw.now_ms);
    let (orchestrations, rolled, live) = orchestrations(&raw);
    let (activities, rolled_activities, live_activities) = activities(&raw);
    Facts {
        at: time::rfc3339(raw.now_ms).unwrap_or_default(),
        since: since.to_owned(),
        window_ms: (raw.now_ms - since_ms).max(0),
        instances: raw.instances.as_ref().ok().map(|one| Instances {
            total: one.running + one.creating + one.deleting + one.failed,
            running: one.running,
            creating: one.creating,
            deleting: one.deleting,
            failed: one.failed,
        }),
        health: raw.instances.as_ref().ok().map(|one| Health {
            healthy: one.healthy,
            unhealthy: one.unhealthy,
            unknown: one.unknown,
        }),
        storage: raw.instances.as_ref().ok().map(|one| Storage {
            provisioned_gb: one.storage_gb,
            provisioned_bytes: one.storage_gb.saturating_mul(BYTES_OF_A_GB),
            instances: one.running,
            average_gb: (one.running > 0).then(|| one.storage_gb / one.running),
            average_bytes: (one.running > 0)
                .then(|| one.storage_gb.saturating_mul(BYTES_OF_A_GB) / one.running),
        }),
        instances_reason: raw.instances.as_ref().err().cloned(),
        orchestrations,
        activities,
        workers: Workers {
            active: raw.workers.as_ref().ok().map(|one| one.live - one.idle),
            idle: raw.workers.as_ref().ok().map(|one| one.idle),
            processing: raw.server.processing,
            reason: raw.workers.as_ref().err().cloned(),
        },
        database: Database {
            connected: true,
            pool_size: raw.server.connections,
            active_queries: raw.server.active,
        },
        sources: Sources {
            method: raw.method.to_owned(),
            rolled_until: raw.rolled_until_ms.and_then(time::rfc3339),
            rollups_reason: raw.rollups_reason(),
            counted_since: raw
                .counted_since_ms
                .and_then(time::rfc3339)
                .unwrap_or_else(|| since.to_owned()),
            rolled_orchestrations: rolled,
            rolled_activities,
            live_orchestrations: live,
            live_activities,
            sampled_part: raw.sampled_part,
            sampled_events_part: raw.sampled_events_part,
            left_out_executions: raw.left_out,
            durations: if raw.runs.is_ok() { "run" } else { "scheduled_to_completed" }.to_owned(),
            durations_reason: raw.runs.as_ref().err().cloned(),
            percentiles_within: WITHIN,
            bounds: raw.bounds(),
        },
    }
}

fn orchestrations(raw: &Raw) -> (Orchestrations, i64, i64) {
    let mut types: BTreeMap<String, (Type, i64)> = BTreeMap::new();
    let (mut rolled, mut live) = (0, 0);
    for row in &raw.orchestrations {
        let name = short(&row.kind).to_owned();
        let (one, total_ms) = types.entry(name.clone()).or_default();
        one.kind = name;
        let count = raw.scaled(row.count, row.rolled);
        if row.rolled {
            rolled += count;
        } else {
            live += count;
        }
        match row.status.as_str() {
            "completed" => {
                one.completed += count;
                *total_ms += raw.scaled(row.total_ms, row.rolled);
            }
            "failed" => one.failed += count,
            "cancelled" => one.cancelled += count,
            "running_now" => {
                one.running_now += count;
                // It is counted a second time where it began in the window.
                live -= count;
                continue;
            }
            _ => one.running += count,
        }
        one.started += count;
    }
    let mut all = Orchestrations::default();
    for (mut one, total_ms) in types.into_values() {
        one.avg_ms = (one.completed > 0).then(|| total_ms / one.completed);
        all.total_started += one.started;
        all.completed += one.completed;
        all.running += one.running;
        all.failed += one.failed;
        all.cancelled += one.cancelled;
        all.by_type.push(one);
    }
    (all, rolled, live)
}

fn activities(raw: &Raw) -> (Activities, i64, i64) {
    let mut found: BTreeMap<String, (Activity, i64, Bins)> = BTreeMap::new();
    let (mut rolled, mut live) = (0, 0);
    for row in &raw.activities {
        let name = short(&row.activity).to_owned();
        let (one, total_ms, bins) = found.entry(name.clone()).or_default();
        one.activity = name;
        let count = raw.scaled_events(row.count, row.rolled);
        if row.rolled {
            rolled += count;
        } else {
            live += count;
        }
        one.count += count;
        one.failed += if row.succeeded { 0 } else { count };
        *total_ms += raw.scaled_events(row.total_ms, row.rolled);
        bins.add(row.bin, count, row.count, row.total_ms, row.most_ms);
    }
    let runs = raw.runs.as_ref().ok().map(|runs| measured(runs));
    let mut all = Activities::default();
    let (mut total, mut run) = (0, Measured::default());
    for (mut one, total_ms, bins) in found.into_values() {
        one.avg_total_ms = (one.count > 0).then(|| total_ms / one.count);
        // What a worker of an older release ran was not measured.
        let none = Measured::default();
        let measured = runs.as_ref().map(|runs| runs.get(&one.activity).unwrap_or(&none));
        let (bins, avg_ms) = match measured {
            Some(measured) => (&measured.bins, measured.average()),
            None => (&bins, one.avg_total_ms),
        };
        one.avg_ms = avg_ms;
        one.avg_wait_ms = measured
            .and_then(Measured::average)
            .zip(one.avg_total_ms)
            .map(|(ran, total)| (total - ran).max(0));
        one.p50_ms = bins.percentile(0.5);
        one.p95_ms = bins.percentile(0.95);
        one.p99_ms = bins.percentile(0.99);
        one.max_ms = bins.most_ms();
        if let Some(measured) = measured {
            run.count += measured.count;
            run.total_ms += measured.total_ms;
        }
        all.total += one.count;
        all.failed += one.failed;
        total += total_ms;
        all.by_activity.push(one);
    }
    all.succeeded = all.total - all.failed;
    all.avg_total_ms = (all.total > 0).then(|| total / all.total);
    all.avg_ms = if runs.is_some() { run.average() } else { all.avg_total_ms };
    all.avg_wait_ms = run.average().zip(all.avg_total_ms).map(|(ran, total)| (total - ran).max(0));
    all.by_activity
        .sort_by(|a, b| b.avg_ms.cmp(&a.avg_ms).then_with(|| a.activity.cmp(&b.activity)));
    (all, rolled, live)
}

/// How long the runs of one activity took, as the workers measured it.
#[derive(Debug, Clone, Default)]
struct Measured {
    count: i64,
    total_ms: i64,
    bins: Bins,
}

impl Measured {
    fn average(&self) -> Option<i64> {
        (self.count > 0).then(|| self.total_ms / self.count)
    }
}

fn measured(runs: &[read::Activity]) -> BTreeMap<String, Measured> {
    let mut found: BTreeMap<String, Measured> = BTreeMap::new();
    for row in runs {
        let one = found.entry(short(&row.activity).to_owned()).or_default();
        one.count += row.count;
        one.total_ms += row.total_ms;
        one.bins.add(row.bin, row.count, row.count, row.total_ms, row.most_ms);
    }
    found
}
