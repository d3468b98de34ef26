//! A process that ends as by `kill -9` before and after the work of each activity: another one goes
//! on where it was, and the end is the same.

use super::begin;
use serde_json::json;
use toygres_tests::control::{Deployment, Objects, Options};
use toygres_tests::wait;

/// Every activity, in the order in which a life has them; the monitor's come with the first check.
const BEFORE_DELETION: &[&str] = &[
    "cms-create-instance-record",
    "deploy-postgres",
    "wait-for-ready",
    "get-connection-strings",
    "test-connection",
    "cms-update-instance-state",
    "start-health-monitor",
    "cms-record-health-monitor",
    "check-instance-health",
    "cms-record-health-check",
];

const DELETION: &[&str] = &[
    "stop-create-instance",
    "stop-health-monitor",
    "delete-postgres",
    "cms-update-instance-state",
];

const PLACES: &[&str] = &["before", "after"];

#[test]
fn a_process_killed_before_each_activity_loses_nothing() {
    one_life("before");
}

#[test]
fn a_process_killed_after_each_activity_loses_nothing() {
    one_life("after");
}

/// One life, through as many deaths as it has activities.
fn one_life(place: &str) {
    let Some(deployment) = Deployment::new() else { return };
    let server = deployment.start(Options::mode(toygres_tests::control::Mode::Api));
    let api = server.api().unwrap();
    let name = begin(&api, "harddb");
    die_at_each(&deployment, BEFORE_DELETION, place);
    {
        let _worker = worker(&deployment, None);
        deployment.reaches(&name, "running").unwrap();
        is_whole(&deployment, &name);
    }
    assert_eq!(api.delete("/api/instances/harddb").unwrap().status, 202);
    die_at_each(&deployment, DELETION, place);
    let _worker = worker(&deployment, None);
    deployment.reaches(&name, "deleted").unwrap();
    deployment.objects().vanish(None).unwrap();
    deployment.comes_to_rest().unwrap();
    let events = deployment
        .json("SELECT jsonb_agg(new_state ORDER BY created_at) FROM toygres_cms.instance_events");
    assert_eq!(events.unwrap(), json!(["creating", "running", "deleting", "deleted"]));
}

/// A worker for each activity, which takes that one on and dies of it.
fn die_at_each(deployment: &Deployment, activities: &[&str], place: &str) {
    assert!(PLACES.contains(&place));
    for activity in activities {
        let mut worker = worker(deployment, Some(&format!("{activity}:{place}:abort")));
        let status = worker.ends();
        let status = status.unwrap_or_else(|error| panic!("{activity}:{place}: {error}"));
        let signal = std::os::unix::process::ExitStatusExt::signal(&status);
        assert_eq!(signal, Some(libc::SIGKILL), "{activity}:{place}: {status}\n{}", worker.said());
    }
}

fn worker(deployment: &Deployment, fault: Option<&str>) -> toygres_tests::control::Server {
    let mode = toygres_tests::control::Mode::Worker;
    let options = Options { mode, fault: fault.map(str::to_owned), env: Vec::new() };
    toygres_tests::control::Server::spawn(deployment, options).unwrap()
}

/// Each object once, one monitor, and checks that go on.
fn is_whole(deployment: &Deployment, name: &str) {
    assert_eq!(deployment.objects().of(None).unwrap(), Objects::complete(name));
    let seen = deployment.count("SELECT count(*) FROM toygres_cms.instance_health_checks");
    wait::until("another check", || {
        let now = deployment.count("SELECT count(*) FROM toygres_cms.instance_health_checks");
        Ok((now > seen).then_some(()))
    })
    .unwrap();
    let monitors =
        "SELECT count(*) FROM toygres_duroxide.instances WHERE instance_id LIKE 'health-%'";
    assert_eq!(deployment.count(monitors), 1);
    let record = deployment.record(name).unwrap();
    assert_eq!(record["instance_actor_orchestration_id"], format!("health-{name}"));
}

#[test]
fn what_a_process_left_between_two_steps_of_a_request_is_taken_care_of() {
    let Some(deployment) = Deployment::new() else { return };
    let server = deployment.start(Options::default());
    // As a process leaves it that dies after the record and before the orchestration.
    deployment.database.psql(&format!(
        "SET search_path = toygres_cms;
         INSERT INTO instances (user_name, k8s_name, namespace, create_orchestration_id, state,
             updated_at)
         VALUES ('lostdb', 'lostdb-00000001', '{0}', 'create-lostdb-00000001', 'creating',
             now() - interval '1 hour'),
             ('gonedb', 'gonedb-00000002', '{0}', NULL, 'deleting', now() - interval '1 hour')",
        deployment.namespace
    ));
    let record = deployment.reaches("lostdb-00000001", "failed").unwrap();
    assert_eq!(record["message"], "its creation never began");
    deployment.reaches("gonedb-00000002", "deleted").unwrap();
    deployment.comes_to_rest().unwrap();
    let id = &deployment.record("lostdb-00000001").unwrap()["delete_orchestration_id"];
    assert_eq!(id, "delete-lostdb-00000001", "it is cleaned up after");
    drop(server);
}

#[test]
fn a_creation_that_an_operator_cancels_is_cleaned_up_after() {
    let Some(deployment) = Deployment::new() else { return };
    let server = deployment.start(Options::default());
    let api = server.api().unwrap();
    deployment.world.kubelet.delay(std::time::Duration::ZERO);
    let name = begin(&api, "oopsdb");
    deployment.world.kubelet.hold(&name);
    // As `toygres server cancel` does.
    let item =
        json!({"CancelInstance": {"instance": format!("create-{name}"), "reason": "a slip"}});
    deployment.database.psql(&format!(
        "SELECT toygres_duroxide.enqueue_orchestrator_work('create-{name}', '{item}', now(),
             NULL, NULL, NULL)"
    ));
    let record = deployment.reaches(&name, "failed").unwrap();
    let why = record["message"].to_string();
    assert!(why.contains("a slip"), "{why}");
    deployment.objects().vanish(None).unwrap();
    deployment.comes_to_rest().unwrap();
}
