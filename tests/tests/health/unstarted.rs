//! Executions of orchestrations that were never started, as older deployments have them: named with a
//! command that clears them, cleared once, told of, and left alone where something may move them on.

use crate::plane::Plane;
use crate::support::Ran;
use serde_json::{Value, json};

const D: &str = "toygres_duroxide";

/// An execution that runs, an hour old, with nothing else recorded of it.
fn leave(plane: &Plane, id: &str) {
    plane.sql(&format!(
        "INSERT INTO {D}.executions (instance_id, execution_id, status, started_at)
             VALUES ('{id}', 1, 'Running', now() - interval '1 hour')"
    ));
}

/// Runs a command as it was recommended.
#[track_caller]
fn paste(plane: &Plane, command: &str) -> Ran {
    let words = command.strip_prefix("toygres ").unwrap_or_else(|| panic!("{command}"));
    plane.toygres().args(words.split_whitespace()).run()
}

#[test]
fn each_is_named_with_a_command_that_clears_it() {
    let Some(plane) = Plane::at_rest() else { return };
    plane.sql(
        "INSERT INTO toygres_cms.instances (user_name, k8s_name, state)
             VALUES ('gy1', 'gy1-550a8543', 'deleted')",
    );
    let ids = ["create-gy1-550a8543::sub::7", "create-gyr-273d73be::sub::5"];
    ids.iter().for_each(|id| leave(&plane, id));
    let found =
        plane.is("TG0206", "failed", "2 orchestrations running with nothing that will move");
    assert_eq!(found["evidence"]["ids"], json!(ids));
    for id in ids {
        assert!(found["summary"].as_str().unwrap().contains(id), "{found:#}");
    }
    let before = plane.deployment.database.dump();

    // What looks at them finds them, and changes nothing.
    let stuck = plane.toygres().args(["server", "orchestrations", "--stuck", "-o", "json"]).run();
    let stuck = stuck.code(0).json();
    let listed: Vec<&str> =
        stuck.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(listed.len(), 2, "{stuck:#}");
    assert!(ids.iter().all(|id| listed.contains(id)), "{stuck:#}");
    let running = ["server", "orchestrations", "--status", "running", "--count", "-o", "json"];
    assert_eq!(plane.toygres().args(running).run().code(0).json()["count"], 2);
    let shown = plane.toygres().args(["server", "orchestration", ids[0], "-o", "json"]).run();
    let shown = shown.code(0).json();
    assert_eq!(shown["status"], "running");
    assert_eq!(shown["parent_id"], "create-gy1-550a8543");
    assert_eq!(shown["diagnosis"]["kind"], "never_started", "{shown:#}");
    assert_eq!(shown["diagnosis"]["needs_attention"], true);
    assert_eq!(shown["diagnosis"]["evidence"]["clearable"], true);
    let clears = format!("toygres server cancel {} --force", ids[0]);
    let said = shown["diagnosis"]["summary"].as_str().unwrap();
    assert!(said.contains(&clears), "{said}");
    for option in ["--history", "--pending", "--tree", "--timeline"] {
        plane.toygres().args(["server", "orchestration", ids[0], option]).run().code(0);
    }
    let unasked = plane.toygres().args(["server", "cancel", ids[0]]).run().code(6);
    unasked.says("Clear Unstarted Execution").says("--force");
    assert_eq!(plane.deployment.database.dump(), before);

    // What was recommended, pasted.
    let fixes: Vec<&str> =
        found["fix"].as_array().unwrap().iter().map(|fix| fix.as_str().unwrap()).collect();
    assert!(fixes.contains(&clears.as_str()), "{fixes:?}");
    for fix in &fixes {
        paste(&plane, fix).code(0);
    }
    plane.is("TG0206", "ok", "each waits");
    let told = plane.deployment.json(
        "SELECT jsonb_agg(to_jsonb(d) ORDER BY id) FROM toygres_cms.drift_detections d
         WHERE detection_type = 'unstarted_execution'",
    );
    let told = told.unwrap();
    assert_eq!(told.as_array().map(Vec::len), Some(2), "{told:#}");
    assert_eq!(told[0]["k8s_name"], "gy1-550a8543");
    assert_eq!(told[0]["metadata"]["orchestration"], ids[0]);
    assert!(told[0]["resolved_by"].as_str().unwrap().starts_with("toygres server cancel"));
    assert!(!told[0]["resolved_at"].is_null());
    let event = "SELECT to_jsonb(message) FROM toygres_cms.instance_events
        WHERE event_type = 'unstarted-execution-cleared'";
    let event = plane.deployment.json(event).unwrap();
    assert!(event.as_str().unwrap().contains(ids[0]), "{event}");

    // Once more changes nothing, and says so.
    let again = plane.toygres().args(["server", "cancel", ids[0], "--force", "-o", "json"]).run();
    assert_eq!(again.code(0).json()["result"], "already_cleared");
    plane.toygres().args(["server", "cancel", "create-nothing-1", "--force"]).run().code(5);
}

