//! Locks that a start waits for: not for ever, and their holder is named.

use crate::Served;
use std::time::{Duration, Instant};
use toygres_tests::control::Deployment;
use toygres_tests::server::{Home, Ran};
use toygres_tests::wait;

/// A session that holds what `sql` takes, until this is dropped.
struct Holder<'a> {
    deployment: &'a Deployment,
    psql: std::process::Child,
    pid: String,
}

impl<'a> Holder<'a> {
    fn new(deployment: &'a Deployment, sql: &str) -> Self {
        let sql = format!("BEGIN; {sql}; SELECT pg_sleep(600)");
        let psql = std::process::Command::new("psql")
            .args(["-X", "-q", "-c", &sql, &deployment.database.url])
            .env("PGAPPNAME", "left-open")
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let find = "SELECT pid FROM pg_stat_activity WHERE application_name = 'left-open' \
                    AND wait_event = 'PgSleep' AND datname = current_database()";
        let pid = wait::until("the lock to be held", || {
            let pid = deployment.database.psql(find);
            Ok((!pid.is_empty()).then_some(pid))
        });
        Self { deployment, psql, pid: pid.unwrap() }
    }
}

impl Drop for Holder<'_> {
    fn drop(&mut self) {
        // The session would go on with its statement for as long as that takes.
        self.deployment.database.psql(&format!("SELECT pg_terminate_backend({})", self.pid));
        let _gone = self.psql.wait();
    }
}

fn check_named(ran: &Ran, holder: &Holder<'_>) {
    let error = ran.error();
    let told = error.to_string();
    for part in ["left-open", &format!("pg_terminate_backend({})", holder.pid), "pg_advisory_lock"]
    {
        assert!(told.contains(part), "`{part}`: {ran:#?}");
    }
}

#[test]
fn whoever_holds_what_a_start_waits_for_is_named() {
    let Some(deployment) = Deployment::new() else { return };
    let home = Home::new(&deployment);
    for sql in [
        "SELECT pg_advisory_lock(hashtextextended('toygres:migrations:toygres_cms', 0))",
        // The one of the workflows' library.
        "SELECT pg_advisory_lock(-2056485684892674550)",
    ] {
        let holder = Holder::new(&deployment, sql);
        let began = Instant::now();
        let ran = home.run(&["server", "start", "--timeout", "58s", "-o", "json"]).code(7);
        assert!(began.elapsed() < Duration::from_secs(50), "{:?}", began.elapsed());
        check_named(&ran, &holder);
    }
    home.start(&[]);
}

/// A restart goes on where somebody with the token tries to hold it up.
#[test]
fn no_statement_that_is_typed_holds_up_a_restart() {
    let Some(served) = Served::new(&[]) else { return };
    let home = &served.home;
    let sql = "SELECT pg_advisory_lock(hashtextextended('toygres:migrations:toygres_cms', 0)), \
               pg_sleep(600)";
    let mut child = home.spawn(&["server", "db-query", "--timeout", "10m", sql]);
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'toygres' \
                   AND wait_event = 'PgSleep' AND datname = current_database()";
    wait::until("the statement to run", || {
        Ok((served.deployment.database.psql(waiting) == "1").then_some(()))
    })
    .unwrap();
    let _restarted = home.run(&["server", "restart", "--timeout", "20s"]).code(0);
    assert_eq!(child.wait().unwrap().code(), Some(6));
}
