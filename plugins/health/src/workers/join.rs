//! Putting heartbeats and leases together. Pure: records in, facts out.

use super::facts::{Activity, Ended, Facts, Kind, Lease, Place, Queue, Worker};
use super::read::{Beat, Held};
use crate::gather::database::{BEAT_MS, LOST_FOR_MS};
use serde_json::Value;
use toygres_model::names::{k8s_name, short};
use toygres_model::time::rfc3339;

/// How many of those that ended are told.
const RECENT: usize = 10;

/// Joins what was read at `now`, in milliseconds since the epoch.
pub(super) fn join(
    now: i64,
    beats: Option<Vec<Beat>>,
    reason: Option<String>,
    held: Vec<Held>,
    kinds: Vec<Kind>,
) -> Facts {
    let mut leases: Vec<Lease> = held.into_iter().map(|held| lease(held, now)).collect();
    let mut recent: Vec<Ended> = beats.iter().flatten().flat_map(ended).collect();
    recent.sort_by(|a, b| b.ended_at.cmp(&a.ended_at));
    recent.truncate(RECENT);
    let known = beats.is_some();
    let workers: Option<Vec<Worker>> = beats.map(|beats| {
        let alive = beats.into_iter().filter(|beat| !beat.stopped);
        let workers = alive.map(|beat| worker(beat, now, &mut leases));
        workers.filter(is_told).collect()
    });
    let places: Option<Vec<Place>> =
        workers.as_ref().map(|workers| workers.iter().flat_map(places).collect());
    for lease in leases.iter_mut().filter(|lease| lease.worker_id.is_none()) {
        lease.worker_reason = Some(nobody(lease, known).to_owned());
    }
    let count = |status: &str| {
        let places = places.as_ref()?;
        Some(places.iter().filter(|place| place.status == status).count())
    };
    let lost = workers
        .as_ref()
        .map(|workers| workers.iter().filter(|worker| worker.status == "lost").count());
    Facts {
        at: rfc3339(now).unwrap_or_default(),
        active: count("active"),
        idle: count("idle"),
        lost,
        places,
        workers,
        workers_reason: reason,
        leases,
        recent: known.then_some(recent),
        queue: queue(kinds),
    }
}

fn nobody(lease: &Lease, known: bool) -> &'static str {
    match lease.kind.as_str() {
        "activity" if known => "no heartbeat tells of this activity",
        "activity" => "this deployment's heartbeats are not known",
        _ => "duroxide records no worker, and heartbeats tell of activities alone",
    }
}

fn lease(held: Held, now: i64) -> Lease {
    let instance = held.orchestration.as_deref().and_then(|id| k8s_name(id, &Value::Null));
    Lease {
        kind: held.kind,
        instance,
        orchestration: held.orchestration,
        activity: held.activity.as_deref().map(short).map(str::to_owned),
        attempts: held.attempts,
        until: rfc3339(held.until_ms),
        left_ms: held.until_ms - now,
        expired: held.until_ms < now,
        worker_id: None,
        worker_reason: None,
    }
}

fn worker(beat: Beat, now: i64, leases: &mut [Lease]) -> Worker {
    let age_ms = (now - beat.seen_ms).max(0);
    let told: Vec<Activity> = list(&beat.activities);
    let activities: Vec<Activity> =
        told.into_iter().map(|told| activity(told, age_ms, &beat.worker_id, leases)).collect();
    let status = match (age_ms > 2 * BEAT_MS, beat.concurrency, activities.is_empty()) {
        (true, ..) => "lost",
        (_, 0, _) => "serving",
        (_, _, false) => "active",
        (_, _, true) => "idle",
    };
    Worker {
        worker_id: beat.worker_id,
        status: status.to_owned(),
        host: beat.host,
        pid: beat.pid,
        mode: beat.mode,
        version: beat.version,
        concurrency: beat.concurrency,
        started_at: rfc3339(beat.started_ms).unwrap_or_default(),
        last_seen_at: rfc3339(beat.seen_ms).unwrap_or_default(),
        age_ms,
        activities,
    }
}

