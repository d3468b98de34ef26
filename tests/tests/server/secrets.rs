//! Passwords: nowhere but in the answer to whoever made them, and in the cluster's Secret.

use super::Served;
use toygres_tests::leaks;

#[test]
fn no_password_is_left_in_the_database_the_files_or_the_metrics() {
    // Everything that is ever logged.
    let Some(served) = Served::new(&["--log-level", "trace"]) else { return };
    let home = &served.home;
    let given = "canary \"GIVEN\" 8f1c/+%";
    let body = serde_json::json!({"name": "given", "password": given}).to_string();
    let first = home.request("POST", "/api/instances").json(body).send();
    assert_eq!(first.status, 202, "{first:#?}");
    assert!(first.json().get("password").is_none(), "the given one is not repeated");
    let second = home.request("POST", "/api/instances").json(r#"{"name":"generated"}"#).send();
    let generated = second.json()["password"].as_str().unwrap().to_owned();
    let mut metrics = String::new();
    for answer in [&first, &second] {
        let k8s_name = answer.json()["k8s_name"].as_str().unwrap().to_owned();
        served.deployment.reaches(&k8s_name, "running").unwrap();
        let shown = home.request("GET", &format!("/api/instances/{k8s_name}?show_password=true"));
        assert_eq!(shown.send().status, 200);
        metrics += &home.request("GET", "/metrics").send().body;
        let deleted = home.request("DELETE", &format!("/api/instances/{k8s_name}")).send();
        assert_eq!(deleted.status, 202);
        served.deployment.reaches(&k8s_name, "deleted").unwrap();
    }
    served.deployment.comes_to_rest().unwrap();
    let dump = served.deployment.database.dump();
    assert!(dump.contains("given") && home.log().contains("TRACE"), "there is something to search");
    let own = served.deployment.database.url.split([':', '@']).nth(2).unwrap().to_owned();
    for secret in [given, generated.as_str()] {
        assert_eq!(leaks::in_text(secret, &dump), Vec::<&str>::new(), "{secret} in the database");
        assert_eq!(leaks::in_text(secret, &metrics), Vec::<&str>::new(), "{secret} in the metrics");
    }
    for secret in [given, &generated, &own] {
        let found = leaks::in_folder(secret, home.folder()).unwrap();
        assert_eq!(found, Vec::<String>::new(), "{secret} in a file");
    }
    let token = home.text("api-token");
    let found = leaks::in_folder(&token, home.folder()).unwrap();
    assert!(found.iter().all(|place| place.contains("/api-token:")), "{found:#?}");
}
