//! A statement or a server that fails, in every format.

use crate::query;
use crate::support::{CMS, FORMATS, Ran, Toygres, database};
use std::time::{Duration, Instant};
use toygres_tests::postgres::PrivatePostgres;
use toygres_tests::wait;

#[test]
fn an_error_is_told_on_stderr_and_leaves_stdout_empty() {
    let url = PrivatePostgres::shared().url();
    for (sql, code, kind) in [
        ("SELECT * FROM nosuch", 2, "usage"),
        ("SELEC 1", 2, "usage"),
        ("SELECT 1/0", 2, "usage"),
        ("SELECT nosuch()", 2, "usage"),
        ("CREATE TABLE x (a int)", 6, "refused"),
        ("SELECT pg_sleep(30)", 7, "timed_out"),
    ] {
        for format in FORMATS {
            let ran = query(&url, &[sql, "-o", format, "--timeout", "300ms"]).code(code);
            assert_eq!(ran.stdout, "", "{sql} as {format}");
            if matches!(*format, "table" | "wide") {
                assert!(ran.stderr.contains("error: "), "{ran:#?}");
                continue;
            }
            let error = ran.error();
            assert_eq!((&error["code"], &error["kind"]), (&code.into(), &kind.into()), "{ran:#?}");
            for key in ["message", "hint", "retryable"] {
                assert!(error.get(key).is_some(), "`{key}` is missing in {error}");
            }
        }
    }
}

#[test]
fn a_statement_at_fault_is_answered_with_what_to_do() {
    let url = PrivatePostgres::shared().url();
    query(&url, &["select 1/0"]).code(2).says("division by zero").says("`a / nullif(b, 0)`");
    query(&url, &["SELECT * FROM nosuch"]).code(2).says("information_schema.columns");
    // The statement that is offered is one that works.
    let offered = "SELECT table_schema, table_name, column_name FROM information_schema.columns \
                   WHERE table_schema LIKE 'toygres%'";
    query(&url, &[offered]).code(0);
}

#[test]
fn the_place_of_an_error_is_pointed_at() {
    let url = PrivatePostgres::shared().url();
    let ran = query(&url, &["SELECT 1,\n       é + nosuch AS b"]).code(2);
    assert!(
        ran.stderr.contains("line 2, column 8:\n    │        é + nosuch AS b\n    │        ^"),
        "{}",
        ran.stderr
    );
}

#[test]
fn rows_that_break_off_are_no_whole_document() {
    let url = PrivatePostgres::shared().url();
    let sql = "SELECT 1000 / (5000 - n) AS a FROM generate_series(1, 9000) n";
    for format in ["json", "csv", "jsonl", "table"] {
        let ran =
            query(&url, &[sql, "-o", format, "--limit", "0"]).code(2).says("division by zero");
        assert!(!ran.stdout.contains("rows returned"), "{format}");
        if format == "json" {
            assert!(
                serde_json::from_str::<serde_json::Value>(&ran.stdout).is_err(),
                "it looks whole"
            );
        }
    }
}

#[test]
fn a_database_that_is_down_is_unavailable() {
    let mut server = PrivatePostgres::new().unwrap();
    let url = server.url();
    server.stop().unwrap();
    for format in FORMATS {
        let ran = query(&url, &["SELECT 1", "-o", format]).code(4).says("cannot be reached");
        assert_eq!(ran.stdout, "");
        let ran = ran.hides(server.password());
        if !matches!(*format, "table" | "wide") {
            assert_eq!(ran.error()["retryable"], true);
        }
    }
    server.start().unwrap();
    query(&server.url(), &["SELECT 1 AS a", "-o", "csv"]).code(0).shows("a\n1\n");
}

#[test]
fn a_database_that_hangs_is_given_up_in_time() {
    let server = PrivatePostgres::new().unwrap();
    server.pause().unwrap();
    for format in FORMATS {
        let begun = Instant::now();
        let ran = Toygres::on(&server.url())
            .env("TOYGRES_CONNECT_TIMEOUT_MS", "500")
            .args(["server", "db-query", "SELECT 1", "-o", format])
            .run()
            .code(4)
            .says("did not answer within")
            .hides(server.password());
        assert_eq!(ran.stdout, "");
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    }
    server.resume().unwrap();
}

