//! What every check leaves behind is forgotten when it is old, and nothing else is.

use toygres_tests::control::{Deployment, Options};
use toygres_tests::wait;

/// An instance that runs no more: nobody checks it, and nobody but time clears up behind it.
const INSTANCE: &str = "INSERT INTO toygres_cms.instances (user_name, k8s_name, state, deleted_at) \
    VALUES ('olddb', 'olddb-00000001', 'deleted', now());";

/// More rows than one batch, all of them old, then one for each of these ages.
fn rows(table: &str, columns: &str, values: &str, time: &str, old: &str) -> String {
    let of = |time: &str, from: &str| {
        format!(
            "INSERT INTO toygres_cms.{table} (instance_id, {columns}) SELECT i.id, {values}, {time} \
             FROM toygres_cms.instances i, {from};"
        )
    };
    of(&format!("now() - interval '{old}' - n * interval '1 minute'"), "generate_series(1, 2500) n")
        + &of(&format!("now() - {time}::interval"), "(VALUES ('1 day'), ('1 hour')) a (age)")
}

fn old_and_new() -> String {
    let checks = rows("instance_health_checks", "status, checked_at", "'healthy'", "age", "8 days");
    let events = rows("instance_events", "event_type, created_at", "'x'", "age", "91 days");
    format!(
        "{INSTANCE} {checks} {events} \
         INSERT INTO toygres_cms.instances (user_name, k8s_name, state) \
             VALUES ('faileddb', 'faileddb-00000001', 'failed'); \
         INSERT INTO toygres_cms.instance_events (instance_id, event_type, message, created_at) \
             SELECT id, 'x', 'why', now() - interval '1 year' FROM toygres_cms.instances \
             WHERE user_name = 'faileddb'; \
         INSERT INTO toygres_cms.drift_detections (detection_type, detected_at, resolved_at) \
             VALUES ('old', now() - interval '1 year', now() - interval '1 year'), \
                 ('open', now() - interval '1 year', NULL), ('new', now(), now());"
    )
}

/// A monitor that went round forty times, and roll-ups that have not begun.
const MONITOR: &str = "INSERT INTO toygres_duroxide.instances (instance_id, orchestration_name, \
        current_execution_id, created_at, updated_at) \
    VALUES ('health-olddb-00000001', 'health-monitor', 40, now() - interval '1 day', now()); \
    INSERT INTO toygres_duroxide.executions (instance_id, execution_id, status, started_at, \
        completed_at) \
    SELECT 'health-olddb-00000001', n, CASE WHEN n < 40 THEN 'ContinuedAsNew' ELSE 'Running' END, \
        now() - interval '15 minutes' + n * interval '20 seconds', \
        CASE WHEN n < 40 THEN now() - interval '14 minutes' + n * interval '20 seconds' END \
    FROM generate_series(1, 40) n; DELETE FROM toygres_cms.rollup_progress;";

#[test]
fn what_is_old_is_forgotten_in_batches() {
    let Some(deployment) = Deployment::new() else { return };
    deployment.start(Options::default()).stop().unwrap();
    deployment.database.psql(&format!("{} {MONITOR}", old_and_new()));

    let _server = deployment.start(Options::default());
    let becomes = |what: &str, count: i64| {
        wait::until(what, || Ok((deployment.count(what) == count).then_some(()))).unwrap();
    };
    becomes("SELECT count(*) FROM toygres_cms.instance_health_checks", 2);
    // Those of the last weeks, and the last one that says why.
    becomes("SELECT count(*) FROM toygres_cms.instance_events", 3);
    let why = "SELECT count(*) FROM toygres_cms.instance_events WHERE message = 'why'";
    assert_eq!(deployment.count(why), 1);
    becomes("SELECT count(*) FROM toygres_cms.drift_detections WHERE detection_type = 'old'", 0);
    assert_eq!(deployment.count("SELECT count(*) FROM toygres_cms.drift_detections"), 2);
    // Of a monitor's executions the last twenty; before that, roll-ups have counted each.
    let executions = "SELECT count(*) FROM toygres_duroxide.executions \
        WHERE instance_id = 'health-olddb-00000001'";
    becomes(executions, 20);
    let first = executions.replace("count(*)", "min(execution_id)");
    assert_eq!(deployment.count(&first), 21);
    let counted = "SELECT count(*) FROM toygres_cms.rollup_done \
        WHERE instance_id = 'health-olddb-00000001'";
    assert_eq!(deployment.count(counted), 39);
}

#[test]
fn how_long_is_the_operator_s_to_say() {
    let Some(deployment) = Deployment::new() else { return };
    deployment.start(Options::default()).stop().unwrap();
    deployment.database.psql(&old_and_new());
    let keep = |days: &str| {
        Options::default()
            .env("TOYGRES_KEEP_CHECKS_DAYS", days)
            .env("TOYGRES_KEEP_EVENTS_DAYS", "100")
    };
    let server = deployment.start(keep("100"));
    // By the last thing that is forgotten it is seen that the others had their turn.
    deployment.database.psql(
        "INSERT INTO toygres_cms.worker_heartbeats (worker_id, host, pid, mode, version, \
             concurrency, started_at, last_seen_at) VALUES ('old', 'h', 1, 'worker', '0', 1, \
             now() - interval '9 days', now() - interval '8 days')",
    );
    drop(server);
    let _server = deployment.start(keep("100"));
    let gone = "SELECT count(*) FROM toygres_cms.worker_heartbeats WHERE worker_id = 'old'";
    wait::until("the heartbeat to go", || Ok((deployment.count(gone) == 0).then_some(()))).unwrap();
    let of = |table: &str| deployment.count(&format!("SELECT count(*) FROM toygres_cms.{table}"));
    assert_eq!((of("instance_health_checks"), of("drift_detections")), (2502, 2));
    // All but those of more than a hundred days: 91 days and 2500 minutes are fewer.
    assert_eq!(of("instance_events"), 2503);
}
