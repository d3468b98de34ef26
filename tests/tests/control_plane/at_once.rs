//! Creating and deleting at once, at every moment of a creation, over and over: nothing is left, and
//! the name is free again.

use super::{begin, text};
use serde_json::json;
use std::thread;
use std::time::Duration;
use toygres_tests::control::{Api, Deployment, Mode, Options, Server};
use toygres_tests::wait;

/// The steps of a creation, in order.
const CREATION: &[&str] = &[
    "cms-create-instance-record",
    "deploy-postgres",
    "wait-for-ready",
    "get-connection-strings",
    "test-connection",
    "cms-update-instance-state",
    "start-health-monitor",
    "cms-record-health-monitor",
];

/// What nothing will ever end: executions without an instance, monitors of what is gone, and locks.
const LEFT: &str = "
    SELECT 'never started ' || e.instance_id FROM toygres_duroxide.executions e
        WHERE e.status = 'Running' AND NOT EXISTS (
            SELECT FROM toygres_duroxide.instances i WHERE i.instance_id = e.instance_id)
    UNION ALL SELECT 'cleared ' || (metadata->>'orchestration') FROM toygres_cms.drift_detections
        WHERE detection_type = 'unstarted_execution'
    UNION ALL SELECT 'monitor ' || i.instance_id FROM toygres_duroxide.instances i
        JOIN toygres_duroxide.executions e ON e.instance_id = i.instance_id
            AND e.execution_id = i.current_execution_id
        WHERE e.status = 'Running' AND i.instance_id LIKE 'health-%' AND NOT EXISTS (
            SELECT FROM toygres_cms.instances c WHERE c.state = 'running'
                AND c.instance_actor_orchestration_id = i.instance_id)
    UNION ALL SELECT 'lock of ' || pid FROM pg_locks WHERE locktype = 'advisory' AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

#[track_caller]
fn nothing_is_left(deployment: &Deployment, when: &str) {
    deployment.objects().vanish(None).unwrap_or_else(|error| panic!("{when}: {error}"));
    deployment.comes_to_rest().unwrap_or_else(|error| panic!("{when}: {error}"));
    let mut left = String::new();
    wait::until("nothing to be left", || {
        left = deployment.database.try_psql(LEFT)?;
        // One that was cleared had been left: waiting would not help.
        assert!(!left.contains("cleared "), "{when}: {left}");
        Ok(left.trim().is_empty().then_some(()))
    })
    .unwrap_or_else(|error| panic!("{when}: {error}; left is {left}"));
}

#[test]
fn a_deletion_at_each_step_of_a_creation_leaves_nothing() {
    if Deployment::new().is_none() {
        return;
    }
    for half in CREATION.chunks(4) {
        thread::scope(|scope| {
            for step in half {
                scope.spawn(|| deleted_at(step));
            }
        });
    }
}

/// The worker is killed at the step, before it and after it; two delete at once, and one creates again.
fn deleted_at(step: &str) {
    let Some(deployment) = Deployment::new() else { return };
    let server = deployment.start(Options::mode(Mode::Api));
    let api = server.api().unwrap();
    for place in ["before", "after"] {
        let when = format!("{step} {place}");
        let name = begin(&api, "brief");
        let fault = format!("{step}:{place}:abort");
        let mut worker =
            Server::spawn(&deployment, Options::mode(Mode::Worker).with_fault(&fault)).unwrap();
        worker.ends().unwrap_or_else(|error| panic!("{when}: {error}"));
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let deleted = api.delete(&format!("/api/instances/{name}")).unwrap();
                    assert_eq!(deleted.status, 202, "{when}: {deleted:#?}");
                });
            }
        });
        // The name is held until it is gone.
        let again = api.post("/api/instances", &json!({"name": "brief"})).unwrap();
        assert!(again.status >= 400, "{when}: {again:#?}");
        let _worker = deployment.start(Options::mode(Mode::Worker));
        deployment.reaches(&name, "deleted").unwrap_or_else(|error| panic!("{when}: {error}"));
        nothing_is_left(&deployment, &when);
    }
    let _worker = deployment.start(Options::mode(Mode::Worker));
    let name = begin(&api, "brief");
    deployment.reaches(&name, "running").unwrap_or_else(|error| panic!("{step}: {error}"));
}

#[test]
fn a_failed_creation_deleted_while_it_is_cleaned_up_leaves_nothing() {
    let Some(deployment) = Deployment::new() else { return };
    let server = deployment.start(Options::mode(Mode::Api));
    let api = server.api().unwrap();
    for step in ["start-clean-up", "wait-for-clean-up", "stop-health-monitor", "delete-postgres"] {
        for place in ["before", "after"] {
            let when = format!("{step} {place}");
            let name = begin(&api, "messy");
            let fault = format!("test-connection:fail,{step}:{place}:abort");
            let options = Options::mode(Mode::Worker).with_fault(&fault);
            let mut worker = Server::spawn(&deployment, options).unwrap();
            worker.ends().unwrap_or_else(|error| panic!("{when}: {error}"));
            let deleted = api.delete(&format!("/api/instances/{name}")).unwrap();
            assert_eq!(deleted.status, 202, "{when}: {deleted:#?}");
            let _worker = deployment.start(Options::mode(Mode::Worker));
            deployment.reaches(&name, "deleted").unwrap_or_else(|error| panic!("{when}: {error}"));
            nothing_is_left(&deployment, &when);
        }
    }
}

#[test]
fn creations_deleted_after_any_while_leave_nothing_also_when_servers_are_killed() {
    let Some(deployment) = Deployment::new() else { return };
    for round in 0..3_u64 {
        let server = deployment.start(Options::default());
        let api = server.api().unwrap();
        let names = thread::scope(|scope| {
            let each = (0..16_u64).map(|n| {
                let api = &api;
                scope.spawn(move || brief(api, &format!("r{round}n{n}"), n * (round + 1) * 25))
            });
            let each: Vec<_> = each.collect();
            each.into_iter().map(|each| each.join().unwrap()).collect::<Vec<String>>()
        });
        // As by `kill -9`, while deletions are under way.
        drop(server);
        let _next = deployment.start(Options::default());
        for name in &names {
            deployment.reaches(name, "deleted").unwrap_or_else(|error| panic!("{round}: {error}"));
        }
        nothing_is_left(&deployment, &format!("round {round}"));
    }
}

/// Creates, waits for so many milliseconds, and deletes.
fn brief(api: &Api, name: &str, millis: u64) -> String {
    let name = begin(api, name);
    thread::sleep(Duration::from_millis(millis));
    let deleted = api.delete(&format!("/api/instances/{name}")).unwrap();
    assert_eq!(deleted.status, 202, "{deleted:#?}");
    assert_eq!(text(&deleted.body, "state"), "deleting");
    name
}
