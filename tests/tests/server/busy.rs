//! Commands that the server runs for others: how many, for how long, and what they may not show.

use super::Served;
use super::floods::sleeping;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use toygres_tests::control::Deployment;
use toygres_tests::server::Home;
use toygres_tests::server::http::Answer;
use toygres_tests::{toygres, wait};

fn sleep_for(seconds: u32) -> String {
    json!({"sql": format!("SELECT pg_sleep({seconds})"), "timeout": "1h"}).to_string()
}

/// A command as a command line sends it.
fn run(home: &Home, command: &str, args: &Value) -> toygres_tests::server::http::Request {
    let body = json!({"command": command, "args": args});
    home.request("POST", "/api/server/run").json(body.to_string())
}

/// The last line of an answer that came line by line.
fn last_line(answer: &Answer) -> Value {
    let line = answer.body.lines().last().unwrap_or_else(|| panic!("no line: {answer:#?}"));
    serde_json::from_str(line).unwrap()
}

#[test]
fn of_many_commands_at_once_some_run_some_wait_and_the_rest_is_told_to_come_back() {
    const MANY: usize = 600;
    let Some(served) = Served::new(&[]) else { return };
    let Served { home, deployment } = &served;
    let sessions = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()";
    let mut statuses: BTreeMap<u16, usize> = BTreeMap::new();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..MANY)
            .map(|_| {
                let sleeps = home.request("POST", "/api/server/db-query").json(sleep_for(4));
                let thread = std::thread::Builder::new().stack_size(128 * 1024);
                thread.spawn_scoped(scope, move || sleeps.send()).unwrap()
            })
            .collect();
        wait::until("commands to be refused", || {
            let metrics = home.request("GET", "/metrics").send().body;
            Ok((!metrics.contains("{reason=\"queue_full\"} 0\n")).then_some(()))
        })
        .unwrap();
        // The server's own work goes on, and everybody else's on the same database.
        assert!(deployment.count(sessions) < 60, "{}", deployment.count(sessions));
        let began = Instant::now();
        let created = home.run(&["create", "amid", "-o", "json"]).code(0);
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
        let k8s_name = created.json()["k8s_name"].as_str().unwrap().to_owned();
        let _listed = home.run(&["list"]).code(0);
        let _asked = home.run(&["server", "db-query", "SELECT 1"]).code(0);
        for thread in threads {
            let answer = thread.join().unwrap();
            *statuses.entry(answer.status).or_default() += 1;
            if answer.status == 429 {
                assert!(answer.head.contains("retry-after: "), "{answer:#?}");
                let error = answer.json();
                assert_eq!(error["kind"], "unavailable");
                assert_eq!((&error["code"], &error["retryable"]), (&json!(4), &json!(true)));
                assert!(error["hint"].as_str().unwrap().contains("server.commands"), "{error}");
            }
        }
        deployment.reaches(&k8s_name, "running").unwrap();
    });
    assert!(statuses.get(&200).is_some_and(|done| *done >= 10), "{statuses:?}");
    assert!(statuses.get(&429).is_some_and(|refused| *refused > 400), "{statuses:?}");
    assert_eq!(statuses.len(), 2, "{statuses:?}");
}

#[test]
fn a_busy_server_is_exit_code_4_for_a_command_line() {
    let Some(deployment) = Deployment::new() else { return };
    let home = Home::new(&deployment)
        .set("TOYGRES_SERVER_COMMANDS", "1")
        .set("TOYGRES_REQUEST_TIMEOUT_MS", "20000");
    home.start(&[]);
    let away = Home::bare()
        .set("TOYGRES_API_URL", &home.text("api-url"))
        .set("TOYGRES_API_TOKEN", &home.text("api-token"));
    let mut running = away.spawn(&["server", "db-query", "SELECT pg_sleep(600)"]);
    wait::until("the first to run", || Ok((sleeping(&deployment) == 1).then_some(()))).unwrap();
    let error = away.run(&["server", "db-query", "SELECT 1", "-o", "json"]).code(4).error();
    assert!(error["message"].as_str().unwrap().contains("busy"), "{error}");
    assert_eq!(error["retryable"], true);
    // What is about instances, what a shell asks for and what is followed have turns of their own.
    assert_eq!(home.request("GET", "/api/instances").send().status, 200);
    let values = "/api/complete?command=orchestration&arg=id&begun=";
    assert_eq!(home.request("GET", values).send().status, 200);
    running.kill().unwrap();
    running.wait().unwrap();
    wait::until("its statement to end", || Ok((sleeping(&deployment) == 0).then_some(()))).unwrap();
    let _turn = away.run(&["server", "db-query", "SELECT 1"]).code(0);
}

