//! An instance's life by requests alone, each answer as documented.

use crate::check::Schemas;
use crate::document::Operation;
use crate::plane::{document, request};
use serde_json::{Value, json};
use toygres_tests::server::http::{Answer, Request};
use toygres_tests::wait;

fn answered(method: &'static str, path: &str, request: &Request) -> Answer {
    let spec = &document()["paths"][path][method];
    let answer = request.send();
    let wrong = Schemas::new(document()).wrong(&Operation { method, path, spec }, &answer);
    assert_eq!(wrong, None, "{method} {path}: {answer:?}");
    answer
}

#[test]
fn an_instance_is_made_looked_at_and_deleted() {
    const ONE: &str = "/api/instances/{name}";
    let wanted = json!({"name": "wholedb", "storage_gb": 1, "tags": {"team": "data"}});
    let create = request("POST", "/api/instances").json(wanted.to_string());
    let made = answered("post", "/api/instances", &create);
    assert_eq!(made.status, 202, "{}", made.body);
    assert_eq!(answered("post", "/api/instances", &create).status, 409);
    let get = |query: &str| {
        answered("get", ONE, &request("GET", &format!("/api/instances/wholedb{query}")))
    };
    let state = |answer: &Answer| -> Value { answer.json()["state"].clone() };
    wait::until("it to run", || Ok((state(&get("")) == "running").then_some(()))).unwrap();
    let whole = get("?show_password&progress=true").json();
    assert!(whole["progress"].as_array().is_some_and(|steps| !steps.is_empty()), "{whole}");
    let list = request("GET", "/api/instances?state=running");
    let list = answered("get", "/api/instances", &list).json();
    assert!(list.as_array().unwrap().iter().any(|one| one["name"] == "wholedb"), "{list}");
    let delete = request("DELETE", "/api/instances/wholedb");
    assert_eq!(answered("delete", ONE, &delete).status, 202);
    wait::until("it to be gone", || Ok((get("").status == 404).then_some(()))).unwrap();
    assert_eq!(answered("delete", ONE, &delete).status, 404);
}