/// One that was lost long ago matters no more, unless it holds something still.
fn is_told(worker: &Worker) -> bool {
    worker.status != "lost"
        || worker.age_ms < LOST_FOR_MS
        || worker.activities.iter().any(|activity| activity.lease_until.is_some())
}

/// The rows of one process: what it does, then its free places. One that was lost has none.
fn places(worker: &Worker) -> Vec<Place> {
    let concurrency = usize::try_from(worker.concurrency).unwrap_or(0);
    let busy = worker.activities.len();
    let free = match worker.status.as_str() {
        "active" | "idle" => concurrency.saturating_sub(busy),
        _ => usize::from(busy == 0),
    };
    let several = busy + free > 1;
    let place = |number: usize| Place {
        id: if several {
            format!("{}/{number}", worker.worker_id)
        } else {
            worker.worker_id.clone()
        },
        worker_id: worker.worker_id.clone(),
        host: worker.host.clone(),
        last_seen_at: worker.last_seen_at.clone(),
        ..Place::default()
    };
    let at_work = worker.activities.iter().zip(1..).map(|(activity, number)| Place {
        status: if worker.status == "lost" { "lost" } else { "active" }.to_owned(),
        activity: Some(activity.activity.clone()),
        orchestration: Some(activity.orchestration.clone()),
        instance: activity.instance.clone(),
        duration_ms: Some(activity.duration_ms),
        lease_left_ms: activity.lease_left_ms,
        ..place(number)
    });
    let idle = (busy + 1..=busy + free).map(|number| Place {
        status: if worker.status == "active" { "idle".to_owned() } else { worker.status.clone() },
        ..place(number)
    });
    at_work.chain(idle).collect()
}

/// A lease is one worker's: two of the same activity of one orchestration are given in turn.
fn activity(mut told: Activity, age_ms: i64, worker_id: &str, leases: &mut [Lease]) -> Activity {
    let same = |lease: &&mut Lease| {
        lease.kind == "activity"
            && lease.worker_id.is_none()
            && lease.activity.as_deref() == Some(short(&told.activity))
            && lease.orchestration.as_deref() == Some(told.orchestration.as_str())
    };
    if let Some(lease) = leases.iter_mut().find(same) {
        lease.worker_id = Some(worker_id.to_owned());
        told.lease_until = lease.until.clone();
        told.lease_expired = Some(lease.expired);
        told.lease_left_ms = Some(lease.left_ms);
    }
    told.instance = k8s_name(&told.orchestration, &Value::Null);
    told.duration_ms = told.duration_ms.saturating_add(age_ms);
    told
}

fn ended(beat: &Beat) -> Vec<Ended> {
    let mut all: Vec<Ended> = list(&beat.recent);
    for one in &mut all {
        one.worker_id.clone_from(&beat.worker_id);
        one.instance = k8s_name(&one.orchestration, &Value::Null);
    }
    all
}

/// What can be read of a list; a newer release may tell things that this one does not know.
fn list<T: serde::de::DeserializeOwned>(told: &Value) -> Vec<T> {
    let items = told.as_array().into_iter().flatten();
    items.filter_map(|item| serde_json::from_value(item.clone()).ok()).collect()
}

fn queue(kinds: Vec<Kind>) -> Queue {
    let of = |queue: &'static str| kinds.iter().filter(move |kind| kind.queue == queue);
    Queue {
        pending_activities: of("worker").map(|kind| kind.due + kind.later).sum(),
        pending_timers: of("orchestrator").map(|kind| kind.later).sum(),
        pending_messages: of("orchestrator").map(|kind| kind.due).sum(),
        kinds,
    }
}

#[cfg(test)]
mod tests {
    use super::{Beat, Held, join};
    use serde_json::{Value, json};

    const NOW: i64 = 1_700_000_000_000;

