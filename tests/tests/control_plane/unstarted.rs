//! Executions of orchestrations that were never started: creations leave none any more, and what
//! earlier releases left is cleared, but for what may be moved on still.

use super::begin;
use serde_json::{Value, json};
use toygres_tests::control::{Deployment, Mode, Options};
use toygres_tests::wait;

/// Has each creation cancelled in the very turn in which it hears that a step failed.
const CANCELLED_AS_IT_FAILS: &str = r#"
    CREATE FUNCTION toygres_duroxide.cancel_as_it_fails() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.instance_id LIKE 'create-%' AND NEW.instance_id NOT LIKE '%::%'
            AND NEW.work_item LIKE '%"ActivityFailed"%' THEN
            INSERT INTO toygres_duroxide.orchestrator_queue
                (instance_id, work_item, visible_at, created_at)
            VALUES (NEW.instance_id, json_build_object('CancelInstance', json_build_object(
                'instance', NEW.instance_id, 'reason', 'a slip'))::text, NEW.visible_at, NEW.created_at);
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER cancel_as_it_fails BEFORE INSERT ON toygres_duroxide.orchestrator_queue
        FOR EACH ROW EXECUTE FUNCTION toygres_duroxide.cancel_as_it_fails();"#;

/// Running executions without an instance.
const UNSTARTED: &str = "SELECT count(*) FROM toygres_duroxide.executions e
    WHERE e.status = 'Running' AND NOT EXISTS (
        SELECT FROM toygres_duroxide.instances i WHERE i.instance_id = e.instance_id)";

/// What tells of those that were cleared.
const CLEARED: &str = "SELECT count(*) FROM toygres_cms.drift_detections
    WHERE detection_type = 'unstarted_execution' AND resolved_at IS NOT NULL
        AND metadata->>'orchestration'";

#[test]
fn a_creation_that_is_cancelled_as_it_fails_leaves_no_execution() {
    let Some(deployment) = Deployment::new() else { return };
    let server = deployment.start(Options::fault("deploy-postgres:fail"));
    deployment.database.psql(CANCELLED_AS_IT_FAILS);
    let api = server.api().unwrap();
    let name = begin(&api, "slipdb");
    deployment.reaches(&name, "failed").unwrap();
    deployment.objects().vanish(None).unwrap();
    deployment.comes_to_rest().unwrap();
    assert_eq!(deployment.count(UNSTARTED), 0);
    assert_eq!(deployment.count(&format!("{CLEARED} IS NOT NULL")), 0, "one was left and cleared");
    let why = deployment.record(&name).unwrap()["message"].to_string();
    assert!(why.contains("a slip"), "{why}");
    let ended = format!(
        "SELECT count(*) FROM toygres_duroxide.executions
         WHERE instance_id = 'create-{name}' AND status = 'Failed' AND output = 'canceled: a slip'"
    );
    assert_eq!(deployment.count(&ended), 1);
}

#[test]
fn what_a_creation_of_an_earlier_release_leaves_is_cleared_once_and_told() {
    let Some(deployment) = Deployment::new() else { return };
    let api = deployment.start(Options::mode(Mode::Api));
    deployment.database.psql(CANCELLED_AS_IT_FAILS);
    let name = begin(&api.api().unwrap(), "olddb");
    // As the release before left it in the queue: its creations go on as they began.
    deployment.database.psql(
        "UPDATE toygres_duroxide.orchestrator_queue SET work_item = jsonb_set(work_item::jsonb,
             '{StartOrchestration,version}', '\"1.0.0\"')::text",
    );
    let worker = || Options::mode(Mode::Worker).with_fault("deploy-postgres:fail");
    let _workers = [deployment.start(worker()), deployment.start(worker())];
    wait::until("an execution to be left behind and cleared", || {
        let told = format!("{CLEARED} LIKE 'create-{name}::sub::%'");
        Ok((deployment.count(&told) > 0).then_some(()))
    })
    .unwrap();
    assert_eq!(deployment.count(UNSTARTED), 0);
    let told = deployment.json(
        "SELECT jsonb_agg(to_jsonb(d)) FROM toygres_cms.drift_detections d
         WHERE detection_type = 'unstarted_execution'",
    );
    let told = told.unwrap();
    assert_eq!(told.as_array().map(Vec::len), Some(1), "{told:#}");
    assert_eq!(told[0]["k8s_name"], name.as_str());
    assert_eq!(told[0]["resolved_by"], "toygres server");
    let event = "SELECT count(*) FROM toygres_cms.instance_events
        WHERE event_type = 'unstarted-execution-cleared'";
    assert_eq!(deployment.count(event), 1);
    deployment.reaches(&name, "failed").unwrap();
    deployment.comes_to_rest().unwrap();
}

