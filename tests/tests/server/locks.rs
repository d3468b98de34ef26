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

fn check_named(ran: &Ran, holder: &Holder<'_>, statement: &str) {
    let error = ran.error();
    let told = error.to_string();
    for part in ["left-open", &format!("pg_terminate_backend({})", holder.pid), statement] {
        assert!(told.contains(part), "`{part}`: {ran:#?}");
    }
}

#[test]
fn whoever_holds_what_a_start_waits_for_is_named() {
    let Some(deployment) = Deployment::new() else { return };
    let home = Home::new(&deployment);
    home.start(&[]);
    let _stopped = home.run(&["server", "stop"]).code(0);
    for sql in [
        "LOCK TABLE toygres_cms.schema_migrations IN ACCESS EXCLUSIVE MODE",
        // The one of the workflows' library.
        "SELECT pg_advisory_lock(-2056485684892674550)",
    ] {
        let holder = Holder::new(&deployment, sql);
        let began = Instant::now();
        let ran = home.run(&["server", "start", "--timeout", "58s", "-o", "json"]).code(7);
        assert!(began.elapsed() < Duration::from_secs(50), "{:?}", began.elapsed());
        check_named(&ran, &holder, sql.split(' ').nth(1).unwrap());
    }
    home.start(&[]);
}

/// What whoever may read can hold, no start waits for.
#[test]
fn no_advisory_lock_keeps_the_schema_from_being_brought_up_to_date() {
    let Some(deployment) = Deployment::new() else { return };
    let home = Home::new(&deployment);
    let sql = "SELECT pg_advisory_lock(hashtextextended('toygres:migrations:toygres_cms', 0))";
    let _held = Holder::new(&deployment, sql);
    home.start(&[]);
    assert_eq!(
        deployment.database.psql("SELECT count(*) > 0 FROM toygres_cms.schema_migrations"),
        "t"
    );
}

/// Servers that make the schema at the same time make it once.
#[test]
fn servers_that_start_at_once_make_the_schema_once() {
    let Some(deployment) = Deployment::new() else { return };
    let homes: Vec<Home> = (0..4).map(|_| Home::new(&deployment)).collect();
    std::thread::scope(|scope| {
        for home in &homes {
            scope.spawn(|| home.start(&[]));
        }
    });
    let twice = "SELECT count(*) - count(DISTINCT version) FROM toygres_cms.schema_migrations";
    assert_eq!(deployment.database.psql(twice), "0");
}

/// Whoever typed it was killed: what it held is free at once, long before its own limit of time.
#[test]
fn a_statement_does_not_outlive_the_process_that_it_was_typed_into() {
    let Some(deployment) = Deployment::new() else { return };
    let home = Home::new(&deployment);
    let sql = "SELECT pg_sleep(600), 'outlives'";
    let mut child = home.spawn(&["server", "db-query", "--timeout", "10m", sql]);
    let running = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' \
                   AND query LIKE '%FETCH%' AND datname = current_database()";
    let comes_to = |count: &str| {
        wait::until(&format!("{count} statements to run"), || {
            Ok((deployment.database.psql(running) == count).then_some(()))
        })
        .unwrap();
    };
    comes_to("1");
    child.kill().unwrap();
    let _status = child.wait();
    comes_to("0");
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
