//! Where one side cannot be read, what could not be compared is told, and that nothing is concluded.

use crate::plane::{Plane, of, said};
use std::path::Path;
use toygres_tests::kube::Rule;
use toygres_tests::postgres::PrivatePostgres;

#[test]
fn without_kubernetes_nothing_is_taken_for_missing() {
    let Some(plane) = Plane::new() else { return };
    plane.instance("lonely");
    let url = plane.deployment.database.url.clone();
    let ran = plane
        .toygres_as(&url, Path::new("/nonexistent"))
        .args(["server", "drift", "-o", "json"])
        .run();
    let drift = ran.code(4).json();
    assert_eq!(drift["drifts"].as_array().unwrap().len(), 0, "{drift:#}");
    let unread = drift["not_compared"].as_array().unwrap();
    assert_eq!(unread.iter().filter(|it| it["needed"] == true).count(), 4, "{drift:#}");
    let text = plane.toygres_as(&url, Path::new("/nonexistent")).args(["server", "drift"]).run();
    text.code(4).shows("Nothing could be compared").says("not compared: statefulsets in");
    let sync = plane.toygres_as(&url, Path::new("/nonexistent")).args(["server", "sync"]).run();
    sync.code(4).says("no plan can be made").says("toygres server health --check TG0501");
}

#[test]
fn what_is_forbidden_is_told_and_the_rest_compared() {
    let Some(mut plane) = Plane::new() else { return };
    let name = plane.instance("partly");
    plane.stop_server();
    let rules = [Rule { group: "apps", resources: &["statefulsets"], verbs: &["get", "list"] }];
    let user = plane.deployment.world.api.user_with(&plane.deployment.namespace, &rules).unwrap();
    let url = plane.deployment.database.url.clone();
    let run =
        || plane.toygres_as(&url, &user.kubeconfig).args(["server", "drift", "-o", "json"]).run();
    let drift = run().code(4).json();
    assert_eq!(drift["drifts"].as_array().unwrap().len(), 0, "{drift:#}");
    plane.sql("UPDATE instances SET postgres_version = '16'");
    let drift = run().code(1);
    assert_eq!(
        of(&drift.json(), &name).into_iter().map(said).collect::<Vec<_>>(),
        ["mismatch:image"]
    );
    drift.says("not compared: services in");
}

#[test]
fn without_the_workflows_records_nobody_is_called_stuck() {
    let Some(mut plane) = Plane::new() else { return };
    plane.instance("unseen");
    plane.stop_server();
    PrivatePostgres::shared().create_role("cms_reader", "").unwrap();
    plane.sql(
        "GRANT USAGE ON SCHEMA toygres_cms TO cms_reader;
         GRANT SELECT ON ALL TABLES IN SCHEMA toygres_cms TO cms_reader;
         UPDATE instances SET state = 'deleting'",
    );
    let url = plane.deployment.database.url_for("cms_reader");
    let kubeconfig = plane.deployment.world.api.kubeconfig();
    let ran = plane.toygres_as(&url, kubeconfig).args(["server", "drift", "-o", "json"]).run();
    let drift = ran.code(4).json();
    assert_eq!(drift["drifts"].as_array().unwrap().len(), 0, "{drift:#}");
    assert_eq!(drift["not_compared"][0]["source"], "duroxide");
    assert!(drift["in_flight"][0]["reason"].as_str().unwrap().contains("cannot be read"));
}

#[test]
fn without_the_cms_there_is_nothing_to_compare_with() {
    let Some(plane) = Plane::new() else { return };
    let kubeconfig = plane.deployment.world.api.kubeconfig();
    let url = "postgresql://nobody@127.0.0.1:1/nothing";
    let ran = plane.toygres_as(url, kubeconfig).args(["server", "drift", "-o", "json"]).run();
    let error = ran.code(4).error();
    assert_eq!(error["kind"], "unavailable");
    assert!(error.to_string().contains("nothing to be compared with"), "{error}");
}
