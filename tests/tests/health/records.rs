//! Faults in what the database holds: schemas, queues, executions, heartbeats, instances. Each is
//! made, named, and taken back.

use crate::plane::Plane;

const NOW_MS: &str = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint";

/// Makes a fault, sees it named, takes it back, sees it gone.
#[track_caller]
fn fault(plane: &Plane, code: &str, make: &str, outcome: &str, words: &str, take_back: &str) {
    plane.sql(make);
    plane.is(code, outcome, words);
    plane.sql(take_back);
    let after = plane.finds(code);
    assert!(matches!(after["outcome"].as_str(), Some("ok" | "skipped")), "{after:#}");
}

#[test]
fn schemas_that_differ_are_named() {
    let Some(plane) = Plane::at_rest() else { return };
    for (code, schema, table) in [
        ("TG0201", "toygres_duroxide", "worker_queue"),
        ("TG0402", "toygres_cms", "drift_detections"),
    ] {
        fault(
            &plane,
            code,
            &format!("ALTER TABLE {schema}.{table} RENAME TO hidden"),
            "failed",
            &format!("lacks {table}"),
            &format!("ALTER TABLE {schema}.hidden RENAME TO {table}"),
        );
    }
    for (behind, ahead, table, columns) in [
        ("TG0202", "TG0203", "toygres_duroxide._duroxide_migrations", "(version, name)"),
        ("TG0403", "TG0404", "toygres_cms.schema_migrations", "(version, name)"),
    ] {
        plane.is(behind, "ok", "newest migration");
        fault(
            &plane,
            ahead,
            &format!("INSERT INTO {table} {columns} VALUES (9001, 'to come')"),
            "warning",
            "9001",
            &format!("DELETE FROM {table} WHERE version = 9001"),
        );
        plane.sql(&format!(
            "DELETE FROM {table} WHERE version = (SELECT max(version) FROM {table})"
        ));
        plane.is(behind, "warning", "this release");
    }
    plane.sql("DROP INDEX toygres_cms.instances_live_name");
    plane.is("TG0411", "warning", "missing");
}

#[test]
fn work_that_nobody_does_is_named() {
    let Some(plane) = Plane::at_rest() else { return };
    let d = "toygres_duroxide";
    for (age, outcome) in [("30 seconds", "warning"), ("2 minutes", "failed")] {
        fault(
            &plane,
            "TG0204",
            &format!(
                "INSERT INTO {d}.orchestrator_queue (instance_id, work_item, visible_at, created_at) \
                 VALUES ('create-x', '{{\"StartOrchestration\":{{}}}}', now() - interval '{age}', now())"
            ),
            outcome,
            "1 messages wait, the oldest for",
            &format!("DELETE FROM {d}.orchestrator_queue"),
        );
        fault(
            &plane,
            "TG0205",
            &format!(
                "INSERT INTO {d}.worker_queue (work_item, visible_at, created_at) \
                 VALUES ('{{\"ActivityExecute\":{{\"instance\":\"create-x\"}}}}', \
                     now() - interval '{age}', now())"
            ),
            outcome,
            "1 activities wait, the oldest for",
            &format!("DELETE FROM {d}.worker_queue"),
        );
    }
    fault(
        &plane,
        "TG0208",
        &format!(
            "INSERT INTO {d}.instance_locks VALUES ('create-x', 'token', {NOW_MS} - 120000, 0)"
        ),
        "failed",
        "`create-x`",
        &format!("DELETE FROM {d}.instance_locks"),
    );
    fault(
        &plane,
        "TG0210",
        &format!(
            "INSERT INTO {d}.worker_queue (work_item, visible_at, created_at, attempt_count) \
             VALUES ('{{\"ActivityExecute\":{{\"instance\":\"create-x\"}}}}', now(), now(), 7)"
        ),
        "failed",
        "taken up to 7 times and given back, such as one of `create-x`",
        &format!("DELETE FROM {d}.worker_queue"),
    );
}