#[test]
fn a_database_that_hangs_half_way_is_given_up_in_time() {
    let server = PrivatePostgres::new().unwrap();
    let (child, _home) = Toygres::on(&server.url())
        .args(["server", "db-query", "SELECT pg_sleep(50)", "--timeout", "3s", "-o", "json"])
        .start();
    let running = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'toygres' \
                   AND query LIKE '%FETCH%' AND state = 'active'";
    wait::until("the statement to run", || Ok((server.psql(running)? == "1").then_some(())))
        .unwrap();
    server.pause().unwrap();
    let begun = Instant::now();
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert!(matches!(ran.code, 4 | 7), "{ran:#?}");
    assert_eq!(ran.stdout, "");
    server.resume().unwrap();
}

#[test]
fn a_session_that_is_ended_is_told() {
    let server = PrivatePostgres::new().unwrap();
    let (child, _home) = Toygres::on(&server.url())
        .args(["server", "db-query", "SELECT pg_sleep(50)", "-o", "json"])
        .start();
    let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
               WHERE application_name = 'toygres' AND query LIKE '%FETCH%' AND state = 'active'";
    wait::until("the statement to run", || Ok((server.psql(end)? == "1").then_some(()))).unwrap();
    let ran = Ran::of(child.wait_with_output().unwrap()).code(4);
    assert_eq!(ran.stdout, "");
    assert_eq!(ran.error()["kind"], "unavailable");
}

#[test]
fn a_refusal_names_user_and_database_and_no_password() {
    let server = PrivatePostgres::shared();
    let wrong = server.url().replace(server.password(), "wrong-canary");
    query(&wrong, &["SELECT 1"]).code(4).says("password").hides("wrong-canary");
    let missing = server.url_for("toygres", "nosuch");
    query(&missing, &["SELECT 1"]).code(4).says("`nosuch`").hides(server.password());
    Toygres::new().args(["server", "db-query", "SELECT 1"]).run().code(4).says("DATABASE_URL");
    query("postgres://u:canary@[h/db", &["SELECT 1"]).code(2).hides("canary");
}

#[test]
fn a_role_without_the_right_is_told_how_to_get_it() {
    let server = PrivatePostgres::shared();
    let database = database(server, CMS);
    server.create_role("query_nobody", "").unwrap();
    let url = database.url_for("query_nobody");
    let ran = query(&url, &["SELECT * FROM toygres_cms.instances", "-o", "json"]).code(4);
    assert_eq!(ran.error()["retryable"], false, "{ran:#?}");
    drop(database);
    server.psql("DROP ROLE query_nobody").unwrap();
}

#[test]
fn a_closed_pipe_is_no_error_and_ends_the_statement() {
    let server = PrivatePostgres::new().unwrap();
    let sql = "SELECT n, repeat('x', 1000) FROM generate_series(1, 100000000) n";
    let (mut child, _home) = Toygres::on(&server.url())
        .args(["server", "db-query", sql, "-o", "csv", "--limit", "0"])
        .start();
    let mut first = [0; 100];
    let mut stdout = child.stdout.take().unwrap();
    std::io::Read::read_exact(&mut stdout, &mut first).unwrap();
    drop(stdout);
    let ran = Ran::of(child.wait_with_output().unwrap()).code(0);
    assert!(!ran.stderr.contains("error"), "{ran:#?}");
    crate::interrupt::nothing_runs(&server);
}

#[test]
fn a_server_without_room_says_what_it_lacks() {
    let raise = "CREATE FUNCTION raise(code text) RETURNS int LANGUAGE plpgsql AS \
                 $$ BEGIN RAISE EXCEPTION USING ERRCODE = code, MESSAGE = 'no room'; END $$";
    let database = database(PrivatePostgres::shared(), raise);
    for (code, hint) in [
        ("53100", "the disk of the database server is full"),
        ("53200", "the database server has no memory left"),
    ] {
        let ran = query(&database.url, &[&format!("SELECT raise('{code}')"), "-o", "json"]).code(4);
        let error = ran.error();
        assert!(error["hint"].as_str().unwrap().contains(hint), "{error:#}");
        assert!(error["causes"].to_string().contains(code), "{error:#}");
    }
}