#[test]
fn a_command_ends_at_the_servers_deadline_whatever_it_asks_for() {
    let Some(deployment) = Deployment::new() else { return };
    let home = Home::new(&deployment).set("TOYGRES_REQUEST_TIMEOUT_MS", "2000");
    home.start(&[]);
    let began = Instant::now();
    let args = json!({"sql": "SELECT pg_sleep(600)", "timeout": "1h"});
    let answer = run(&home, "db-query", &args).send();
    let error = &last_line(&answer)["error"];
    assert_eq!((&error["kind"], &error["retryable"]), (&json!("timed_out"), &json!(true)));
    assert!(error["hint"].as_str().unwrap().contains("server.request_timeout_ms"), "{error}");
    let late = home.request("POST", "/api/server/db-query").json(sleep_for(600)).send();
    assert_eq!((late.status, late.json()["kind"].as_str()), (504, Some("timed_out")));
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    wait::until("both statements to end", || Ok((sleeping(&deployment) == 0).then_some(())))
        .unwrap();
    let away = Home::bare()
        .set("TOYGRES_API_URL", &home.text("api-url"))
        .set("TOYGRES_API_TOKEN", &home.text("api-token"));
    let query = ["server", "db-query", "SELECT pg_sleep(600)", "--timeout", "1h"];
    let _late = away.run(&query).code(7);
}

#[test]
fn what_is_followed_ends_too() {
    let Some(deployment) = Deployment::new() else { return };
    let home = Home::new(&deployment)
        .set("TOYGRES_REQUEST_TIMEOUT_MS", "1000")
        .set("TOYGRES_FOLLOW_TIMEOUT_MS", "4000");
    home.start(&[]);
    let began = Instant::now();
    let body = json!({
        "command": "logs", "args": {"follow": true}, "output": {"format": "jsonl"},
    });
    let answer = home.request("POST", "/api/server/run").json(body.to_string()).send();
    let error = &last_line(&answer)["error"];
    assert_eq!(error["kind"], "timed_out", "{answer:#?}");
    assert!(error["hint"].as_str().unwrap().contains("server.follow_timeout_ms"), "{error}");
    let took = began.elapsed();
    assert!((Duration::from_secs(3)..Duration::from_secs(30)).contains(&took), "{took:?}");
}

#[test]
fn a_client_that_hangs_up_ends_its_statement() {
    use std::io::Write;
    let Some(served) = Served::new(&[]) else { return };
    let Served { home, deployment } = &served;
    let sleeps = json!({"sql": "SELECT pg_sleep(600)", "timeout": "1h"});
    let requests = [
        ("/api/server/db-query", sleeps.to_string()),
        ("/api/server/run", json!({"command": "db-query", "args": sleeps}).to_string()),
    ];
    for (path, body) in requests {
        let mut stream = std::net::TcpStream::connect(home.address()).unwrap();
        let token = home.text("api-token");
        let (address, length) = (home.address(), body.len());
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(head.as_bytes()).unwrap();
        wait::until("it to run", || Ok((sleeping(deployment) == 1).then_some(()))).unwrap();
        drop(stream);
        let quick = Duration::from_secs(15);
        wait::until_within(quick, "its statement to end", || {
            Ok((sleeping(deployment) == 0).then_some(()))
        })
        .unwrap();
    }
    wait::until("their turns to be free", || {
        let metrics = home.request("GET", "/metrics").send().body;
        Ok(metrics.contains("toygres_commands_running{class=\"command\"} 0\n").then_some(()))
    })
    .unwrap();
}

