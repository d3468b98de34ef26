//! Plain requests below `/api/server`, and the document that says what there is.

use crate::{here, request};
use serde_json::json;
use toygres_tests::server::http::Answer;
use toygres_tests::wait;

#[track_caller]
fn get(path: &str, status: u16) -> Answer {
    let answer = request("GET", path).send();
    assert_eq!(answer.status, status, "{path}: {}", answer.body);
    answer
}

#[test]
fn the_endpoints_of_the_specification_answer() {
    here(&["create", "pathdb", "--wait"]).code(0);
    let list = get("/api/server/orchestrations?type=create-instance&instance=pathdb", 200).json();
    assert_eq!(list.as_array().map(Vec::len), Some(1), "{list}");
    let id = list[0]["id"].as_str().unwrap();
    // The database is there a moment before the last step of its making has ended.
    let detail = wait::until("the creation to end", || {
        let detail = get(&format!("/api/server/orchestrations/{id}"), 200).json();
        Ok((detail["status"] != "running").then_some(detail))
    })
    .unwrap();
    assert_eq!((&detail["id"], &detail["status"]), (&json!(id), &json!("completed")));
    assert!(detail.get("history").is_none());
    let history = get(&format!("/api/server/orchestrations/{id}/history"), 200).json();
    assert!(history["history"].as_array().is_some_and(|steps| steps.len() > 5), "{history}");
    assert!(get("/api/server/config", 200).json()["server"].is_object());
    assert!(get("/api/server/db-status", 200).json().is_object());
    let sql = json!({"sql": "SELECT n FROM generate_series(1, 5) n", "limit": 3});
    let rows = request("POST", "/api/server/db-query").json(sql.to_string()).send();
    assert_eq!(rows.json(), json!([{"n": 1}, {"n": 2}, {"n": 3}]));
    assert!(rows.head.contains("toygres-more: true"), "{}", rows.head);
    let all = json!({"sql": "SELECT n FROM generate_series(1, 70000) n", "limit": 0});
    let all = request("POST", "/api/server/db-query").json(all.to_string()).send();
    assert_eq!(all.json().as_array().map(Vec::len), Some(70_000));
}

#[test]
fn a_private_plugin_has_an_endpoint() {
    let answer = get("/api/server/bad?fault=none", 200).json();
    assert_eq!(answer, json!({"answered": true}));
    let failed = get("/api/server/bad?fault=error", 409).json();
    assert_eq!((&failed["code"], &failed["hint"]), (&json!(9), &json!("expect it")));
}

#[test]
fn what_is_sent_wrongly_is_said() {
    for (path, status, says) in [
        ("/api/server/nosuch", 404, "no command"),
        ("/api/server/", 404, "no path"),
        ("/api/server/start", 404, "no command"),
        ("/api/server/stop", 404, "no command"),
        ("/api/server/create", 404, "no command"),
        ("/api/server/orchestrations?sise=1", 400, "no argument `sise`"),
        ("/api/server/orchestrations?status=lost", 400, "`status`"),
        ("/api/server/orchestrations?limit=-1", 400, "`limit`"),
        ("/api/server/orchestrations?count=true&group_by=type", 400, "cannot stand beside"),
        ("/api/server/orchestrations/nosuch", 404, "no orchestration"),
        ("/api/server/orchestrations/a?follow=true", 400, "`follow`"),
        ("/api/server/db-query?file=/etc/passwd", 400, "`file`"),
        ("/api/server/db-query?sql=DROP%20TABLE%20x", 403, "read"),
        ("/api/server/bad", 400, "`fault`"),
    ] {
        let answer = get(path, status);
        assert!(answer.body.contains(says), "{path}: {}", answer.body);
        assert!(answer.json()["kind"].is_string());
    }
    for (sent, status) in [("{", 400), ("[]", 400), ("{\"sql\": 5}", 400), ("\u{0}", 400)] {
        let answer = request("POST", "/api/server/db-query").json(sent).send();
        assert_eq!(answer.status, status, "{sent}: {}", answer.body);
    }
    for run in [
        json!({"command": "nosuch"}),
        json!({"command": "stop"}),
        json!({"command": "create", "scope": "top"}),
        json!({"command": "db-query", "args": {"file": "/etc/passwd"}}),
        json!({"command": "db-query", "files": {"file": "no base64!"}}),
        json!({"more": 1}),
    ] {
        let answer = request("POST", "/api/server/run").json(run.to_string()).send();
        assert!(matches!(answer.status, 400 | 404), "{run}: {} {}", answer.status, answer.body);
        assert!(!answer.body.contains("root:"), "{}", answer.body);
    }
}

#[test]
fn the_document_has_every_command_and_no_more() {
    let document = get("/api/openapi.json", 200).json();
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().unwrap();
    for (path, method) in [
        ("/api/server/orchestrations", "get"),
        ("/api/server/orchestrations/{id}", "get"),
        ("/api/server/orchestrations/{id}/history", "get"),
        ("/api/server/orchestrations/{id}/cancel", "post"),
        ("/api/server/config", "get"),
        ("/api/server/db-status", "get"),
        ("/api/server/db-query", "post"),
        ("/api/server/bad", "get"),
        ("/api/instances/{name}", "delete"),
    ] {
        assert!(paths.get(path).is_some_and(|methods| methods[method].is_object()), "{path}");
    }
    for path in ["/api/server/stop", "/api/server/create", "/api/server/start"] {
        assert!(!paths.contains_key(path), "{path}");
    }
    // Every operation has a name of its own, and says what it may refuse.
    let mut names = Vec::new();
    for operation in paths.values().flat_map(|methods| methods.as_object().unwrap().values()) {
        assert!(operation["responses"]["401"].is_object(), "{operation}");
        names.extend(operation["operationId"].as_str().map(str::to_owned));
    }
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all);
}
