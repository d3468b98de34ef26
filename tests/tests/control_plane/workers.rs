//! Several workers on one database.

use super::text;
use serde_json::json;
use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;
use toygres_tests::control::{Deployment, Mode, Options};
use toygres_tests::wait;

const CREATES: usize = 200;
const CALLERS: usize = 20;

#[test]
fn two_hundred_creates_on_three_workers_of_which_one_is_killed() {
    let Some(deployment) = Deployment::new() else { return };
    // A check of each every second would be most of the work.
    let options = |mode| Options::mode(mode).env("TOYGRES_MONITOR_INTERVAL_MS", "60000");
    let server = deployment.start(options(Mode::Api));
    let api = server.api().unwrap();
    let mut workers: Vec<_> = (0..3).map(|_| deployment.start(options(Mode::Worker))).collect();
    let names: BTreeSet<String> = thread::scope(|scope| {
        let create = |caller: usize| {
            let api = api.clone();
            scope.spawn(move || {
                (0..CREATES / CALLERS)
                    .map(|n| {
                        let name = format!("db-{caller}-{n}");
                        text(&api.create(&json!({"name": name})), "k8s_name").to_owned()
                    })
                    .collect::<Vec<_>>()
            })
        };
        let callers: Vec<_> = (0..CALLERS).map(create).collect();
        callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
    });
    assert_eq!(names.len(), CREATES);
    let running = "SELECT count(*) FROM toygres_cms.instances WHERE state = 'running'";
    let within = Duration::from_secs(180);
    // Three workers run four activities each: with nine at work, each of them holds a lease.
    let leases = "SELECT count(*) FROM toygres_duroxide.worker_queue WHERE lock_token IS NOT NULL";
    wait::until_within(within, "every worker to be at work in the middle of it", || {
        let middle = deployment.count(running) > 20 && deployment.count(leases) >= 9;
        Ok(middle.then_some(()))
    })
    .unwrap();
    workers.remove(1).kill().unwrap();
    wait::until_within(within, "all of them to run", || {
        Ok((deployment.count(running) == 200).then_some(()))
    })
    .unwrap_or_else(|error| {
        panic!(
            "{error}: {}",
            deployment
                .database
                .psql("SELECT state, count(*) FROM toygres_cms.instances GROUP BY 1")
        )
    });
    nothing_is_held(&deployment);
    each_was_made_once(&deployment, &names);
    for worker in &mut workers {
        let status = worker.stop().unwrap();
        assert!(status.success(), "{status}: {}", worker.said());
    }
    heartbeats_tell_who_is_there(&deployment);
}

#[test]
fn a_worker_that_hung_and_goes_on_makes_nothing_twice() {
    let Some(deployment) = Deployment::new() else { return };
    let options = |mode| Options::mode(mode).env("TOYGRES_MONITOR_INTERVAL_MS", "60000");
    let api = deployment.start(options(Mode::Api));
    let hung = deployment.start(options(Mode::Worker));
    let names: BTreeSet<String> =
        (0..24).map(|n| super::begin(&api.api().unwrap(), &format!("db{n}"))).collect();
    let leases = "SELECT count(*) FROM toygres_duroxide.worker_queue WHERE lock_token IS NOT NULL";
    wait::until("it to be at work", || Ok((deployment.count(leases) >= 3).then_some(()))).unwrap();
    hung.pause().unwrap();
    let held = deployment.count(leases);
    let _other = deployment.start(options(Mode::Worker));
    let running = "SELECT count(*) FROM toygres_cms.instances WHERE state = 'running'";
    wait::until("the other one to do it all", || {
        Ok((deployment.count(running) == 24).then_some(()))
    })
    .unwrap_or_else(|error| panic!("{error}; {held} leases were held"));
    // It goes on with what it thinks is still its own.
    hung.resume().unwrap();
    nothing_is_held(&deployment);
    each_was_made_once(&deployment, &names);
}

fn each_was_made_once(deployment: &Deployment, names: &BTreeSet<String>) {
    let there: BTreeSet<String> = deployment.objects().of(None).unwrap().into_iter().collect();
    let expected: BTreeSet<String> =
        names.iter().flat_map(|name| toygres_tests::control::Objects::complete(name)).collect();
    assert_eq!(there, expected);
    for (what, sql) in [
        (
            "creations that completed",
            "SELECT count(*) FROM toygres_duroxide.executions
            WHERE instance_id LIKE 'create-%' AND status = 'Completed'",
        ),
        (
            "monitors",
            "SELECT count(*) FROM toygres_duroxide.instances WHERE instance_id LIKE 'health-%'",
        ),
        (
            "changes to running",
            "SELECT count(*) FROM toygres_cms.instance_events
            WHERE new_state = 'running'",
        ),
        (
            "events of creation",
            "SELECT count(*) FROM toygres_cms.instance_events
            WHERE event_type = 'created'",
        ),
    ] {
        assert_eq!(deployment.count(sql), i64::try_from(names.len()).unwrap(), "{what}");
    }
}

/// No lease of the dead one is left, and none of the living beyond its time.
fn nothing_is_held(deployment: &Deployment) {
    deployment.comes_to_rest().unwrap();
    wait::until("the leases to be given back", || {
        let held = "SELECT (SELECT count(*) FROM toygres_duroxide.worker_queue
                WHERE lock_token IS NOT NULL)
            + (SELECT count(*) FROM toygres_duroxide.instance_locks)";
        Ok((deployment.count(held) == 0).then_some(()))
    })
    .unwrap();
}

fn heartbeats_tell_who_is_there(deployment: &Deployment) {
    let beats = |what: &str| {
        deployment
            .count(&format!("SELECT count(*) FROM toygres_cms.worker_heartbeats WHERE {what}"))
    };
    assert_eq!(beats("mode = 'worker'"), 3);
    assert_eq!(beats("mode = 'worker' AND stopped_at IS NOT NULL"), 2, "two of them stopped");
    assert_eq!(beats("mode = 'api' AND concurrency = 0 AND stopped_at IS NULL"), 1);
}
