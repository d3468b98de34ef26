//! What is killed comes back, and what a killed daemon left is taken over.

use crate::home::{Home, database, psql, url};
use crate::processes::{kill, lives, pid};
use serde_json::Value;
use std::process::{Command, Stdio};
use toygres_tests::postgres::Binaries;

#[test]
fn a_killed_daemon_leaves_servers_that_the_next_one_takes_over() {
    let home = Home::new();
    let first = home.up();
    home.apply(&database("mydb", "pass"));
    home.ready("mydb-0");
    let url = url(&home, "mydb", "pass");
    let before = home.status();
    // A connection that is open all the time.
    let mut session = Command::new(Binaries::find().unwrap().path("psql"))
        .args(["-XqAt", "-d", &url])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    kill(pid(&first["daemon"]["pid"]));
    let left = home.run(&["local", "status", "-o", "json"]).code(3).json();
    assert_eq!(left["left_running"].as_array().unwrap().len(), 2, "{left:#}");

    let after = home.up();
    assert_eq!(after["result"], "started");
    assert_eq!(after["postgres"]["pid"], before["postgres"]["pid"]);
    assert_eq!(after["pods"][0]["pid"], before["pods"][0]["pid"]);
    assert_eq!(after["pods"][0]["restarts"], 0);
    assert_eq!(psql(&url, "SELECT 1").unwrap(), "1");
    let mut input = session.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, b"SELECT 7;\n").unwrap();
    drop(input);
    assert_eq!(session.wait_with_output().unwrap().stdout, b"7\n", "the connection was cut");
    // It is watched over like any other.
    kill(pid(&after["pods"][0]["pid"]));
    home.until("the pod to run again", |status| again(&status["pods"][0], &after["pods"][0]));
}

#[test]
fn going_down_ends_what_a_killed_daemon_left() {
    let home = Home::new();
    home.up();
    home.apply(&database("mydb", "pass"));
    home.ready("mydb-0");
    let status = home.status();
    kill(pid(&status["daemon"]["pid"]));
    let down = home.down().json();
    assert_eq!(down["left_running"], 2);
    assert!(!lives(pid(&status["postgres"]["pid"])) && !lives(pid(&status["pods"][0]["pid"])));
    home.up();
    psql(&url(&home, "mydb", "pass"), "SELECT 1").unwrap();
}

#[test]
fn servers_that_are_killed_are_started_again() {
    let home = Home::new();
    let up = home.up();
    psql(&home.database_url(), "CREATE TABLE kept AS SELECT 42 AS answer").unwrap();
    home.apply(&database("mydb", "pass"));
    home.ready("mydb-0");
    let before = home.status();
    kill(pid(&before["pods"][0]["pid"]));
    kill(pid(&up["postgres"]["pid"]));
    let restarts = home.until("PostgreSQL to be up again", |status| {
        again(&status["postgres"], &before["postgres"])
    });
    assert!(restarts >= 1);
    assert_eq!(psql(&home.database_url(), "SELECT answer FROM kept").unwrap(), "42");
    let restarts =
        home.until("the pod to run again", |status| again(&status["pods"][0], &before["pods"][0]));
    assert!(restarts >= 1);
    assert_eq!(psql(&url(&home, "mydb", "pass"), "SELECT 1").unwrap(), "1");
    let pod = home.object("pod", "mydb-0");
    let last = &pod["status"]["containerStatuses"][0]["lastState"]["terminated"];
    assert_eq!(last["signal"], 9, "{pod:#}");
    // All of them at once.
    let all = home.status();
    kill(pid(&all["daemon"]["pid"]));
    kill(pid(&all["postgres"]["pid"]));
    kill(pid(&all["pods"][0]["pid"]));
    home.up();
    assert_eq!(psql(&url(&home, "mydb", "pass"), "SELECT 1").unwrap(), "1");
    assert_eq!(psql(&home.database_url(), "SELECT answer FROM kept").unwrap(), "42");
}

/// The number of restarts, once another process is ready.
fn again(now: &Value, before: &Value) -> Option<i64> {
    let other = now["ready"] == true && now["pid"] != before["pid"];
    other.then(|| now["restarts"].as_i64()).flatten()
}

#[test]
fn a_postgresql_that_dies_before_a_daemon_that_hangs_is_not_told_as_up() {
    let home = Home::new();
    let up = home.up();
    let (daemon, postgres) = (pid(&up["daemon"]["pid"]), pid(&up["postgres"]["pid"]));
    let signal = |signal| {
        let daemon = rustix::process::Pid::from_raw(daemon).unwrap();
        rustix::process::kill_process(daemon, signal).unwrap();
    };
    signal(rustix::process::Signal::STOP);
    kill(postgres);
    let told = home.run(&["local", "status", "-o", "json"]);
    let shown = home.run(&["local", "status"]);
    // Before anything can fail: the home could not be taken down in order.
    signal(rustix::process::Signal::CONT);
    let told = told.code(3).json();
    assert_eq!((&told["up"], &told["postgres"]["pid"]), (&Value::Bool(false), &Value::Null));
    assert_eq!(told["daemon"]["pid"], daemon);
    let shown = shown.code(3);
    assert!(shown.stdout.contains("toygres local down && toygres local up"), "{shown:#?}");
    home.until("PostgreSQL to be up again", |status| {
        (status["up"] == true && status["postgres"]["ready"] == true).then_some(())
    });
}

#[test]
fn a_private_postgresql_that_does_not_start_is_told_with_its_reason() {
    let home = Home::new();
    let up = home.up();
    let data = std::path::PathBuf::from(up["postgres"]["data"].as_str().unwrap());
    let (config, aside) = (data.join("postgresql.conf"), data.join("postgresql.conf.aside"));
    std::fs::rename(&config, &aside).unwrap();
    kill(pid(&up["postgres"]["pid"]));
    // It is not up, whatever the daemon is: the reason is told, and where to read more.
    let ran = home.run(&["local", "up", "-o", "json"]).code(9);
    let error = ran.error();
    let causes = error["causes"].to_string();
    assert!(causes.contains("postgresql.conf"), "{error}");
    let hint = error["hint"].as_str().unwrap();
    assert!(hint.contains("postgres.log") && hint.contains("daemon.log"), "{error}");
    let status = home.run(&["local", "status", "-o", "json"]).code(3).json();
    assert!(status["postgres"]["failures"].as_i64() > Some(0), "{status:#}");
    assert!(
        status["postgres"]["error"].as_str().unwrap().contains("postgresql.conf"),
        "{status:#}"
    );
    home.run(&["local", "status"]).code(3).shows("down: ").shows("postgresql.conf");
    // Once it can start again, it does, and nothing of the failure is left.
    std::fs::rename(&aside, &config).unwrap();
    let up = home.up();
    assert_eq!(up["result"], "already_up");
    let status = home.status();
    assert_eq!(
        (&status["postgres"]["failures"], &status["postgres"]["error"]),
        (&Value::from(0), &Value::Null)
    );
}
