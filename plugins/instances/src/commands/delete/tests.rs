use super::{Delete, delete};
use serde_json::{Map, Value, json};
use toygres_plugin_api::args::Args as _;
use toygres_plugin_api::report::Verdict;
use toygres_plugin_api::testing::TestHost;
use toygres_plugin_api::{Error, ErrorKind, Report, Result};

async fn run(host: &TestHost, wait: bool) -> Result<Report> {
    let args = json!({"name": "mydb", "timeout": 60_000, "wait": wait});
    let args: Map<String, Value> = serde_json::from_value(args).unwrap();
    delete(&host.context(), Delete::from_args(&args).unwrap()).await
}

const GET: &str = "/api/instances/mydb?progress=true";
const GET_BY_K8S: &str = "/api/instances/mydb-00000001?progress=true";
const DELETE: &str = "/api/instances/mydb-00000001";

fn instance(state: &str) -> Value {
    json!({"name": "mydb", "k8s_name": "mydb-00000001", "state": state, "message": "forbidden",
        "deleted_at": if state == "deleted" { json!("2024-11-17T12:00:00Z") } else { json!(null) }})
}

fn sent(host: &TestHost) -> Vec<String> {
    host.requests().iter().map(|request| format!("{} {}", request.method, request.path)).collect()
}

#[tokio::test]
async fn what_was_shown_is_deleted_and_not_who_has_its_name_by_then() {
    let host = TestHost::new().api("GET", GET, 200, instance("running")).api(
        "DELETE",
        DELETE,
        202,
        instance("deleting"),
    );
    let report = run(&host, false).await.unwrap();
    assert_eq!(report.data["state"], "deleting");
    assert_eq!(sent(&host)[1], format!("DELETE {DELETE}"));
}

#[tokio::test]
async fn nothing_is_deleted_when_declined() {
    let host = TestHost::new().api("GET", GET, 200, instance("running")).declines();
    assert_eq!(run(&host, true).await.unwrap_err().kind, ErrorKind::Refused);
    assert_eq!(sent(&host), [format!("GET {GET}")]);
}

#[tokio::test]
async fn what_is_gone_or_going_is_not_deleted_again() {
    let host = TestHost::new().api("GET", GET, 200, instance("deleted"));
    let error = run(&host, false).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert!(error.hint.unwrap().contains("toygres list --all"));

    // Declining is no answer where nothing is asked.
    let host = TestHost::new()
        .api("GET", GET, 200, instance("deleting"))
        .api("GET", GET_BY_K8S, 200, instance("deleted"))
        .declines();
    let report = run(&host, true).await.unwrap();
    assert_eq!((report.verdict, &report.data["state"]), (Verdict::Clean, &json!("deleted")));
    assert!(host.notes()[0].text.contains("already"));
    assert_eq!(sent(&host), [format!("GET {GET}"), format!("GET {GET_BY_K8S}")]);
}

#[tokio::test]
async fn waiting_ends_when_it_is_gone_or_cannot_go() {
    let missing = serde_json::to_value(Error::not_found("no such instance")).unwrap();
    for (status, body, verdict, state) in [
        (200, instance("deleted"), Verdict::Clean, "deleted"),
        (404, missing, Verdict::Clean, "deleted"),
        (200, instance("failed"), Verdict::Negative, "failed"),
    ] {
        let host = TestHost::new()
            .api("GET", GET, 200, instance("running"))
            .api("DELETE", DELETE, 202, instance("deleting"))
            .api("GET", GET_BY_K8S, status, body);
        let report = run(&host, true).await.unwrap();
        assert_eq!((report.verdict, &report.data["state"]), (verdict, &json!(state)));
    }
}

#[tokio::test]
async fn a_failed_instance_may_stay_failed_while_it_goes() {
    let host = TestHost::new()
        .api("GET", GET, 200, instance("failed"))
        .api("DELETE", DELETE, 202, instance("failed"))
        .api("GET", GET_BY_K8S, 200, instance("failed"));
    let later = host.clone();
    let change = tokio::spawn(async move {
        while later.notes().is_empty() {
            tokio::task::yield_now().await;
        }
        let _changed = later.api("GET", GET_BY_K8S, 200, instance("deleted"));
    });
    let report = run(&host, true).await.unwrap();
    change.await.unwrap();
    assert_eq!((report.verdict, &report.data["state"]), (Verdict::Clean, &json!("deleted")));
}
