//! Roll-ups when the process that makes them is killed, or is not alone: each execution is counted
//! once.

use crate::plane::Plane;
use std::io::Write;
use std::process::{Child, Command, Stdio};
use toygres_tests::control::{Deployment, Options};
use toygres_tests::postgres::PrivatePostgres;
use toygres_tests::{statistics, wait};

/// A session that holds a table, so that whoever writes there stands still.
struct Holding(Child);

impl Holding {
    fn of(deployment: &Deployment, table: &str) -> Self {
        let mut session = Command::new(PrivatePostgres::shared().binaries().path("psql"))
            .args(["-X", "-q", "-d", &deployment.database.url])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let hold = format!("BEGIN; LOCK TABLE toygres_cms.{table} IN EXCLUSIVE MODE;\n");
        session.stdin.as_mut().unwrap().write_all(hold.as_bytes()).unwrap();
        let holding = Self(session);
        let held = format!(
            "SELECT count(*) FROM pg_locks WHERE granted AND mode = 'ExclusiveLock' \
             AND relation = 'toygres_cms.{table}'::regclass"
        );
        wait::until("the table to be held", || Ok((deployment.count(&held) > 0).then_some(())))
            .unwrap();
        holding
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _ended = self.0.wait();
    }
}

/// Sessions that are in the midst of a step.
const STEPS: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
    AND pid <> pg_backend_pid() AND query LIKE '%WITH progress AS%rollup_done%' \
    AND state <> 'idle'";

const COUNTED: &str = "SELECT coalesce(sum(count), 0) FROM toygres_cms.rollup_orchestrations";
const ACTIVITIES: &str = "SELECT coalesce(sum(count), 0) FROM toygres_cms.rollup_activities";

#[test]
fn a_process_killed_within_a_step_has_counted_nothing_of_it() {
    let Some(deployment) = Deployment::new() else { return };
    // The tables, before there is anything to count.
    deployment.start(Options::default()).stop().unwrap();
    statistics::generate(&deployment.database.url, 3000).unwrap();
    let holding = ["rollup_done", "rollup_orchestrations", "rollup_activities", "rollup_progress"];
    for table in holding {
        let held = Holding::of(&deployment, table);
        let server = deployment.start(Options::default());
        let stands = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
            AND query LIKE '%WITH progress AS%rollup_done%' AND wait_event_type = 'Lock'";
        wait::until("a step to stand still", || Ok((deployment.count(stands) > 0).then_some(())))
            .unwrap();
        server.kill().unwrap();
        drop(held);
        wait::until("the step to be given up", || Ok((deployment.count(STEPS) == 0).then_some(())))
            .unwrap();
        assert_eq!(deployment.count(COUNTED), 0, "killed at {table}");
        assert_eq!(deployment.count(ACTIVITIES), 0, "killed at {table}");
    }

    // Two of them, and every execution is counted once.
    let ended = "SELECT count(*) FROM toygres_duroxide.executions WHERE completed_at IS NOT NULL";
    let ended = deployment.count(ended);
    let servers = [deployment.start(Options::default()), deployment.start(Options::default())];
    wait::until("all of it to be counted", || {
        Ok((deployment.count(COUNTED) >= ended).then_some(()))
    })
    .unwrap();
    let mark = "SELECT (extract(epoch FROM max(rolled_until)) * 1000)::bigint \
        FROM toygres_cms.rollup_progress";
    // The last minutes are looked at again, and nothing is counted again.
    let before = deployment.count(mark);
    wait::until("another step", || Ok((deployment.count(mark) > before).then_some(()))).unwrap();
    assert_eq!(deployment.count(COUNTED), ended);
    let pairs = "SELECT count(*) FROM toygres_duroxide.history h \
        JOIN toygres_duroxide.executions e USING (instance_id, execution_id) \
        WHERE e.completed_at IS NOT NULL AND h.event_data LIKE '%\"type\":\"ActivityCompleted\"%'";
    assert_eq!(deployment.count(ACTIVITIES), deployment.count(pairs));
    drop(servers);

    // By roll-ups and by a full count of the same, the figures agree.
    let plane = Plane { deployment, server: None };
    let figures = || {
        let stats = plane.toygres().args(["server", "stats", "-o", "json"]).run().code(0).json();
        (stats["sources"]["method"].clone(), stats["orchestrations"].clone())
    };
    let (method, by_rollups) = figures();
    assert_eq!(method, "rolled_up");
    plane.sql("DROP TABLE toygres_cms.rollup_progress");
    let (method, counted) = figures();
    assert_eq!(method, "sampled", "too many events to read all of them");
    assert_eq!(by_rollups["by_type"][0]["completed"], counted["by_type"][0]["completed"]);
}

/// As if it had all been a day earlier: what was made, and what was counted of it.
const A_DAY_AGO: &str = "
    UPDATE toygres_duroxide.instances SET created_at = created_at - interval '1 day';
    UPDATE toygres_duroxide.executions SET started_at = started_at - interval '1 day',
        completed_at = completed_at - interval '1 day';
    UPDATE toygres_cms.rollup_orchestrations SET bucket = bucket - interval '1 day';
    UPDATE toygres_cms.rollup_activities SET bucket = bucket - interval '1 day';
    UPDATE toygres_cms.rollup_done SET completed_at = completed_at - interval '1 day';
    UPDATE toygres_cms.rollup_progress SET rolled_until = rolled_until - interval '1 day';";

