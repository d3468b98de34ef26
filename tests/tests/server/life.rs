//! start, status, stop, restart.

use super::Served;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use toygres_tests::control::Deployment;
use toygres_tests::server::{Home, lives};

#[test]
fn a_server_starts_is_seen_and_stops() {
    let Some(deployment) = Deployment::new() else { return };
    let home = Home::new(&deployment);
    let before = home.run(&["server", "status", "-o", "json"]).code(3).json();
    assert_eq!((&before["running"], &before["pid"]), (&json!(false), &Value::Null));

    let started = home.start(&[]).json();
    let pid = home.pid().unwrap();
    assert_eq!((&started["result"], &started["pid"]), (&json!("started"), &json!(pid)));
    assert_eq!((&started["ready"], &started["mode"]), (&json!(true), &json!("standalone")));
    assert_eq!(started["url"], json!(home.text("api-url")));
    // The process has left the session of whoever started it.
    let session = |pid: i32| rustix::process::getsid(Pid::from_raw(pid)).unwrap();
    assert_eq!(session(pid).as_raw_nonzero().get(), pid);

    let status = home.run(&["server", "status", "-o", "json"]).code(0).json();
    assert_eq!((&status["running"], &status["ready"]), (&json!(true), &json!(true)));
    assert_eq!(status["parts"], json!({"database": true, "duroxide": true, "kubernetes": true}));
    let keys =
        |value: &Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
    let (mut now, mut then) = (keys(&status), keys(&before));
    now.sort();
    then.sort();
    assert_eq!(now, then, "a key is never left out");

    let again = home.run(&["server", "start", "-o", "json"]).code(0).json();
    assert_eq!((&again["result"], &again["pid"]), (&json!("already_running"), &json!(pid)));
    assert_eq!(home.pid(), Some(pid));

    let stopped = home.run(&["server", "stop", "-o", "json"]).code(0).json();
    assert_eq!(stopped, json!({"result": "stopped", "pid": pid}));
    assert!(!lives(pid));
    assert!(!home.file("server.pid").exists() && !home.file("api-url").exists());
    assert!(home.log().contains("the server has ended"), "{}", home.log());
    let stopped = home.run(&["server", "stop", "-o", "json"]).code(0).json();
    assert_eq!(stopped, json!({"result": "not_running", "pid": null}));
    let _gone = home.run(&["server", "status"]).code(3);
}

#[test]
fn files_are_for_their_owner_alone() {
    let Some(served) = Served::new(&[]) else { return };
    let mode = |name: &str| {
        std::fs::metadata(served.home.file(name)).unwrap().permissions().mode() & 0o777
    };
    for (name, expected) in [
        ("", 0o700),
        ("api-token", 0o600),
        ("server.log", 0o600),
        ("server.start", 0o600),
        ("server.pid.lock", 0o600),
    ] {
        assert_eq!(mode(name), expected, "{name}");
    }
    let token = served.home.text("api-token");
    assert_eq!(token.len(), 64);
    assert!(token.bytes().all(|byte| byte.is_ascii_hexdigit()));
}

#[test]
fn other_options_than_those_in_force_are_named() {
    let Some(served) = Served::new(&["--workers", "2"]) else { return };
    let home = &served.home;
    let _same = home.run(&["server", "start", "--workers", "2"]).code(0);
    let args = ["server", "start", "--workers", "5", "--log-level", "debug", "-o", "json"];
    let error = home.run(&args).code(9).error();
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("`--workers 5 --log-level debug`"), "{message}");
    assert!(error["hint"].as_str().unwrap().contains("server restart --workers 5"), "{error}");
}

#[test]
fn of_two_starts_at_once_one_wins_and_both_say_so() {
    let Some(deployment) = Deployment::new() else { return };
    let home = Home::new(&deployment);
    let starts: Vec<_> = (0..6)
        .map(|_| home.spawn(&["server", "start", "--timeout", "60s", "-o", "json"]))
        .collect();
    let mut results: Vec<Value> = starts
        .into_iter()
        .map(|start| {
            let output = start.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(0), "{said}\n{}", home.log());
            serde_json::from_slice(&output.stdout).unwrap()
        })
        .collect();
    results.sort_by_key(|result| result["result"].as_str().unwrap().to_owned());
    let words: Vec<&str> = results.iter().map(|it| it["result"].as_str().unwrap()).collect();
    assert_eq!(words.iter().filter(|word| **word == "started").count(), 1, "{results:#?}");
    assert_eq!(words.iter().filter(|word| **word == "already_running").count(), 5);
    let pid = json!(home.pid().unwrap());
    assert!(results.iter().all(|result| result["pid"] == pid), "{results:#?}");
}

#[test]
fn one_that_was_killed_is_started_again() {
    let Some(served) = Served::new(&[]) else { return };
    let home = &served.home;
    let first = home.kill().unwrap();
    // What it left says that it runs; nobody believes it.
    assert_eq!(home.pid(), Some(first));
    let _gone = home.run(&["server", "status"]).code(3);
    let stopped = home.run(&["server", "stop", "-o", "json"]).code(0).json();
    assert_eq!(stopped["result"], "not_running");
    assert!(!home.file("server.pid").exists() && !home.file("api-url").exists());
    home.start(&[]);
    home.kill().unwrap();
    let started = home.start(&[]).json();
    assert_eq!(started["result"], "started");
}