    fn beat(id: &str, age: i64, activities: Value) -> Beat {
        Beat {
            worker_id: id.to_owned(),
            host: "h".to_owned(),
            pid: 7,
            mode: "standalone".to_owned(),
            version: "1".to_owned(),
            concurrency: 4,
            started_ms: NOW - 100_000,
            seen_ms: NOW - age,
            stopped: false,
            activities,
            recent: json!([{"activity": "test-connection", "orchestration": "create-a-00000001",
                "ended_at": "2023-11-14T22:13:00Z", "duration_ms": 200, "succeeded": true},
                {"of": "a release to come"}]),
        }
    }

    fn doing(orchestration: &str) -> Value {
        json!([{"activity": "deploy-postgres", "orchestration": orchestration,
            "since": "2023-11-14T22:13:00Z", "duration_ms": 1000}])
    }

    fn held(orchestration: &str, left: i64) -> Held {
        Held {
            kind: "activity".to_owned(),
            orchestration: Some(orchestration.to_owned()),
            activity: Some("toygres::activity::deploy-postgres".to_owned()),
            attempts: Some(1),
            until_ms: NOW + left,
        }
    }

    #[test]
    fn a_lease_belongs_to_whoever_tells_of_its_activity() {
        let beats = vec![
            beat("work-1", 2_000, doing("create-a-00000001")),
            beat("work-2", 60_000, doing("create-b-00000002")),
            beat("work-3", 1_000, json!([])),
        ];
        let leases = vec![
            held("create-a-00000001", 20_000),
            held("create-b-00000002", -5_000),
            held("create-c-00000003", 9_000),
        ];
        let facts = join(NOW, Some(beats), None, leases, Vec::new());
        let statuses: Vec<&str> =
            facts.workers.iter().flatten().map(|worker| worker.status.as_str()).collect();
        assert_eq!(statuses, ["active", "lost", "idle"]);
        let owners: Vec<Option<&str>> =
            facts.leases.iter().map(|lease| lease.worker_id.as_deref()).collect();
        assert_eq!(owners, [Some("work-1"), Some("work-2"), None]);
        assert_eq!(facts.leases[1].left_ms, -5_000);
        assert!(facts.leases[1].expired && !facts.leases[2].expired);
        assert!(facts.leases[2].worker_reason.as_deref().unwrap().contains("no heartbeat"));
        // Four places each; what was lost has none but what it held.
        assert_eq!((facts.active, facts.idle, facts.lost), (Some(1), Some(7), Some(1)));
        let rows: Vec<&str> =
            facts.places.iter().flatten().map(|place| place.id.as_str()).collect();
        assert_eq!(rows[..5], ["work-1/1", "work-1/2", "work-1/3", "work-1/4", "work-2"]);
        let workers = facts.workers.unwrap();
        assert_eq!(workers[0].activities[0].duration_ms, 3_000);
        assert_eq!(workers[1].activities[0].lease_expired, Some(true));
        assert_eq!(workers[0].activities[0].instance.as_deref(), Some("a-00000001"));
        assert_eq!(facts.recent.map(|recent| recent.len()), Some(3));
    }

    #[test]
    fn what_was_lost_long_ago_is_left_out_unless_it_holds_something() {
        let long = super::LOST_FOR_MS + 1;
        let beats = || {
            vec![beat("work-1", long, json!([])), beat("work-2", long, doing("create-b-00000002"))]
        };
        let facts = join(NOW, Some(beats()), None, Vec::new(), Vec::new());
        assert_eq!(facts.workers.map(|workers| workers.len()), Some(0));
        let leases = vec![held("create-b-00000002", -5_000)];
        let facts = join(NOW, Some(beats()), None, leases, Vec::new());
        assert_eq!(facts.lost, Some(1));
    }

    #[test]
    fn without_heartbeats_it_is_said_and_nothing_is_guessed() {
        let reason = Some("this deployment records no heartbeats".to_owned());
        let facts = join(NOW, None, reason, vec![held("create-a-00000001", 1)], Vec::new());
        assert!(facts.workers.is_none() && facts.active.is_none() && facts.recent.is_none());
        assert_eq!(facts.leases[0].worker_id, None);
        assert!(facts.leases[0].worker_reason.as_deref().unwrap().contains("not known"));
    }
}
