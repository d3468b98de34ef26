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
