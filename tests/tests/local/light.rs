//! Pods without processes, for tests of what many of them do to others.

use crate::home::{Home, database, psql};
use toygres_tests::postgres::PrivatePostgres;

#[test]
fn light_pods_are_ready_at_once_and_lead_to_one_server() {
    let server = PrivatePostgres::new().unwrap();
    let port = server.port().to_string();
    let home = Home::new().env("TOYGRES_LOCAL_LIGHT_PODS", &port);
    home.up();
    let documents: Vec<String> = (0..50).map(|n| database(&format!("db{n}"), "pass")).collect();
    home.apply(&documents.join("---\n"));
    let ready = home.until("all pods to be ready", |status| {
        let pods = status["pods"].as_array()?;
        (pods.len() == 50 && pods.iter().all(|pod| pod["ready"] == true)).then(|| pods.clone())
    });
    assert!(ready.iter().all(|pod| pod["pid"].is_null()));
    let service = home.object("service", "db17-svc");
    assert_eq!(service["spec"]["ports"][0]["port"].to_string(), port);
    assert_eq!(psql(&server.url(), "SELECT 1").unwrap(), "1");
    home.kubectl(&["delete", "statefulsets,pvc", "--all", "--timeout=60s"]).code(0);
    home.until("no pod to be left", |status| status["pods"].as_array()?.is_empty().then_some(()));
    drop(home);
    drop(server);
}
