use super::{cells, columns, words};
use crate::kube::resource;
use serde_json::json;

#[test]
fn every_row_has_a_cell_for_every_column() {
    for resource in resource::ALL {
        let object = json!({"metadata": {"name": "a"}});
        let cells = cells(resource, &object);
        let columns = columns(resource);
        assert_eq!(
            cells.as_array().unwrap().len(),
            columns.as_array().unwrap().len(),
            "{resource}"
        );
    }
}

#[test]
fn ages_are_coarser_the_older_a_thing_is() {
    for (seconds, expected) in [
        (-5, "0s"),
        (119, "119s"),
        (120, "2m"),
        (125, "2m5s"),
        (3600, "60m"),
        (4 * 3600 + 60, "4h1m"),
        (86_400, "24h"),
        (3 * 86_400, "3d"),
        (3 * 86_400 + 7200, "3d2h"),
        (30 * 86_400, "30d"),
        (800 * 86_400, "2y70d"),
        (9 * 365 * 86_400, "9y"),
    ] {
        assert_eq!(words::duration(seconds), expected);
    }
}

#[test]
fn a_pod_says_why_it_does_not_run() {
    let pod = |status: serde_json::Value| {
        let pod =
            json!({"metadata": {"name": "a"}, "spec": {"containers": [{}]}, "status": status});
        cells(&resource::POD, &pod)[2].clone()
    };
    assert_eq!(pod(json!({"phase": "Running"})), "Running");
    let waits = json!({"state": {"waiting": {"reason": "CrashLoopBackOff"}}});
    assert_eq!(pod(json!({"phase": "Running", "containerStatuses": [waits]})), "CrashLoopBackOff");
    let ended = json!({"state": {"terminated": {"exitCode": 3}}});
    assert_eq!(pod(json!({"phase": "Failed", "containerStatuses": [ended]})), "ExitCode:3");
}

#[test]
fn a_service_shows_where_it_is() {
    let service = json!({
        "metadata": {"name": "a"},
        "spec": {"type": "LoadBalancer", "clusterIP": "10.96.0.1", "ports": [
            {"port": 5432, "nodePort": 30_000, "protocol": "TCP"}, {"port": 80, "protocol": "TCP"},
        ], "selector": {"a": "b"}},
        "status": {"loadBalancer": {}},
    });
    let cells = cells(&resource::SERVICE, &service);
    let expected = ["LoadBalancer", "10.96.0.1", "<pending>", "5432:30000/TCP,80/TCP"];
    assert_eq!(cells.as_array().unwrap()[1..5], expected);
    assert_eq!(cells[6], "a=b");
}
