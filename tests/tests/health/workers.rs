//! `workers`: what they do, hold and did, and those that went without a word.

use crate::plane::Plane;
use crate::support::Toygres;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use toygres_tests::control::{Deployment, Options};
use toygres_tests::generations;
use toygres_tests::postgres::PrivatePostgres;
use toygres_tests::wait;

fn workers(plane: &Plane) -> Value {
    plane.toygres().args(["server", "workers", "-o", "json"]).run().code(0).json()
}

#[test]
fn a_live_worker_is_shown_with_what_it_did() {
    let Some((plane, _)) = Plane::with_instance() else { return };
    // The heartbeats tell of it a moment later.
    let mut facts = Value::Null;
    wait::until("ten completions", || {
        facts = workers(&plane);
        Ok((facts["recent"].as_array().map(Vec::len) == Some(10)).then_some(()))
    })
    .unwrap();
    assert_eq!(facts["workers"].as_array().unwrap().len(), 1, "{facts:#}");
    // One row for each activity that the process works on at once.
    let places = facts["places"].as_array().unwrap();
    assert_eq!(facts["workers"][0]["concurrency"], places.len(), "{facts:#}");
    let count = |key: &str| usize::try_from(facts[key].as_i64().unwrap()).unwrap();
    assert_eq!(count("active") + count("idle"), places.len(), "{facts:#}");
    assert_eq!(facts["lost"], 0);
    assert!(facts["recent"][0]["duration_ms"].is_i64(), "{facts:#}");
    let ran = plane.toygres().args(["server", "workers"]).run().code(0);
    for line in [
        "Duroxide Workers",
        "WORKER ID",
        "CURRENT ACTIVITY",
        "Recent Completions (Last 10):",
        "Queue:",
        "Pending Activities:",
        "Pending Timers:",
    ] {
        assert!(ran.stdout.contains(line), "`{line}` is not in {}", ran.stdout);
    }
}

#[test]
fn a_worker_that_is_killed_is_lost_and_its_lease_shown_until_it_ran_out() {
    let Some(deployment) = Deployment::new() else { return };
    // Its work waits at a gate that nobody opens, under a lease that lasts.
    let gate = std::env::temp_dir().join(format!("no-gate-{}", std::process::id()));
    let options = Options::fault("deploy-postgres:gate")
        .env("TOYGRES_FAULT_GATE", &gate.to_string_lossy())
        .env("TOYGRES_LEASE_MS", "25000");
    let server = deployment.start(options);
    let plane = Plane { deployment, server: Some(server) };
    let api = plane.server.as_ref().unwrap().api().unwrap();
    let made = api.create(&json!({"name": "held", "password": "canary-test123"}));
    let name = made["k8s_name"].as_str().unwrap().to_owned();
    let mut facts = Value::Null;
    let waited = wait::until("the activity to be shown", || {
        facts = workers(&plane);
        let held = &facts["workers"][0]["activities"][0];
        Ok((held["activity"] == "deploy-postgres" && !held["lease_until"].is_null()).then_some(()))
    });
    waited.unwrap_or_else(|error| panic!("{error}: {facts:#}"));
    let held = facts["workers"][0]["activities"][0].clone();
    assert_eq!(held["instance"], json!(name));
    let facts = workers(&plane);
    let id = facts["workers"][0]["worker_id"].clone();
    let lease = facts["leases"].as_array().unwrap().iter().find(|one| one["kind"] == "activity");
    assert_eq!(lease.unwrap()["worker_id"], id, "{facts:#}");
    assert_eq!(facts["workers"][0]["status"], "active");
    let table = plane.toygres().args(["server", "workers"]).run().code(0);
    table
        .shows("Active")
        .shows("deploy-postgres")
        .shows(&name)
        .shows("1 worker active, ")
        .shows("for another ");

    let mut plane = plane;
    plane.server.take().unwrap().kill().unwrap();
    let killed = Instant::now();
    wait::until("it to be lost", || {
        Ok((workers(&plane)["workers"][0]["status"] == "lost").then_some(()))
    })
    .unwrap();
    // Two beats, and a moment for a slow machine.
    assert!(killed.elapsed() < Duration::from_secs(15), "{:?}", killed.elapsed());
    let facts = workers(&plane);
    assert_eq!((&facts["lost"], &facts["active"]), (&json!(1), &json!(0)));
    let told = &facts["workers"][0]["activities"][0];
    assert!(told["lease_until"].is_string(), "{facts:#}");
    let table = plane.toygres().args(["server", "workers"]).run().code(0);
    table.shows("Lost").shows("last seen").shows("1 lost");
    plane.is("TG0302", "warning", "went without a word");
    plane.is("TG0301", "failed", "no worker is alive");
    wait::until("its lease to run out", || {
        let facts = workers(&plane);
        let lease =
            facts["leases"].as_array().unwrap().iter().find(|one| one["kind"] == "activity");
        Ok(lease.filter(|lease| lease["expired"] == true).cloned())
    })
    .unwrap();
    // The lease is nobody's where no heartbeat tells of it.
    plane.sql("UPDATE toygres_cms.worker_heartbeats SET activities = '[]'");
    let facts = workers(&plane);
    let lease = facts["leases"].as_array().unwrap().iter().find(|one| one["kind"] == "activity");
    let lease = lease.unwrap();
    assert_eq!(lease["worker_id"], Value::Null);
    assert!(lease["worker_reason"].as_str().unwrap().contains("no heartbeat"), "{lease}");
    plane.toygres().args(["server", "workers"]).run().code(0).shows("Expired");
}

#[test]
fn deployments_of_every_generation_get_an_answer_that_guesses_nothing() {
    for make in [generations::old, generations::ahead] {
        let database = PrivatePostgres::shared().database().unwrap();
        make(&database.url).unwrap();
        let ran =
            Toygres::on(&database.url).args(["server", "workers", "-o", "json"]).run().code(0);
        let facts = ran.json();
        assert_eq!((&facts["workers"], &facts["active"]), (&Value::Null, &Value::Null));
        assert_eq!(facts["recent"], Value::Null);
        assert!(facts["workers_reason"].as_str().unwrap().contains("no heartbeats"), "{facts:#}");
        assert_eq!(facts["queue"]["pending_activities"], 2, "{facts:#}");
        let ran = Toygres::on(&database.url).args(["server", "workers"]).run().code(0);
        ran.shows("Workers: not known").says("no heartbeats");
    }
    let database = PrivatePostgres::shared().database().unwrap();
    Toygres::on(&database.url).args(["server", "workers"]).run().code(5);
    Toygres::new().args(["server", "workers"]).run().code(4).says("DATABASE_URL");
}
