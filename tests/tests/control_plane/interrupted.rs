//! A process that ends as by `kill -9` before and after the work of each activity: another one goes
//! on where it was, and the end is the same.

use super::begin;
use serde_json::json;
use toygres_tests::control::{Deployment, Mode, Objects, Options, Server};
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
    let server = deployment.start(Options::mode(Mode::Api));
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

fn worker(deployment: &Deployment, fault: Option<&str>) -> Server {
    let options = Options { fault: fault.map(str::to_owned), ..Options::mode(Mode::Worker) };
    Server::spawn(deployment, options).unwrap()
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
fn a_request_whose_process_is_killed_half_way_is_taken_care_of() {
    let Some(deployment) = Deployment::new() else { return };
    // With the record alone; with the Secret too; with everything but the answer.
    for (n, (fault, end)) in [
        ("keep-password:before:abort", "failed"),
        ("keep-password:after:abort", "failed"),
        ("start-creation:after:abort", "running"),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("cut{n}");
        let mut server = deployment.start(Options::mode(Mode::Api).with_fault(fault));
        let asked = server.api().unwrap().post("/api/instances", &json!({"name": name}));
        assert!(asked.is_err(), "{fault}: {asked:#?}");
        server.ends().unwrap();
        let k8s_name = k8s_name_of(&deployment, &name);
        let worker = deployment.start(Options::mode(Mode::Worker));
        let record = deployment.reaches(&k8s_name, end);
        let record = record.unwrap_or_else(|error| panic!("{fault}: {error}"));
        deployment.comes_to_rest().unwrap_or_else(|error| panic!("{fault}: {error}"));
        let left = deployment.objects().of(Some(&k8s_name)).unwrap();
        if end == "failed" {
            assert_eq!(record["message"], "its creation never began", "{fault}");
            assert_eq!(left, Vec::<String>::new(), "{fault}");
        } else {
            assert_eq!(left, Objects::complete(&k8s_name), "{fault}");
        }
        drop(worker);
    }
    let k8s_name = k8s_name_of(&deployment, "cut2");
    let fault = "start-deletion:before:abort";
    let mut server = deployment.start(Options::mode(Mode::Api).with_fault(fault));
    assert!(server.api().unwrap().delete("/api/instances/cut2").is_err());
    server.ends().unwrap();
    assert_eq!(deployment.record(&k8s_name).unwrap()["state"], "deleting");
    let _worker = deployment.start(Options::mode(Mode::Worker));
    deployment.reaches(&k8s_name, "deleted").unwrap();
    deployment.objects().vanish(None).unwrap();
}

fn k8s_name_of(deployment: &Deployment, name: &str) -> String {
    let sql =
        format!("SELECT to_jsonb(k8s_name) FROM toygres_cms.instances WHERE user_name = '{name}'");
    deployment.json(&sql).unwrap().as_str().unwrap().to_owned()
}

#[test]
fn a_process_killed_while_it_cleans_up_leaves_nothing() {
    let Some(deployment) = Deployment::new() else { return };
    let server = deployment.start(Options::mode(Mode::Api));
    let name = begin(&server.api().unwrap(), "messydb");
    let fails = "test-connection:fail";
    for step in ["cms-update-instance-state", "stop-health-monitor", "delete-postgres"] {
        for place in PLACES {
            let fault = format!("{fails},{step}:{place}:abort");
            let mut worker = worker(&deployment, Some(&fault));
            worker.ends().unwrap_or_else(|error| panic!("{fault}: {error}"));
        }
    }
    let _worker = worker(&deployment, Some("*:twice"));
    let record = deployment.reaches(&name, "failed").unwrap();
    let why = record["message"].as_str().unwrap();
    assert_eq!(why, "test-connection: test-connection was made to fail");
    deployment.objects().vanish(None).unwrap();
    deployment.comes_to_rest().unwrap();
}

#[test]
fn a_deletion_without_an_orchestration_is_begun() {
    let Some(deployment) = Deployment::new() else { return };
    let _server = deployment.start(Options::default());
    deployment.database.psql(&format!(
        "INSERT INTO toygres_cms.instances (user_name, k8s_name, namespace, state, updated_at)
         VALUES ('gonedb', 'gonedb-00000002', '{}', 'deleting', now() - interval '1 hour')",
        deployment.namespace
    ));
    deployment.reaches("gonedb-00000002", "deleted").unwrap();
    let id = &deployment.record("gonedb-00000002").unwrap()["delete_orchestration_id"];
    assert_eq!(id, "delete-gonedb-00000002");
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