#[test]
fn executions_that_went_wrong_are_named() {
    let Some(plane) = Plane::at_rest() else { return };
    let d = "toygres_duroxide";
    plane.sql(&format!(
        "INSERT INTO {d}.instances (instance_id, orchestration_name, current_execution_id, created_at, \
             updated_at) VALUES ('create-x', 'create-instance', 1, now(), now())"
    ));
    let execution = |status: &str, output: &str| {
        format!(
            "INSERT INTO {d}.executions (instance_id, execution_id, status, output, started_at, \
                 completed_at) VALUES ('create-x', 1, '{status}', '{output}', now() - interval '1 hour', \
                 {})",
            if status == "Running" { "NULL" } else { "now()" }
        )
    };
    let gone = format!("DELETE FROM {d}.executions");
    fault(&plane, "TG0206", &execution("Running", ""), "failed", "such as `create-x`", &gone);
    fault(
        &plane,
        "TG0207",
        &execution("Failed", "poison: activity x#2 exceeded 11 attempts (max 10)"),
        "failed",
        "`create-x`",
        &gone,
    );
    fault(&plane, "TG0209", &execution("Failed", "no space"), "warning", "`create-x`", &gone);
    // Its last three activities failed; an earlier success, or a later one, is another matter.
    let event = |id: i64, data: &str| {
        format!(
            "INSERT INTO {d}.history (instance_id, execution_id, event_id, event_type, event_data, \
                 created_at) VALUES ('create-x', 1, {id}, 'Event', '{data}', now());"
        )
    };
    let failed = r#"{"type":"ActivityFailed","source_event_id":1,"details":"away"}"#;
    let polled = r#"{"type":"ActivityCompleted","source_event_id":1,"result":"{\"ready\":false,\"failing\":true}"}"#;
    let succeeded =
        r#"{"type":"ActivityCompleted","source_event_id":1,"result":"{\"ready\":false}"}"#;
    let history = |events: &[&str]| {
        let events = (1..).zip(events).map(|(id, data)| event(id, data));
        format!("{}; {}", execution("Running", ""), events.collect::<String>())
    };
    let all_gone = format!("DELETE FROM {d}.history; {gone}");
    let made = history(&[succeeded, failed, polled, failed]);
    fault(&plane, "TG0213", &made, "warning", "`create-x`", &all_gone);
    for events in [&[failed, failed][..], &[failed, failed, failed, succeeded]] {
        plane.sql(&history(events));
        plane.is("TG0213", "ok", "none");
        plane.sql(&all_gone);
    }
    // Cancelled by somebody is no failure.
    plane.sql(&execution("Failed", "canceled: by mistake"));
    plane.is("TG0209", "ok", "none");
    plane.sql(&gone);
    // A timer will move it on, and so will an event from outside.
    plane.sql(&execution("Running", ""));
    plane.sql(&format!(
        "INSERT INTO {d}.orchestrator_queue (instance_id, work_item, visible_at, created_at) \
         VALUES ('create-x', '{{\"TimerFired\":{{}}}}', now() + interval '1 day', now())"
    ));
    plane.is("TG0206", "ok", "each waits");
}

/// A heartbeat, with what differs from that of a live, idle worker.
fn beat(id: &str, version: &str, seen: &str, started: &str, activities: &str) -> String {
    format!(
        "INSERT INTO toygres_cms.worker_heartbeats (worker_id, host, pid, mode, version, concurrency, \
             started_at, last_seen_at, activities) VALUES ('{id}', 'host-1', 7, 'standalone', \
             '{version}', 1, now() + interval '{started}', now() - interval '{seen}', '{activities}')"
    )
}

#[test]
fn workers_that_are_gone_or_differ_are_named() {
    let Some(plane) = Plane::at_rest() else { return };
    // It stopped, and said so.
    plane.is("TG0301", "failed", "no worker is alive; the last one was seen");
    plane.is("TG0302", "ok", "none");
    let gone = "DELETE FROM toygres_cms.worker_heartbeats WHERE worker_id LIKE 'test-%'";
    let hour = "-1 hour";
    let lost = beat("test-1", "0.1.0", "40 seconds", hour, "[]");
    fault(&plane, "TG0302", &lost, "warning", "`test-1` on host-1 40s ago", gone);
    let two = format!(
        "{}; {}",
        beat("test-1", "0.1.0", "0s", hour, "[]"),
        beat("test-2", "0.2.0", "0s", hour, "[]")
    );
    fault(&plane, "TG0303", &two, "warning", "0.1.0 and 0.2.0", gone);
    let busy = format!(
        "{}; INSERT INTO toygres_duroxide.worker_queue (work_item, visible_at, created_at) \
         VALUES ('{{\"ActivityExecute\":{{}}}}', now(), now())",
        beat("test-1", "0.1.0", "0s", hour, "[{\"activity\": \"a\", \"orchestration\": \"b\"}]")
    );
    let free = format!("{gone}; DELETE FROM toygres_duroxide.worker_queue");
    fault(
        &plane,
        "TG0304",
        &busy,
        "warning",
        "the only place is taken and 1 activity waits",
        &free,
    );
    let ahead = beat("test-1", "0.1.0", "0s", "10 seconds", "[]");
    fault(&plane, "TG0212", &ahead, "warning", "worker `test-1` on host-1 is 10s ahead", gone);
    let far = beat("test-1", "0.1.0", "-2 minutes", hour, "[]");
    fault(&plane, "TG0212", &far, "failed", "worker `test-1`", gone);
    // An old deployment has no such table: nobody knows.
    plane.sql("DROP TABLE toygres_cms.worker_heartbeats");
    plane.is("TG0301", "unknown", "records no heartbeats");
    plane.is("TG0302", "skipped", "");
}