/// The same orchestrations once more, a day later.
const AGAIN: &str = "
    INSERT INTO toygres_duroxide.instances (instance_id, orchestration_name, orchestration_version,
            current_execution_id, created_at, updated_at)
        SELECT 'again-' || instance_id, orchestration_name, orchestration_version,
            current_execution_id, created_at + interval '1 day', updated_at
        FROM toygres_duroxide.instances;
    INSERT INTO toygres_duroxide.executions (instance_id, execution_id, status, output, started_at,
            completed_at)
        SELECT 'again-' || instance_id, execution_id, status, output,
            started_at + interval '1 day', completed_at + interval '1 day'
        FROM toygres_duroxide.executions;
    INSERT INTO toygres_duroxide.history (instance_id, execution_id, event_id, event_type,
            event_data, created_at)
        SELECT 'again-' || instance_id, execution_id, event_id, event_type, event_data, created_at
        FROM toygres_duroxide.history;";

/// Every second history as PostgreSQL's `jsonb` writes it, and one orchestration cancelled.
const OTHERWISE_WRITTEN: &str = r#"
    UPDATE toygres_duroxide.history SET event_data = event_data::jsonb::text
        WHERE hashtext(instance_id) % 2 = 0;
    WITH one AS (SELECT instance_id FROM toygres_duroxide.executions
        WHERE status = 'Completed' ORDER BY instance_id LIMIT 1
    ), failed AS (UPDATE toygres_duroxide.executions SET status = 'Failed'
        WHERE instance_id = (SELECT instance_id FROM one))
    UPDATE toygres_duroxide.history SET event_data = '{"type": "OrchestrationFailed", "details":
            {"Application": {"kind": {"Cancelled": {"reason": "asked"}}}}}'
        WHERE instance_id = (SELECT instance_id FROM one) AND event_id = 15;"#;

#[test]
fn what_ended_since_the_server_went_down_is_counted_with_the_roll_ups() {
    let Some(deployment) = Deployment::new() else { return };
    deployment.start(Options::default()).stop().unwrap();
    statistics::generate(&deployment.database.url, 400).unwrap();
    let mut plane = Plane { deployment, server: None };
    plane.sql(OTHERWISE_WRITTEN);
    // It ended before there were roll-ups, and before what they look for.
    plane.sql(
        "INSERT INTO toygres_duroxide.executions (instance_id, execution_id, status, started_at,
            completed_at) VALUES ('long-ago', 1, 'Completed', now() - interval '50 days',
            now() - interval '50 days')",
    );
    plane.server = Some(plane.deployment.start(Options::default()));
    let missing = "SELECT count(*) FROM toygres_duroxide.executions e \
        WHERE e.completed_at > now() - interval '30 days' AND NOT EXISTS (SELECT FROM \
        toygres_cms.rollup_progress WHERE rolled_until >= e.completed_at)";
    wait::until("the roll-ups", || Ok((plane.deployment.count(missing) == 0).then_some(())))
        .unwrap();
    plane.stop();
    plane.sql(A_DAY_AGO);
    plane.sql(AGAIN);

    let stats = |since: &str| {
        let args = ["server", "stats", "-o", "json", "--since", since];
        plane.toygres().args(args).run().code(0).json()
    };
    let by_rollups = stats("5d");
    let sources = &by_rollups["sources"];
    assert_eq!(sources["method"], "rolled_up", "{by_rollups:#}");
    let (rolled, live) = (&sources["rolled_orchestrations"], &sources["live_orchestrations"]);
    assert!(rolled.as_i64() > Some(350) && live.as_i64() > Some(350), "{sources:#}");
    assert_eq!(sources["bounds"], serde_json::Value::Null);
    let bounds = stats("40d")["sources"]["bounds"].as_str().unwrap().to_owned();
    assert!(bounds.contains("is not in the roll-ups"), "{bounds}");

    // Too much ended since to be counted one by one.
    plane.sql(
        "INSERT INTO toygres_duroxide.executions (instance_id, execution_id, status, started_at,
            completed_at) SELECT 'many-' || g, 1, 'Completed', now() - interval '1 hour',
            now() - interval '1 hour' FROM generate_series(1, 5001) g",
    );
    let sampled = stats("5d");
    assert_eq!(sampled["sources"]["method"], "sampled", "{sampled:#}");
    let bounds = sampled["sources"]["bounds"].as_str().unwrap();
    assert!(bounds.contains("more than 5000 executions ended since"), "{bounds}");
    plane.sql("DELETE FROM toygres_duroxide.executions WHERE instance_id LIKE 'many-%'");

    // A full count, from the same moment on, finds the same.
    plane.sql("DROP TABLE toygres_cms.rollup_progress; ANALYZE toygres_duroxide.executions");
    let counted = stats("5d");
    assert_eq!(counted["sources"]["method"], "counted", "{counted:#}");
    assert_eq!(counted["orchestrations"], by_rollups["orchestrations"]);
    assert_eq!(counted["orchestrations"]["cancelled"], 2, "{counted:#}");
    assert_eq!(counted["activities"], by_rollups["activities"]);
    assert!(counted["activities"]["total"].as_i64() > Some(4500), "{counted:#}");
}
