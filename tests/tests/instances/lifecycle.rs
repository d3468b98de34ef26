//! An instance from its creation to its deletion.

use crate::toygres;
use serde_json::{Value, json};
use toygres_tests::postgres::Binaries;

/// The row of this name in a list; none where it is not listed.
fn listed(name: &str, options: &[&str]) -> Option<Value> {
    let rows = toygres(&[&["list", "-o", "json"], options].concat()).code(0).json();
    rows.as_array().unwrap().iter().find(|row| row["name"] == name).cloned()
}

#[test]
fn an_instance_is_made_used_shown_and_unmade() {
    let args =
        ["create", "life", "--password", "test123", "--tag", "team=data", "--storage", "2GB"];
    let made = toygres(&[&args[..], &["--wait", "-o", "json"]].concat()).code(0);
    let made = made.hides("test123").json();
    assert_eq!((&made["state"], &made["storage_gb"]), (&json!("running"), &json!(2)));
    assert_eq!((&made["tags"], &made["password"]), (&json!({"team": "data"}), &Value::Null));
    assert_eq!(made["storage_bytes"], 2_147_483_648_i64);
    let k8s_name = made["k8s_name"].as_str().unwrap().to_owned();
    assert!(k8s_name.starts_with("life-") && k8s_name.len() == "life-".len() + 8, "{k8s_name}");
    let steps: Vec<&str> = made["progress"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["step"].as_str().unwrap())
        .collect();
    for step in
        ["cms-create-instance-record", "deploy-postgres", "wait-for-ready", "test-connection"]
    {
        assert!(steps.contains(&step), "{steps:?}");
    }

    let shown = toygres(&["get", "life", "--show-password", "-o", "json"]).code(0).json();
    assert_eq!(shown["password"], "test123");
    let url = shown["connection_string"].as_str().unwrap().to_owned();
    assert!(url.contains(shown["address"].as_str().unwrap()), "{shown}");
    let psql = Binaries::find().unwrap();
    assert_eq!(psql.psql(&url, "SELECT 6 * 7").unwrap().trim(), "42");
    let refused = psql.psql(&url.replace("test123", "wrong"), "SELECT 1").unwrap_err().to_string();
    assert!(refused.contains("password authentication failed"), "{refused}");

    // By either name; the password stays hidden.
    for name in ["life", &k8s_name] {
        let got = toygres(&["get", name, "-o", "json"]).code(0).hides("test123").json();
        assert_eq!((&got["k8s_name"], &got["password"]), (&json!(k8s_name), &Value::Null));
    }
    assert_eq!(listed("life", &["--state", "running"]).unwrap()["k8s_name"], k8s_name.as_str());
    assert_eq!(listed("life", &["--state", "failed"]), None);

    let gone = toygres(&["delete", "life", "--force", "--wait", "-o", "json"]).code(0).json();
    assert_eq!((&gone["state"], &gone["k8s_name"]), (&json!("deleted"), &json!(k8s_name)));
    assert!(psql.psql(&url, "SELECT 1").is_err());
    assert_eq!(listed("life", &[]), None);
    for options in [["--all"].as_slice(), &["--state", "deleted"]] {
        let row = listed("life", options).unwrap();
        assert_eq!((&row["state"], row["deleted_at"].is_string()), (&json!("deleted"), true));
    }
    let again = toygres(&["delete", "life", "--force", "-o", "json"]).code(5).error();
    assert_eq!(again["kind"], "not_found");
    assert!(again["hint"].as_str().unwrap().contains("toygres list --all"), "{again}");
}

#[test]
fn without_waiting_the_answer_is_what_has_begun() {
    let begun = toygres(&["create", "begun", "-o", "json"]).code(0);
    let data = begun.json();
    assert_eq!((&data["state"], &data["connection_string"]), (&json!("creating"), &Value::Null));
    assert!(data["created_at"].as_str().unwrap().ends_with('Z'));
    let going = toygres(&["delete", "begun", "--force", "-o", "json"]).code(0).json();
    assert_eq!(going["state"], "deleting");
    // Deleting again asks nothing and joins what is under way.
    let gone =
        toygres(&["delete", data["k8s_name"].as_str().unwrap(), "--wait", "-o", "json"]).code(0);
    assert_eq!(gone.json()["state"], "deleted");
}
