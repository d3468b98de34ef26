//! Ctrl-C stops the statement on the server too.

use crate::support::{Ran, Toygres};
use rustix::process::{Pid, Signal, kill_process};
use toygres_tests::postgres::PrivatePostgres;
use toygres_tests::wait;

/// Waits until no session of toygres is left.
pub(crate) fn nothing_runs(server: &PrivatePostgres) {
    let sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'toygres'";
    wait::until("the sessions to end", || Ok((server.psql(sessions)? == "0").then_some(())))
        .unwrap();
}

fn interrupted(sql: &str, running: &str) -> Ran {
    let server = PrivatePostgres::new().unwrap();
    let (child, _home) = Toygres::on(&server.url())
        .args(["server", "db-query", sql, "--limit", "0", "-o", "json", "--timeout", "5m"])
        .start();
    let active = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'toygres' \
         AND query LIKE '%{running}%'"
    );
    wait::until("the statement to run", || Ok((server.psql(&active)? == "1").then_some(())))
        .unwrap();
    let process = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(process, Signal::INT).unwrap();
    let ran = Ran::of(child.wait_with_output().unwrap()).code(130);
    assert_eq!(ran.error()["kind"], "interrupted", "{ran:#?}");
    nothing_runs(&server);
    ran
}

#[test]
fn a_statement_without_rows_yet_is_stopped() {
    assert_eq!(interrupted("SELECT pg_sleep(300)", "FETCH").stdout, "");
}

#[test]
fn a_statement_that_is_no_cursor_is_stopped() {
    assert_eq!(interrupted("EXPLAIN ANALYZE SELECT pg_sleep(300)", "EXPLAIN").stdout, "");
}

#[test]
fn rows_on_their_way_break_off() {
    let ran =
        interrupted("SELECT n, repeat('x', 999) FROM generate_series(1, 100000000) n", "FETCH");
    // No reader may take a part for the whole.
    assert!(serde_json::from_str::<serde_json::Value>(&ran.stdout).is_err());
}
