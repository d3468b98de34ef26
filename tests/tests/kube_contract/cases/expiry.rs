//! Versions that a server has forgotten.

use crate::Scope;
use crate::scope::text;
use serde_json::json;

pub(crate) async fn of_a_page_and_of_a_watch(at: &Scope) {
    let policies = at.path("networking.k8s.io/networkpolicies");
    let policy =
        |name: &str| json!({ "metadata": { "name": name }, "spec": { "podSelector": {} } });
    for name in ["a", "b", "c"] {
        at.post(&policies, &policy(name)).await.code(201);
    }
    let first = at.get(&format!("{policies}?limit=2")).await.code(200);
    let version = text(&first["metadata"]["resourceVersion"]);
    let next = text(&first["metadata"]["continue"]);
    let next = format!("{policies}?limit=2&continue={next}");
    at.get(&next).await.code(200);

    for name in ["d", "e"] {
        at.post(&policies, &policy(name)).await.code(201);
    }
    at.forget_history().await;

    let told = at.get(&next).await.refused(410, "Expired");
    // What was forgotten is the past: with the token that comes with the refusal a list goes on in
    // the present, and a new list begins.
    if let Some(token) = told["metadata"]["continue"].as_str() {
        let rest = format!("{policies}?limit=2&continue={token}");
        assert_eq!(at.names(&rest).await, ["c", "d"]);
    }
    assert_eq!(at.names(&policies).await, ["a", "b", "c", "d", "e"]);

    // A watch is told in the answer itself or as its first event.
    let watch = format!("{policies}?watch=true&resourceVersion={version}&timeoutSeconds=30");
    let answer = at.begin(&watch).await;
    if answer.status() == 200 {
        let event = crate::Watching::of(answer).next_or_end().await.unwrap();
        assert_eq!(event["type"], "ERROR", "{event:#}");
        assert_eq!(event["object"]["kind"], "Status");
        assert_eq!(event["object"]["code"], 410);
        assert_eq!(event["object"]["reason"], "Expired");
    } else {
        assert_eq!(answer.status(), 410);
    }
}