#[test]
fn what_may_be_moved_on_still_is_refused_with_the_reason() {
    let Some(plane) = Plane::at_rest() else { return };
    let id = "create-x-00000001::sub::3";
    leave(&plane, id);
    let parent = format!(
        "INSERT INTO {D}.executions (instance_id, execution_id, status, started_at)
             VALUES ('create-x-00000001', 1, 'Running', now())"
    );
    let heartbeat = format!(
        "INSERT INTO toygres_cms.worker_heartbeats (worker_id, host, pid, mode, version, concurrency,
             started_at, last_seen_at, activities) VALUES ('w', 'h', 1, 'worker', '1', 1, now(), now(),
             '[{{\"activity\": \"x\", \"orchestration\": \"{id}\"}}]')"
    );
    let now = "extract(epoch FROM clock_timestamp())::bigint";
    for (hold, words, free) in [
        (
            format!(
                "INSERT INTO {D}.orchestrator_queue (instance_id, work_item, visible_at, created_at)
                 VALUES ('{id}', '{{\"TimerFired\":{{}}}}', now() + interval '1 day', now())"
            ),
            "lies in the queue",
            format!("DELETE FROM {D}.orchestrator_queue"),
        ),
        (
            format!("INSERT INTO {D}.instance_locks VALUES ('{id}', 't', ({now} + 60) * 1000, 0)"),
            "a worker holds it",
            format!("DELETE FROM {D}.instance_locks"),
        ),
        (
            format!("INSERT INTO {D}.instance_locks VALUES ('{id}', 't', ({now} - 20) * 1000, 0)"),
            "within the last minute",
            format!("DELETE FROM {D}.instance_locks"),
        ),
        (
            format!(
                "INSERT INTO {D}.worker_queue (work_item, visible_at, created_at) VALUES (
                 '{{\"ActivityExecute\":{{\"instance\":\"{id}\"}}}}', now(), now())"
            ),
            "an activity of it",
            format!("DELETE FROM {D}.worker_queue"),
        ),
        (
            parent,
            "its parent is at work",
            format!("DELETE FROM {D}.executions WHERE instance_id = 'create-x-00000001'"),
        ),
        (
            format!("UPDATE {D}.executions SET duroxide_version_major = 9"),
            "pinned",
            format!("UPDATE {D}.executions SET duroxide_version_major = NULL"),
        ),
        (
            format!(
                "INSERT INTO {D}._duroxide_migrations (version, name) VALUES (9001, 'to come')"
            ),
            "a later release",
            format!("DELETE FROM {D}._duroxide_migrations WHERE version = 9001"),
        ),
        (
            heartbeat,
            "last heartbeat",
            "DELETE FROM toygres_cms.worker_heartbeats WHERE worker_id = 'w'".to_owned(),
        ),
    ] {
        plane.sql(&hold);
        let before = plane.deployment.database.dump();
        let refused = plane.toygres().args(["server", "cancel", id, "--force", "-o", "json"]).run();
        let error = refused.code(6).error();
        assert_eq!(error["kind"], "refused", "{error:#}");
        assert!(error["message"].as_str().unwrap().contains(words), "{words}: {error:#}");
        let shown = plane.toygres().args(["server", "orchestration", id, "-o", "json"]).run();
        let held = shown.code(0).json()["diagnosis"]["evidence"]["held"].clone();
        assert!(held.to_string().contains(words), "{words}: {held}");
        assert_eq!(plane.deployment.database.dump(), before, "{words}");
        plane.sql(&free);
    }
    plane.toygres().args(["server", "cancel", id, "--force"]).run().code(0);
}

#[test]
fn what_has_a_record_of_its_own_is_cancelled_as_ever() {
    let Some(plane) = Plane::at_rest() else { return };
    let id = "create-live-00000001::sub::3";
    leave(&plane, id);
    plane.sql(&format!(
        "INSERT INTO {D}.instances (instance_id, orchestration_name, current_execution_id,
             created_at, updated_at) VALUES ('{id}', 'delete-instance', 1, now(), now())"
    ));
    let requested = plane.toygres().args(["server", "cancel", id, "--force", "-o", "json"]).run();
    assert_eq!(requested.code(0).json()["result"], "cancel_requested");
    let left = format!("SELECT to_jsonb(status) FROM {D}.executions WHERE instance_id = '{id}'");
    assert_eq!(plane.deployment.json(&left).unwrap(), Value::from("Running"));
}