#[test]
fn a_plugin_that_goes_on_for_ever_harms_nobody_else() {
    let Some(deployment) = Deployment::new() else { return };
    let home = Home::new(&deployment)
        .set("TOYGRES_SERVER_COMMANDS", "4")
        .set("TOYGRES_REQUEST_TIMEOUT_MS", "1000")
        .plugin(&toygres::bad_plugin());
    home.start(&[]);
    let stuck = |home: &Home| {
        let metrics = home.request("GET", "/metrics").send().body;
        let count = metrics.lines().find_map(|line| {
            line.strip_prefix("toygres_commands_stuck{plugin=\"bad\"} ")?.parse::<u32>().ok()
        });
        count.unwrap_or_default()
    };
    for (n, path) in ["bad?fault=spin", "bad?fault=go_on"].iter().enumerate() {
        let began = Instant::now();
        let answer = home.request("GET", &format!("/api/server/{path}")).send();
        if n == 0 {
            assert_eq!(answer.status, 504, "{answer:#?}");
            assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        } else {
            assert_eq!(answer.status, 429, "{answer:#?}");
            assert!(answer.body.contains("`bad`"), "{answer:#?}");
        }
        wait::until("it to be given up", || Ok((stuck(&home) >= 1).then_some(()))).unwrap();
    }
    // However it is asked, no more of them are begun.
    for _ in 0..20 {
        assert_eq!(home.request("GET", "/api/server/bad?fault=none").send().status, 429);
        let values = "/api/complete?command=bad-values&arg=value&begun=block";
        assert_eq!(home.request("GET", values).send().status, 429);
        let line = run(&home, "bad", &json!({"fault": "spin"})).send();
        assert_eq!(line.status, 429, "{line:#?}");
    }
    assert_eq!(stuck(&home), 1);
    assert_eq!(home.request("GET", "/api/server/db-query?sql=SELECT%201").send().status, 200);
    assert_eq!(home.request("GET", "/healthz").send().status, 200);
    let named = home.log().matches("went on after it was told to end").count();
    assert_eq!(named, 1, "{}", home.log());
    let _stopped = home.run(&["server", "stop"]).code(0);
}

#[test]
fn values_that_never_come_are_bounded_too() {
    let Some(deployment) = Deployment::new() else { return };
    let home =
        Home::new(&deployment).set("TOYGRES_SERVER_COMMANDS", "4").plugin(&toygres::bad_plugin());
    home.start(&[]);
    let block = "/api/complete?command=bad-values&arg=value&begun=block";
    wait::until("the plugin to be refused", || {
        Ok((home.request("GET", block).send().status == 429).then_some(()))
    })
    .unwrap();
    let values = "/api/complete?command=orchestration&arg=id&begun=";
    assert_eq!(home.request("GET", values).send().status, 200);
}

#[test]
fn the_servers_own_secrets_are_shown_to_nobody() {
    let Some(served) = Served::new(&[]) else { return };
    let home = &served.home;
    let password = served.deployment.database.url.split([':', '@']).nth(2).unwrap().to_owned();
    let token = home.text("api-token");
    let hides = |answer: &Answer| {
        for secret in [&password, &token] {
            assert!(!answer.body.contains(secret.as_str()), "{answer:#?}");
            assert!(!answer.head.contains(secret.as_str()), "{answer:#?}");
        }
    };
    for command in ["config", "env"] {
        let path = format!("/api/server/{command}");
        for shown in ["show_secrets=true", "show_secrets", "show_secrets=false"] {
            let answer = home.request("GET", &format!("{path}?{shown}")).send();
            let expected = if shown.ends_with("false") { 200 } else { 403 };
            assert_eq!(answer.status, expected, "{answer:#?}");
            hides(&answer);
        }
        let sent = home.request("POST", &path).json(r#"{"show_secrets": true}"#).send();
        assert_eq!((sent.status, sent.json()["kind"].as_str()), (403, Some("refused")));
        let body = json!({"command": command, "output": {"show_secrets": true}}).to_string();
        let sent = home.request("POST", "/api/server/run").json(body).send();
        assert_eq!(sent.status, 403, "{sent:#?}");
        hides(&sent);
    }
    // What others keep is shown to whoever asks, and what is the server's is not, in any form.
    let sql = format!(
        "SELECT '{password}' AS a, 'postgres://u:{password}@h' AS b, '{token}' AS token, \
         'theirs-4711' AS password, encode('{password}', 'base64') AS c"
    );
    let body = json!({"sql": sql, "show_secrets": true}).to_string();
    let answer = home.request("POST", "/api/server/db-query").json(body).send();
    assert_eq!(answer.status, 200, "{answer:#?}");
    assert!(answer.body.contains("theirs-4711"), "{answer:#?}");
    hides(&answer);
    assert_eq!(answer.json()[0]["c"], "***");
}