#[test]
fn restart_keeps_the_options_and_takes_new_ones() {
    let Some(deployment) = Deployment::new() else { return };
    // The database is given as an option; a restart in a shell that does not know it keeps it.
    let url = deployment.database.url.clone();
    let home = Home::new(&deployment).set("DATABASE_URL", "postgres://127.0.0.1:1/nowhere");
    home.start(&["--mode", "standalone", "--workers", "2", "--database-url", &url]);
    let first = home.pid().unwrap();
    let command_line = std::fs::read_to_string(format!("/proc/{first}/cmdline")).unwrap();
    assert!(!command_line.contains("postgres"), "{command_line}");

    let restarted = home.run(&["server", "restart", "-o", "json"]).code(0).json();
    assert_eq!((&restarted["result"], &restarted["workers"]), (&json!("restarted"), &json!(2)));
    assert_ne!(home.pid(), Some(first));
    assert!(!lives(first));
    let args = ["server", "restart", "--mode", "worker", "--log-level", "debug", "-o", "json"];
    let restarted = home.run(&args).code(0).json();
    assert_eq!((&restarted["mode"], &restarted["url"]), (&json!("worker"), &Value::Null));
    assert_eq!((&restarted["workers"], &restarted["log_level"]), (&json!(2), &json!("debug")));

    // What cannot be does not end the one that runs.
    let pid = home.pid();
    let _refused = home.run(&["server", "restart", "--workers", "0"]).code(2);
    assert_eq!(home.pid(), pid);
    assert!(lives(pid.unwrap()));

    home.kill().unwrap();
    let restarted = home.run(&["server", "restart", "--database-url", &url, "-o", "json"]);
    let restarted = restarted.code(0).json();
    assert_eq!((&restarted["result"], &restarted["mode"]), (&json!("started"), &json!("worker")));
}

#[test]
fn a_restart_that_cannot_be_leaves_the_one_that_runs() {
    let Some(served) = Served::new(&[]) else { return };
    let home = &served.home;
    let pid = home.pid().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().map(|address| (taken, address.port().to_string())).unwrap();
    let dead = "postgres://nobody@127.0.0.1:1/none";
    for (options, code, said) in [
        (["--port", &taken.1], 9, "cannot listen"),
        (["--bind", "0.0.0.0"], 2, "needs a token"),
        (["--bind", "192.0.2.1"], 2, "needs a token"),
        (["--database-url", dead], 4, ""),
        (["--log-level", "bogus"], 2, "`bogus` is no log level"),
    ] {
        let ran = home.run(&[&["server", "restart", "-o", "json"][..], &options].concat());
        let error = ran.code(code).error();
        assert!(error["message"].as_str().unwrap().contains(said), "{error}");
        if said != "`bogus` is no log level" {
            let hint = error["hint"].as_str().unwrap();
            assert!(hint.contains("the server that runs was left as it is"), "{error}");
        }
        assert!(home.pid() == Some(pid) && lives(pid), "{options:?} ended it");
    }
    // The port that it has itself is no hindrance.
    let port = home.address().rsplit_once(':').unwrap().1.to_owned();
    let restarted = home.run(&["server", "restart", "--port", &port, "-o", "json"]).code(0).json();
    assert_eq!(restarted["url"], json!(format!("http://127.0.0.1:{port}")));
    assert!(!lives(pid));
}

#[test]
fn a_restart_that_fails_half_way_says_that_none_runs_and_how_it_is_started() {
    let Some(deployment) = Deployment::new() else { return };
    let home = Home::new(&deployment);
    home.start(&["--workers", "2"]);
    let pid = home.pid().unwrap();
    // What is found only when the schema is taken over.
    let _ahead = deployment
        .database
        .psql("INSERT INTO toygres_cms.schema_migrations (version, name) VALUES (99, 'later')");
    let ran = home.run(&["server", "restart", "--workers", "3", "-o", "json"]).code(9);
    let error = ran.error();
    let (message, hint) = (error["message"].as_str().unwrap(), error["hint"].as_str().unwrap());
    assert!(message.contains("none runs now"), "{error}");
    let (_, again) = hint.rsplit_once("start it as it was with `toygres ").unwrap();
    let again: Vec<&str> = again.trim_end_matches('`').split(' ').collect();
    assert_eq!(again, ["server", "start", "--workers", "2"], "{error}");
    assert!(!lives(pid));
    let _back =
        deployment.database.psql("DELETE FROM toygres_cms.schema_migrations WHERE version = 99");
    let _started = home.run(&again).code(0);
}

#[test]
fn one_that_does_not_end_is_killed_after_the_timeout() {
    let Some(served) = Served::new(&[]) else { return };
    let (home, pid) = (&served.home, served.home.pid().unwrap());
    kill_process(Pid::from_raw(pid).unwrap(), Signal::STOP).unwrap();
    let ran = home.run(&["server", "stop", "--timeout", "300ms", "-o", "json"]).code(0);
    assert_eq!(ran.json(), json!({"result": "killed", "pid": pid}));
    assert!(ran.stderr.contains("lease"), "{ran:#?}");
    assert!(!lives(pid) && !home.file("server.pid").exists());
    home.start(&[]);
    let pid = home.pid().unwrap();
    let ran = home.run(&["server", "stop", "--force", "-o", "json"]).code(0);
    assert_eq!(ran.json(), json!({"result": "killed", "pid": pid}));
    assert!(!home.file("api-url").exists());
}
