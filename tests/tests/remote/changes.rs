//! Commands that change something, from elsewhere: asked about there, done here.

use crate::support::Ran;
use crate::{away, here, plane, request};
use serde_json::json;
use toygres_tests::wait;

/// An orchestration that goes on: the health monitor of an instance.
fn monitor(name: &str) -> String {
    here(&["create", name, "--wait"]).code(0);
    wait::until("the health monitor to be known", || {
        let one = here(&["get", name, "-o", "json"]).code(0).json();
        Ok(one["health_orchestration_id"].as_str().map(str::to_owned))
    })
    .unwrap()
}

fn status(id: &str) -> Ran {
    here(&["server", "orchestration", id, "-o", "json"]).code(0)
}

#[test]
fn a_cancellation_is_asked_about_and_done() {
    let id = monitor("canceldb");
    let unasked = away().args(["server", "cancel", &id, "-o", "json"]).run().code(6);
    assert!(unasked.stderr.contains("Cancel Orchestration"), "{}", unasked.stderr);
    assert_eq!(status(&id).json()["cancel_requested"], false);
    let done = away()
        .args(["server", "cancel", &id, "--force", "--wait", "--reason", "from elsewhere"])
        .args(["-o", "json"])
        .run()
        .code(0);
    assert_eq!(done.json()["result"], "cancelled");
    assert!(status(&id).stdout.contains("from elsewhere"));
}

#[test]
fn a_plain_request_is_told_what_would_confirm_it() {
    let id = monitor("plaindb");
    let path = format!("/api/server/orchestrations/{id}/cancel");
    assert_eq!(request("GET", &path).send().status, 405);
    let asked = request("POST", &path).send();
    assert_eq!(asked.status, 428, "{}", asked.body);
    let body: serde_json::Value = serde_json::from_str(&asked.body).unwrap();
    assert_eq!(body["confirmation"]["expects"], "yes");
    assert_eq!(body["confirmation"]["preview"]["id"], id.as_str());
    let wrong = request("POST", &path).json(json!({"confirm": "no"}).to_string());
    assert_eq!(wrong.send().status, 428);
    assert_eq!(status(&id).json()["cancel_requested"], false);
    let done = request("POST", &path)
        .json(json!({"confirm": "yes", "reason": "plainly"}).to_string())
        .send();
    assert_eq!(done.status, 200, "{}", done.body);
    let body: serde_json::Value = serde_json::from_str(&done.body).unwrap();
    assert_eq!(body["result"], "cancel_requested");
}

/// A plugin that was lent reading only cannot write, whoever asks for it.
#[test]
fn an_answer_does_not_open_what_a_manifest_does_not_ask_for() {
    let path = "/api/server/bad";
    for fault in ["write", "forge-confirmation"] {
        let body = json!({"fault": fault, "confirm": "yes"});
        let refused = request("POST", path).json(body.to_string()).send();
        assert_eq!(refused.status, 403, "{fault}: {}", refused.body);
    }
}

#[test]
fn somebody_who_hangs_up_ends_the_statement() {
    let (mut child, _home) =
        away().args(["server", "db-query", "SELECT pg_sleep(50)", "--timeout", "1m"]).start();
    let sql = "SELECT count(*) AS n FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    let running = || {
        let ran = here(&["server", "db-query", sql, "-o", "json"]).code(0);
        ran.json()[0]["n"].as_i64().unwrap()
    };
    wait::until("the statement to run", || Ok((running() > 0).then_some(()))).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    wait::until("the statement to end", || Ok((running() == 0).then_some(()))).unwrap();
    assert!(plane().home().join("server.pid").exists());
}
