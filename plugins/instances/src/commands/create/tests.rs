use super::{Create, create};
use crate::wait;
use serde_json::{Map, Value, json};
use toygres_plugin_api::args::Args as _;
use toygres_plugin_api::report::Verdict;
use toygres_plugin_api::testing::TestHost;
use toygres_plugin_api::{Error, ErrorKind, Report, Result};

/// The arguments as the host sends them, with its defaults.
fn args(given: Value) -> Create {
    let mut args: Map<String, Value> =
        serde_json::from_value(json!({"version": "18", "storage": "10", "timeout": 60_000}))
            .unwrap();
    args.extend(given.as_object().cloned().unwrap_or_default());
    Create::from_args(&args).unwrap()
}

async fn run(host: &TestHost, given: Value) -> Result<Report> {
    create(&host.context(), args(given)).await
}

const GET: &str = "/api/instances/mydb-00000001?progress=true";

fn instance(state: &str) -> Value {
    json!({"name": "mydb", "k8s_name": "mydb-00000001", "state": state, "storage_gb": 10,
        "message": "the image cannot be pulled", "create_orchestration_id": "create-mydb-00000001",
        "health_orchestration_id": (state == "running").then_some("health-mydb-00000001"),
        "progress": [{"step": "wait-for-ready", "state": "running", "message": "pending"}]})
}

#[tokio::test]
async fn nothing_wrong_is_sent() {
    for (given, says) in [
        (json!({"name": "My_Db"}), "`my-db` would do"),
        (json!({"name": "a", "version": "9"}), "13 to 18"),
        (json!({"name": "a", "storage": "500MB"}), "whole GB"),
        (json!({"name": "a", "storage": "0"}), "1 to 32767"),
        (json!({"name": "a", "password": ""}), "generated"),
        (json!({"name": "a", "dns_label": "A"}), "3 to 63"),
        (json!({"name": "a", "tags": ["x=1", "x=2"]}), "once"),
        (json!({"name": "a", "password_file": "/nowhere/at/all"}), "password alone"),
    ] {
        let host = TestHost::new();
        let error = run(&host, given.clone()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Usage, "{given}: {error:?}");
        assert!(error.hint.as_ref().is_some_and(|hint| hint.contains(says)), "{given}: {error:?}");
        assert_eq!(host.requests().len(), 0, "{given}");
    }
}

#[tokio::test]
async fn a_generated_password_is_in_the_answer_only_where_asked_for() {
    let mut answer = instance("creating");
    answer["password"] = json!("s3cret");
    let host = TestHost::new().api("POST", "/api/instances", 202, answer.clone());
    let report = run(&host, json!({"name": "mydb"})).await.unwrap();
    assert!(!serde_json::to_string(&report).unwrap().contains("s3cret"));
    assert!(host.notes()[0].text.contains("toygres get mydb --show-password"));
    let sent = host.requests()[0].body.clone().unwrap();
    assert_eq!((&sent["storage_gb"], &sent["load_balancer"]), (&json!(10), &json!(true)));
    assert_eq!(sent.get("password"), None);

    let host = TestHost::new().api("POST", "/api/instances", 202, answer);
    let report = run(&host, json!({"name": "mydb", "show_password": true})).await.unwrap();
    assert_eq!(report.data["password"], "s3cret");
    assert_eq!(host.notes().len(), 0);
}

#[tokio::test]
async fn a_taken_name_is_told_with_what_has_it() {
    let taken = Error::failed("`mydb` is taken by `mydb-00000009`, which is running");
    let body = serde_json::to_value(taken).unwrap();
    let host = TestHost::new().api("POST", "/api/instances", 409, body);
    let error = run(&host, json!({"name": "mydb"})).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Failed);
    assert!(error.message.contains("mydb-00000009"));
    assert_eq!(error.hint.as_deref(), Some("see `toygres get mydb`"));
}

#[tokio::test]
async fn waiting_ends_with_what_became_of_it() {
    for (state, verdict) in
        [("running", Verdict::Clean), ("failed", Verdict::Negative), ("deleted", Verdict::Negative)]
    {
        let host = TestHost::new().api("POST", "/api/instances", 202, instance("creating")).api(
            "GET",
            GET,
            200,
            instance("creating"),
        );
        let later = host.clone();
        let change = tokio::spawn(async move {
            while later.notes().is_empty() {
                tokio::task::yield_now().await;
            }
            let _changed = later.api("GET", GET, 200, instance(state));
        });
        let report = run(&host, json!({"name": "mydb", "wait": true})).await.unwrap();
        change.await.unwrap();
        assert_eq!((report.verdict, &report.data["state"]), (verdict, &json!(state)));
        assert!(host.notes()[0].text.contains("wait-for-ready running: pending"));
        assert_eq!(report.notes.is_empty(), state == "running");
        let shown = serde_json::to_string(&report.view).unwrap();
        assert_eq!(shown.contains("the image cannot be pulled"), state == "failed", "{shown}");
    }
}

#[tokio::test]
async fn a_wait_that_is_too_long_says_what_blocks() {
    let host = TestHost::new().api("POST", "/api/instances", 202, instance("creating")).api(
        "GET",
        GET,
        200,
        instance("creating"),
    );
    let given = json!({"name": "mydb", "wait": true, "timeout": 1});
    let error = run(&host, given).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::TimedOut);
    assert_eq!(error.causes, ["`wait-for-ready` is running: pending"]);
    assert!(error.hint.unwrap().contains("toygres get mydb-00000001"));
}

#[tokio::test]
async fn a_server_that_goes_away_is_waited_for() {
    let away = serde_json::to_value(Error::unavailable("the backends do not answer")).unwrap();
    let host = TestHost::new()
        .api("POST", "/api/instances", 202, instance("creating"))
        .api("GET", GET, 503, away);
    let later = host.clone();
    let change = tokio::spawn(async move {
        while later.notes().is_empty() {
            tokio::task::yield_now().await;
        }
        let _changed = later.api("GET", GET, 200, instance("running"));
    });
    let report = run(&host, json!({"name": "mydb", "wait": true})).await.unwrap();
    change.await.unwrap();
    assert_eq!(report.data["state"], "running");
    assert_eq!(host.notes()[0].text, "the backends do not answer; trying again");
    assert!(wait::now() > 0);
}

#[tokio::test]
async fn what_runs_is_told_with_what_watches_over_it() {
    let mut unwatched = instance("running");
    unwatched["health_orchestration_id"] = Value::Null;
    let host = TestHost::new()
        .api("POST", "/api/instances", 202, instance("creating"))
        .api("GET", GET, 200, unwatched);
    let later = host.clone();
    let asked = tokio::spawn(async move {
        // Once it was seen to run, and not before.
        while later.requests().len() < 2 {
            tokio::task::yield_now().await;
        }
        let _changed = later.api("GET", GET, 200, instance("running"));
    });
    let report = run(&host, json!({"name": "mydb", "wait": true})).await.unwrap();
    assert_eq!(report.data["health_orchestration_id"], "health-mydb-00000001");
    asked.await.unwrap();
}