/// An execution that runs, an hour old, and what else is recorded of it.
fn execution(id: &str, more: &str) -> String {
    format!(
        "INSERT INTO toygres_duroxide.executions (instance_id, execution_id, status, started_at)
             VALUES ('{id}', 1, 'Running', now() - interval '1 hour'); {more}"
    )
}

#[test]
fn what_may_be_moved_on_is_left_alone() {
    let Some(deployment) = Deployment::new() else { return };
    let api = deployment.start(Options::mode(Mode::Api));
    let d = "toygres_duroxide";
    let queued = |queue: &str, id: &str, item: Value| {
        format!(
            "INSERT INTO {d}.{queue} (instance_id, work_item, visible_at, created_at)
             VALUES ('{id}', '{item}', now() + interval '1 day', now());"
        )
    };
    let timer = |id: &str| {
        queued(
            "orchestrator_queue",
            id,
            json!({"TimerFired": {"instance": id, "execution_id": 1,
            "id": 2, "fire_at_ms": 1}}),
        )
    };
    let lock = |id: &str, seconds: i64| {
        format!(
            "INSERT INTO {d}.instance_locks VALUES ('{id}', 'token of {id}',
                 (extract(epoch FROM now()) + {seconds})::bigint * 1000, 0);"
        )
    };
    let instance = |id: &str| {
        format!(
            "INSERT INTO {d}.instances (instance_id, orchestration_name, current_execution_id,
                 created_at, updated_at) VALUES ('{id}', 'delete-instance', 1, now(), now());"
        )
    };
    let kept = [
        execution("create-a-00000001::sub::3", &instance("create-a-00000001::sub::3")),
        execution("create-b-00000001::sub::3", &timer("create-b-00000001::sub::3")),
        execution("create-c-00000001::sub::3", &lock("create-c-00000001::sub::3", 3600)),
        // It ran out by this clock, and not yet by a worker's that is behind.
        execution("create-d-00000001::sub::3", &lock("create-d-00000001::sub::3", -30)),
        execution(
            "create-e-00000001::sub::3",
            &format!(
                "INSERT INTO {d}.history (instance_id, execution_id, event_id, event_type, event_data,
                     created_at) VALUES ('create-e-00000001::sub::3', 1, 1, 'Event', '{{}}', now());"
            ),
        ),
        execution(
            "create-f-00000001::sub::3",
            &queued(
                "worker_queue",
                "create-f-00000001::sub::3",
                json!({"ActivityExecute": {"instance": "create-f-00000001::sub::3",
                    "execution_id": 1, "id": 2, "name": "x", "input": ""}}),
            ),
        ),
        // Below it, something is at work.
        execution("create-g-00000001", &timer("create-g-00000001::sub::2")),
        // Its parent is at work.
        execution("create-h-00000001::sub::3", &instance("create-h-00000001")),
        execution("create-h-00000001", &timer("create-h-00000001")),
        // A later release of duroxide recorded it.
        execution(
            "create-i-00000001::sub::3",
            &format!(
                "UPDATE {d}.executions SET duroxide_version_major = 9, duroxide_version_minor = 0,
                     duroxide_version_patch = 0 WHERE instance_id = 'create-i-00000001::sub::3';"
            ),
        ),
        execution(
            "create-j-00000001::sub::3",
            "INSERT INTO toygres_cms.worker_heartbeats (worker_id, host, pid, mode, version,
                 concurrency, started_at, last_seen_at, activities) VALUES ('w', 'h', 1, 'worker',
                 '1', 1, now(), now() + interval '1 hour',
                 '[{\"activity\": \"x\", \"orchestration\": \"create-j-00000001::sub::3\"}]');",
        ),
    ];
    for sql in &kept {
        deployment.database.psql(sql);
    }
    let all = "SELECT count(*) FROM toygres_duroxide.executions WHERE status = 'Running'";
    let before = deployment.count(all);
    // Two that may go; one of them has a lease that ran out long ago.
    deployment.database.psql(&execution("create-y-00000001::sub::3", ""));
    let old = execution("create-z_00000001", &lock("create-z_00000001", -3600));
    deployment.database.psql(&old);
    let _worker = deployment.start(Options::mode(Mode::Worker));
    wait::until("what was never started to be cleared", || {
        Ok((deployment.count(&format!("{CLEARED} IS NOT NULL")) == 2).then_some(()))
    })
    .unwrap();
    assert_eq!(deployment.count(all), before);
    let lock = "SELECT count(*) FROM toygres_duroxide.instance_locks
        WHERE instance_id = 'create-z_00000001'";
    assert_eq!(deployment.count(lock), 0);
    drop(api);
}