/// An instance's record with what differs from a healthy one of yesterday.
fn instance(state: &str, health: &str, unchanged: &str) -> String {
    format!(
        "INSERT INTO toygres_cms.instances (user_name, k8s_name, namespace, state, health_status, \
             create_orchestration_id, delete_orchestration_id, created_at, updated_at) \
         VALUES ('testdb', 'testdb-00000001', 'elsewhere', '{state}', '{health}', \
             'create-testdb-00000001', 'delete-testdb-00000001', now() - interval '1 day', \
             now() - interval '{unchanged}')"
    )
}

#[test]
fn instances_that_are_not_well_are_named() {
    let Some(plane) = Plane::at_rest() else { return };
    let gone = "DELETE FROM toygres_cms.instance_events; \
                DELETE FROM toygres_cms.instance_health_checks; DELETE FROM toygres_cms.instances";
    let old_check = |health: &str| {
        format!(
            "{}; INSERT INTO toygres_cms.instance_health_checks (instance_id, status, error_message, \
                 checked_at) SELECT id, '{health}', 'Connection timeout', now() - interval '1 hour' \
                 FROM toygres_cms.instances",
            instance("running", health, "1 hour")
        )
    };
    fault(
        &plane,
        "TG0601",
        &old_check("unhealthy"),
        "warning",
        "0 healthy, 1 unhealthy: `testdb-00000001` (Connection timeout)",
        gone,
    );
    fault(&plane, "TG0605", &old_check("healthy"), "failed", "`testdb-00000001`", gone);
    fault(&plane, "TG0606", &old_check("healthy"), "warning", "not checked for 1h", gone);
    // A worker with a fast clock was here: its check lies ahead, and its monitor sleeps for as long.
    let ahead = old_check("healthy")
        .replace("now() - interval '1 hour' ", "now() + interval '47 minutes' ");
    fault(
        &plane,
        "TG0606",
        &ahead,
        "warning",
        "in the future, by a worker's clock that was ahead",
        gone,
    );
    let asleep = format!(
        "{}; UPDATE toygres_cms.instances SET instance_actor_orchestration_id = 'health-testdb-00000001'; \
         INSERT INTO toygres_duroxide.orchestrator_queue (instance_id, work_item, visible_at, created_at) \
         VALUES ('health-testdb-00000001', '{{\"TimerFired\":{{}}}}', now() + interval '59 minutes', now())",
        old_check("healthy")
    );
    let awake = format!("DELETE FROM toygres_duroxide.orchestrator_queue; {gone}");
    fault(&plane, "TG0605", &asleep, "failed", "because a worker's clock was ahead", &awake);
    // One that cannot be checked says why.
    fault(
        &plane,
        "TG0601",
        &old_check("unknown").replace("Connection timeout", "there is no Secret"),
        "warning",
        "`testdb-00000001` (there is no Secret)",
        gone,
    );
    fault(
        &plane,
        "TG0607",
        &instance("creating", "unknown", "1 hour"),
        "warning",
        "no orchestration works on it",
        gone,
    );
    fault(
        &plane,
        "TG0608",
        &instance("deleting", "unknown", "1 hour"),
        "warning",
        "no orchestration works on it",
        gone,
    );
    let failed = format!(
        "{}; INSERT INTO toygres_cms.instance_events (instance_id, event_type, new_state, message) \
         SELECT id, 'state_changed', 'failed', 'no storage left' FROM toygres_cms.instances",
        instance("failed", "unknown", "1 hour")
    );
    fault(&plane, "TG0609", &failed, "warning", "testdb-00000001: no storage left", gone);
    let stored = format!(
        "{}; UPDATE toygres_cms.instances \
         SET ip_connection_string = 'postgresql://postgres:canary-x@1.2.3.4:5432/postgres'",
        instance("failed", "unknown", "1 hour")
    );
    fault(&plane, "TG0412", &stored, "warning", "1 record of instances hold", gone);
}

#[test]
fn a_lock_that_is_waited_for_is_named() {
    let Some(plane) = Plane::at_rest() else { return };
    let url = plane.deployment.database.url.clone();
    let binaries = plane.deployment.database.server().binaries();
    let session = |sql: &str| {
        std::process::Command::new(binaries.path("psql"))
            .args(["-X", "-d", &url, "-c", sql])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap()
    };
    let table = "toygres_cms.drift_detections";
    let mut holder = session(&format!("BEGIN; LOCK {table}; SELECT pg_sleep(300)"));
    toygres_tests::wait::until("the lock", || {
        let held = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted \
                    AND relation = 'toygres_cms.drift_detections'::regclass";
        Ok((plane.deployment.count(held) > 0).then_some(()))
    })
    .unwrap();
    let mut waiter = session(&format!("SELECT * FROM {table}"));
    plane.becomes("TG0410", "warning", "wait for locks, the longest for");
    for child in [&mut waiter, &mut holder] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
