//! What the guide says of tests.

use serde_json::json;
use toygres_guide_plugin::TOYGRES_PLUGIN;
use toygres_plugin_api::testing::TestHost;
use toygres_plugin_api::{Error, ErrorKind};

// region: test
#[test]
fn only_old_backups_are_asked_for() {
    let rows = json!([{"database": "orders", "finished_at": "2024-11-17T03:00:00Z",
        "size_bytes": 4096}]);
    let host = TestHost::new().rows("FROM acme.backups", rows.clone());
    let report = host.run(&TOYGRES_PLUGIN, "server stale-backups --older-than 2h").unwrap();
    assert_eq!(report.data, rows);
    assert_eq!(host.queries()[0].binds, [None, Some("7200000000 microseconds".to_owned())]);
}

#[test]
fn what_goes_wrong_is_said() {
    let host = TestHost::new().fails("acme.backups", Error::unavailable("no database"));
    let error = host.run(&TOYGRES_PLUGIN, "stale-backups").unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    let error = host.run(&TOYGRES_PLUGIN, "stale-backups --sort name").unwrap_err();
    assert_eq!(error.kind, ErrorKind::Usage);
}
// endregion

// region: test-change
#[test]
fn nothing_is_forgotten_before_a_yes() {
    let host = TestHost::new()
        .rows("SELECT count(*)", json!([{"backups": 3}]))
        .changes("DELETE FROM acme.backups", 3);
    let report = host.run(&TOYGRES_PLUGIN, "forget-backup orders").unwrap();
    assert_eq!(report.data["backups"], 3);
    assert_eq!(host.questions()[0].question, "Forget 3 backups of `orders`?");
    assert!(host.committed());

    let host = TestHost::new().rows("SELECT count(*)", json!([{"backups": 3}])).declines();
    let error = host.run(&TOYGRES_PLUGIN, "forget-backup orders").unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    assert!(host.executed().is_empty());
}
// endregion

// region: test-kube
#[test]
fn pods_are_those_of_databases() {
    let pods = json!({"apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": [
        {"metadata": {"name": "orders-0"}, "status": {"phase": "Running"}}]});
    let host = TestHost::new().kube("/api/v1/namespaces/toygres/pods", 200, pods);
    let report = host.run(&TOYGRES_PLUGIN, "database-pods").unwrap();
    assert_eq!(report.data, json!([{"pod": "orders-0", "phase": "Running"}]));
    assert!(host.kube_requests()[0].path.contains("labelSelector=app%3Dpostgres"));
}
// endregion

#[test]
fn streams_are_read_and_fed() {
    let rows = json!([{"database": "a", "size_bytes": 1}, {"database": "b", "size_bytes": 2}]);
    let host = TestHost::new().rows("FROM acme.backups", rows.clone());
    assert_eq!(host.run(&TOYGRES_PLUGIN, "backup-log").unwrap().data, rows);
    let sums = json!([{"database": "a", "total_bytes": 1}, {"database": "b", "total_bytes": 3}]);
    assert_eq!(host.run(&TOYGRES_PLUGIN, "backup-sizes").unwrap().data, sums);
}

#[test]
fn values_are_offered_to_a_shell() {
    let host = TestHost::new().rows("starts_with", json!([{"database": "orders", "backups": 2}]));
    let offered = host.complete(&TOYGRES_PLUGIN, "stale-backups", "database", "or").unwrap();
    assert_eq!((offered[0].value.as_str(), offered[0].help.as_str()), ("orders", "2 backups"));
}

#[test]
fn a_story_needs_a_workflow() {
    use toygres_plugin_api::protocol::WorkflowStatus;
    let done = WorkflowStatus::Completed { output: String::new() };
    let host = TestHost::new().workflow("create-orders-a1b2c3d4", done);
    let host = host.history("create-orders-a1b2c3d4", [json!({"event_id": 1})]);
    let report = host.run(&TOYGRES_PLUGIN, "database-story orders-a1b2c3d4").unwrap();
    assert_eq!(report.data["events"], 1);
    let error = host.run(&TOYGRES_PLUGIN, "database-story other").unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
}

#[test]
fn checks_say_what_is_late() {
    let host = TestHost::new().rows("FROM acme.backups", json!([{"database": "orders"}]));
    let report = host.run(&TOYGRES_PLUGIN, "backup-checks").unwrap();
    assert_eq!(report.data[0]["outcome"], "warning");
    let rows = report.data[0].as_object().unwrap();
    assert!(toygres_plugin_api::report::CHECK_KEYS.iter().all(|key| rows.contains_key(*key)));
}
