//! Each step failed in turn: what was made is unmade, and the CMS says what failed and why.

use super::{begin, text};
use std::thread;
use toygres_tests::control::{Deployment, Objects, Options, Server};

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

/// The steps of a deletion, in order.
const DELETION: &[&str] = &[
    "stop-create-instance",
    "stop-health-monitor",
    "delete-postgres",
    "cms-update-instance-state",
];

#[test]
fn a_creation_that_fails_at_any_step_leaves_nothing_but_the_reason() {
    if Deployment::new().is_none() {
        return;
    }
    for half in CREATION.chunks(4) {
        thread::scope(|scope| {
            for step in half {
                scope.spawn(|| creation_fails(step));
            }
        });
    }
}

fn creation_fails(step: &str) {
    let Some(deployment) = Deployment::new() else { return };
    let server = deployment.start(Options::fault(&format!("{step}:fail")));
    let api = server.api().unwrap();
    let name = begin(&api, "faildb");
    let record = deployment.reaches(&name, "failed").unwrap();
    let why = format!("{step} was made to fail");
    assert!(text(&record, "message").contains(&why), "{step}: {record:#}");
    deployment.objects().vanish(None).unwrap_or_else(|error| panic!("{step}: {error}"));
    deployment.comes_to_rest().unwrap_or_else(|error| panic!("{step}: {error}"));
    no_monitor_lives(&deployment, step);
    let shown = api.get("/api/instances/faildb").unwrap().body;
    assert!(text(&shown, "message").contains(&why), "{step}: {shown:#}");
    // The name is free again, and the failed one can be put away.
    let deleted = api.delete(&format!("/api/instances/{name}")).unwrap();
    assert_eq!(deleted.status, 202, "{step}: {deleted:#?}");
    drop(server);
    let _mended = deployment.start(Options::default());
    deployment.reaches(&name, "deleted").unwrap_or_else(|error| panic!("{step}: {error}"));
}

#[track_caller]
fn no_monitor_lives(deployment: &Deployment, step: &str) {
    let living = "SELECT count(*) FROM toygres_duroxide.executions
        WHERE instance_id LIKE 'health-%' AND status = 'Running'";
    assert_eq!(deployment.count(living), 0, "{step}: a monitor lives on");
}

#[test]
fn a_deletion_that_fails_at_any_step_says_why_and_can_be_asked_for_again() {
    let Some(deployment) = Deployment::new() else { return };
    let whole = deployment.start(Options::default());
    let api = whole.api().unwrap();
    let names: Vec<String> = (0..DELETION.len()).map(|n| begin(&api, &format!("db{n}"))).collect();
    for name in &names {
        deployment.reaches(name, "running").unwrap();
    }
    drop(whole);
    for (step, name) in DELETION.iter().zip(&names) {
        let broken = deployment.start(Options::fault(&format!("{step}:fail")));
        deletion_fails(&deployment, &broken, step, name);
    }
    let mended = deployment.start(Options::default());
    let api = mended.api().unwrap();
    for (step, name) in DELETION.iter().zip(&names) {
        let again = api.delete(&format!("/api/instances/{name}")).unwrap();
        let id = text(&again.body, "delete_orchestration_id").to_owned();
        assert_eq!(id, format!("delete-{name}-2"), "{step}: the first one's records are kept");
        deployment.reaches(name, "deleted").unwrap_or_else(|error| panic!("{step}: {error}"));
    }
    deployment.objects().vanish(None).unwrap();
    deployment.comes_to_rest().unwrap();
}

fn deletion_fails(deployment: &Deployment, server: &Server, step: &str, name: &str) {
    let api = server.api().unwrap();
    assert_eq!(api.delete(&format!("/api/instances/{name}")).unwrap().status, 202);
    let record = deployment.reaches(name, "failed").unwrap();
    let why = text(&record, "message");
    assert!(why.contains("it could not be deleted"), "{step}: {why}");
    assert!(why.contains(step), "{step}: {why}");
    if step == "delete-postgres" {
        let kept = deployment.objects().of(Some(name)).unwrap();
        assert_eq!(kept, Objects::complete(name), "{step}");
    }
    deployment.comes_to_rest().unwrap_or_else(|error| panic!("{step}: {error}"));
}

#[test]
fn what_cannot_be_cleaned_up_is_told_and_can_be_deleted_later() {
    let Some(deployment) = Deployment::new() else { return };
    let broken = deployment.start(Options::fault("test-connection:fail,delete-postgres:fail"));
    let name = begin(&broken.api().unwrap(), "leftdb");
    deployment.comes_to_rest().unwrap();
    let record = deployment.reaches(&name, "failed").unwrap();
    let why = text(&record, "message");
    assert!(why.contains("test-connection was made to fail"), "{why}");
    assert!(why.contains("what it made could not be removed"), "{why}");
    assert_eq!(deployment.objects().of(None).unwrap(), Objects::complete(&name));
    drop(broken);
    let mended = deployment.start(Options::default());
    mended.api().unwrap().delete("/api/instances/leftdb").unwrap();
    deployment.reaches(&name, "deleted").unwrap();
    deployment.objects().vanish(None).unwrap();
}

#[test]
fn a_check_that_fails_ends_no_monitor() {
    let Some(deployment) = Deployment::new() else { return };
    let broken = deployment.start(Options::fault("check-instance-health:fail"));
    let name = begin(&broken.api().unwrap(), "watchdb");
    deployment.reaches(&name, "running").unwrap();
    let rounds = "SELECT coalesce(max(current_execution_id), 0) FROM toygres_duroxide.instances
        WHERE instance_id LIKE 'health-%'";
    toygres_tests::wait::until("two rounds of the monitor", || {
        Ok((deployment.count(rounds) >= 2).then_some(()))
    })
    .unwrap();
    let checks = "SELECT count(*) FROM toygres_cms.instance_health_checks";
    assert_eq!(deployment.count(checks), 0);
    drop(broken);
    let _mended = deployment.start(Options::default());
    toygres_tests::wait::until("a check", || Ok((deployment.count(checks) > 0).then_some(())))
        .unwrap();
}

#[test]
fn a_database_that_never_gets_ready_fails_with_what_it_waited_for() {
    let Some(deployment) = Deployment::new() else { return };
    let server = deployment.start(Options::default().env("TOYGRES_READY_INTERVAL_MS", "60"));
    let api = server.api().unwrap();
    // Nothing works on it yet: the image fails before the first look.
    let name = begin(&api, "nopull");
    deployment.world.kubelet.fail_image(&name);
    let shown = toygres_tests::wait::until("the reason to be told", || {
        let shown = api.get("/api/instances/nopull?progress=true")?.body;
        let told = shown["progress"].to_string().contains("ErrImagePull");
        Ok((told || shown["state"] != "creating").then_some(shown))
    });
    assert_eq!(shown.unwrap()["state"], "creating");
    let record = deployment.reaches(&name, "failed").unwrap();
    let why = text(&record, "message");
    assert!(why.contains("not done after 60 attempts"), "{why}");
    assert!(why.contains("the image cannot be pulled"), "{why}");
    deployment.objects().vanish(None).unwrap();
}
