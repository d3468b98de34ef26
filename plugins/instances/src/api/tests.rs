use super::{body, create, delete, get, list, nearest};
use serde_json::json;
use std::collections::BTreeMap;
use toygres_model::instance::NewInstance;
use toygres_plugin_api::testing::TestHost;
use toygres_plugin_api::{Confirmation, Error, ErrorKind};

#[tokio::test]
async fn names_are_encoded_and_answers_completed() {
    let answer = json!({"name": "a b", "k8s_name": "x", "state": "creating", "newer": [1],
        "connection_string": "postgresql://u:p@h:1/d",
        "progress": [{"step": "s", "state": "running"}]});
    let path = "/api/instances/a%20b%2F%3F?progress=true&show_password=true";
    let host = TestHost::new().api("GET", path, 200, answer);
    let found = get(&host.context(), "a b/?", true).await.unwrap();
    assert_eq!(found.instance.address.as_deref(), Some("h:1"));
    assert_eq!((found.steps.len(), found.generated), (1, None));
}

#[tokio::test]
async fn what_is_no_instance_is_the_server_s_fault() {
    let host = TestHost::new().api("GET", "/api/instances/a?progress=true", 200, json!("hello"));
    let error = get(&host.context(), "a", false).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Failed);
    assert!(error.hint.unwrap().contains("another version"));
    let error = get(&TestHost::new().context(), "", false).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Usage);
}

#[tokio::test]
async fn a_miss_names_what_was_perhaps_meant() {
    let known = json!([
        {"name": "proddb", "k8s_name": "proddb-00000001", "state": "running"},
        {"name": "testdb", "k8s_name": "testdb-00000002", "state": "failed"},
        {"name": "gone", "k8s_name": "gone-00000003", "state": "deleted", "deleted_at": "T"},
    ]);
    let missing = Error::not_found("there is nothing").hint("its own hint");
    let missing = serde_json::to_value(missing).unwrap();
    for (typed, hint) in [
        ("porddb", "did you mean `proddb`?"),
        ("ProdDB", "did you mean `proddb`?"),
        ("test", "did you mean `testdb`?"),
        ("nothing-like-it", "see `toygres list`"),
        ("gon", "see `toygres list`"),
        ("gone", "toygres list --all"),
        ("gone-00000003", "toygres list --all"),
        ("proddb", "its own hint"),
    ] {
        let path = format!("/api/instances/{typed}?progress=true");
        let host = TestHost::new().api("GET", &path, 404, missing.clone()).api(
            "GET",
            "/api/instances?all=true",
            200,
            known.clone(),
        );
        let error = get(&host.context(), typed, false).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::NotFound);
        assert!(error.hint.as_ref().is_some_and(|said| said.contains(hint)), "{typed}: {error:?}");
    }
}

#[tokio::test]
async fn a_list_is_filtered_by_the_server_and_sorted_here() {
    let rows = json!([
        {"name": "b", "created_at": "2024-01-01T00:00:00Z"},
        {"name": "a", "created_at": "2024-01-01T00:00:00Z"},
        {"name": "a", "created_at": "2024-01-02T00:00:00Z"},
    ]);
    let path = "/api/instances?state=deleted&health=unknown&all=true";
    let host = TestHost::new().api("GET", path, 200, rows);
    let found = list(&host.context(), Some("deleted"), Some("unknown"), true).await.unwrap();
    let order: Vec<_> = found
        .iter()
        .map(|found| (found.name.as_str(), found.created_at.as_deref().unwrap_or_default()))
        .collect();
    let (first, second) = ("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z");
    assert_eq!(order, [("a", second), ("a", first), ("b", first)]);
}

#[tokio::test]
async fn writing_carries_the_confirmation_and_what_was_asked_for() {
    let answer = json!({"name": "a", "k8s_name": "a-00000001", "password": "generated"});
    let host = TestHost::new().api("POST", "/api/instances", 202, answer.clone()).api(
        "DELETE",
        "/api/instances/a-00000001",
        202,
        answer,
    );
    let context = host.context();
    let confirmed = context.ui().confirm(Confirmation::new("?")).await.unwrap();
    let wanted = NewInstance {
        storage_gb: Some(20),
        tags: Some(BTreeMap::from([("team".to_owned(), "data".to_owned())])),
        ..NewInstance::named("a")
    };
    let found = create(&context, &wanted, &confirmed).await.unwrap();
    assert_eq!(found.generated.as_deref(), Some("generated"));
    delete(&context, "a-00000001", &confirmed).await.unwrap();
    let sent = host.requests()[0].body.clone().unwrap();
    assert_eq!(sent, json!({"name": "a", "storage_gb": 20, "tags": {"team": "data"}}));
    assert_eq!(sent, body(&wanted));
    // The API reads what is sent here.
    assert_eq!(serde_json::from_value::<NewInstance>(sent).unwrap(), wanted);
}

#[test]
fn the_nearest_comes_first_and_three_are_enough() {
    let known = ["db1", "db2", "db3", "db11", "other"];
    assert_eq!(nearest("db1", known.into_iter()), ["db1", "db11", "db2"]);
    assert_eq!(nearest("zz", known.into_iter()), Vec::<&str>::new());
}
