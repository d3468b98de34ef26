//! Faults of the database itself.

use crate::plane::{self, one};
use crate::support::{Ran, Toygres};
use std::os::unix::fs::{MetadataExt, chown};
use std::process::{Child, Command, Stdio};
use toygres_tests::postgres::PrivatePostgres;
use toygres_tests::wait;

fn health(url: &str, code: &str) -> Ran {
    Toygres::on(url).args(["server", "health", "-o", "json", "--check", code]).run()
}

#[track_caller]
fn is(url: &str, code: &str, outcome: &str, words: &str) {
    plane::is(&one(&health(url, code), code), outcome, words);
}

/// PostgreSQL tells of what it counts some time later.
#[track_caller]
fn becomes(url: &str, code: &str, outcome: &str) {
    let mut last = serde_json::Value::Null;
    let waited = wait::until(&format!("{code} to be {outcome}"), || {
        last = one(&health(url, code), code);
        Ok((last["outcome"] == outcome).then_some(()))
    });
    waited.unwrap_or_else(|error| panic!("{error}: {last:#}"));
}

#[test]
fn one_that_is_down_refuses_or_is_a_standby_is_named() {
    let mut server = PrivatePostgres::new().unwrap();
    is(&server.url(), "TG0401", "ok", "PostgreSQL");
    is(&server.url(), "TG0408", "ok", "no standby");
    let wrong = server.url().replace(server.password(), "canary-wrong");
    let ran = health(&wrong, "TG0401").code(1).hides("canary-wrong");
    assert_eq!(one(&ran, "TG0401")["outcome"], "failed");

    server.stop().unwrap();
    health(&server.url(), "TG0401").code(1);
    is(&server.url(), "TG0401", "failed", "cannot be reached");
    is(&server.url(), "TG0402", "unknown", "cannot be reached");

    // A server that begins with this file waits for what its primary writes.
    let signal = server.data().join("standby.signal");
    std::fs::write(&signal, "").unwrap();
    let owner = std::fs::metadata(server.data()).unwrap();
    chown(&signal, Some(owner.uid()), Some(owner.gid())).unwrap();
    server.start().unwrap();
    is(&server.url(), "TG0408", "failed", "standby");
}

/// A session that does nothing for a while.
fn session(server: &PrivatePostgres) -> Child {
    Command::new(server.binaries().path("psql"))
        .args(["-X", "-d", &server.url(), "-c", "SELECT pg_sleep(300)"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn connections_that_run_out_are_named_before_and_after() {
    let mut server = PrivatePostgres::new().unwrap();
    server.psql("ALTER SYSTEM SET max_connections = 30").unwrap();
    server.stop().unwrap();
    server.start().unwrap();
    server.create_role("plain_user", "").unwrap();
    let url = server.url_for("plain_user", "postgres");
    is(&url, "TG0406", "ok", "connections are left");
    let mut sessions: Vec<Child> = (0..23).map(|_| session(&server)).collect();
    let wanted = |number: usize| {
        wait::until("the sessions", || {
            let count = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'";
            let there = server.psql(count)?.trim().parse::<usize>()?;
            Ok((there >= number).then_some(()))
        })
        .unwrap();
    };
    wanted(23);
    is(&url, "TG0406", "warning", "of 27 connections are left");
    sessions.extend((0..4).map(|_| session(&server)));
    wanted(27);
    is(&url, "TG0406", "failed", "no connection is left");
    is(&url, "TG0401", "failed", "");
    for mut session in sessions {
        session.kill().unwrap();
        session.wait().unwrap();
    }
}

#[test]
fn dead_rows_that_pile_up_are_named() {
    let database = PrivatePostgres::shared().database().unwrap();
    is(&database.url, "TG0407", "ok", "");
    database.psql(
        "CREATE SCHEMA toygres_cms; \
         CREATE TABLE toygres_cms.heap (n int) WITH (autovacuum_enabled = off); \
         INSERT INTO toygres_cms.heap SELECT generate_series(1, 10001)",
    );
    database.psql("DELETE FROM toygres_cms.heap");
    becomes(&database.url, "TG0407", "warning");
    is(&database.url, "TG0407", "warning", "`toygres_cms.heap` has 10001 dead rows");
    database.psql("VACUUM toygres_cms.heap");
    becomes(&database.url, "TG0407", "ok");
}

#[test]
fn a_server_that_is_connected_and_silent_is_not_to_be_started_again() {
    let database = PrivatePostgres::shared().database().unwrap();
    database.psql(
        "CREATE SCHEMA toygres_cms; CREATE TABLE toygres_cms.worker_heartbeats ( \
             worker_id text, host text, pid int, mode text, version text, concurrency int, \
             started_at timestamptz, last_seen_at timestamptz, stopped_at timestamptz, \
             activities jsonb, recent jsonb); \
         INSERT INTO toygres_cms.worker_heartbeats VALUES ('work-1', 'h', 7, 'standalone', '1', 2, \
             now() - interval '1 hour', now() - interval '5 minutes', NULL, '[]', '[]')",
    );
    let row = one(&health(&database.url, "TG0301"), "TG0301");
    plane::is(&row, "failed", "no worker is alive; the last one was seen 5m");
    assert_eq!(row["fix"][0], "toygres server start");
    let mut server = Command::new(PrivatePostgres::shared().binaries().path("psql"))
        .env("PGAPPNAME", "toygres-server")
        .args(["-X", "-d", &database.url, "-c", "SELECT pg_sleep(300)"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let connected = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                     AND application_name = 'toygres-server'";
    wait::until("the session", || Ok((database.psql(connected).trim() == "1").then_some(())))
        .unwrap();
    let row = one(&health(&database.url, "TG0301"), "TG0301");
    plane::is(&row, "failed", "a connection of a server is open");
    assert!(row["summary"].as_str().unwrap().contains("its disk is full"), "{row:#}");
    assert_eq!(row["fix"], serde_json::json!(["toygres server db-status", "toygres server logs"]));
    server.kill().unwrap();
    server.wait().unwrap();
}

#[test]
fn of_two_backends_that_are_down_always_the_same_one_is_told() {
    let told = || {
        let ran = Toygres::on("postgresql://nobody@127.0.0.1:1/nothing")
            .env("KUBECONFIG", "/nonexistent")
            .args(["server", "health", "-o", "json"])
            .run();
        let answer = ran.json();
        let rows = answer["checks"].as_array().unwrap().iter();
        let rows = rows.filter(|row| row["category"] == "Data Plane");
        rows.map(|row| (row["code"].clone(), row["summary"].clone())).collect::<Vec<_>>()
    };
    let first = told();
    for (code, summary) in &first {
        assert!(summary.as_str().unwrap().contains("database"), "{code}: {summary}");
    }
    assert_eq!(told(), first);
}
