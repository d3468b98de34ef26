//! Lists of a part.

use crate::Scope;
use crate::scope::{names, text};
use serde_json::json;

/// A selector as a query's value.
fn escaped(selector: &str) -> String {
    selector.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

pub(crate) async fn by_labels(at: &Scope) {
    at.config_map("a", json!({ "app": "postgres", "tier": "gold" })).await;
    at.config_map("b", json!({ "app": "postgres", "tier": "tin" })).await;
    at.config_map("c", json!({ "app": "web", "team": "" })).await;
    at.config_map("d", json!({ "example.org/app": "postgres" })).await;
    for (selector, expected) in [
        ("app=postgres", vec!["a", "b"]),
        ("app==postgres", vec!["a", "b"]),
        ("app=postgres,tier=gold", vec!["a"]),
        ("app=postgres,tier=lead", vec![]),
        ("app=postgres,tier!=gold", vec!["b"]),
        ("app in (postgres,web),tier", vec!["a", "b"]),
        ("app in (web, postgres)", vec!["a", "b", "c"]),
        ("tier in (gold)", vec!["a"]),
        ("app,!tier", vec!["c"]),
        ("app,tier notin (gold,lead)", vec!["b", "c"]),
        ("team", vec!["c"]),
        ("team=", vec!["c"]),
        ("example.org/app=postgres", vec!["d"]),
        ("app = postgres , tier = tin", vec!["b"]),
    ] {
        let path = format!("{}?labelSelector={}", at.path("configmaps"), escaped(selector));
        assert_eq!(at.names(&path).await, expected, "{selector}");
    }
    // What a thing lacks is unequal to everything.
    let path = format!("{}?labelSelector={}", at.path("configmaps"), escaped("app!=postgres"));
    let found = at.names(&path).await;
    assert!(found.contains(&"c".into()) && found.contains(&"d".into()), "{found:?}");
    assert!(!found.contains(&"a".into()) && !found.contains(&"b".into()), "{found:?}");
}

pub(crate) async fn by_fields(at: &Scope) {
    at.config_map("a", json!({ "x": "1" })).await;
    at.config_map("b", json!({ "x": "1" })).await;
    let maps = |selector: &str, labels: &str| {
        let (selector, labels) = (escaped(selector), escaped(labels));
        format!("{}?fieldSelector={selector}&labelSelector={labels}", at.path("configmaps"))
    };
    assert_eq!(at.names(&maps("metadata.name=a", "")).await, ["a"]);
    assert_eq!(at.names(&maps("metadata.name=a", "x=1")).await, ["a"]);
    assert_eq!(at.names(&maps("metadata.name=a", "x=2")).await, [""; 0]);
    assert_eq!(at.names(&maps("metadata.name!=a", "x=1")).await, ["b"]);
    let both = format!("metadata.name=a,metadata.namespace={}", at.namespace);
    assert_eq!(at.names(&maps(&both, "")).await, ["a"]);

    let pod = json!({
        "metadata": { "name": "p" },
        "spec": { "nodeName": "", "containers": [{ "name": "a", "image": "i" }] },
    });
    at.post(&at.path("pods"), &pod).await.code(201);
    let pods = |selector: &str| format!("{}?fieldSelector={}", at.path("pods"), escaped(selector));
    assert_eq!(at.names(&pods("metadata.name=p")).await, ["p"]);
    assert_eq!(at.names(&pods("status.phase=Succeeded")).await, [""; 0]);
    assert_eq!(at.names(&pods("status.phase!=Succeeded")).await, ["p"]);

    let event = |name: &str, of: &str| {
        json!({
            "metadata": { "name": name }, "type": "Normal", "reason": "Tried", "message": "so",
            "involvedObject": { "kind": "Pod", "name": of, "namespace": at.namespace, "uid": "u" },
        })
    };
    at.post(&at.path("events"), &event("e1", "p")).await.code(201);
    at.post(&at.path("events"), &event("e2", "q")).await.code(201);
    let of = "involvedObject.kind=Pod,involvedObject.name=p,involvedObject.uid=u";
    let events = format!("{}?fieldSelector={}", at.path("events"), escaped(of));
    assert_eq!(at.names(&events).await, ["e1"]);
}

pub(crate) async fn by_what_nobody_understands(at: &Scope) {
    let maps = at.path("configmaps");
    for selector in ["a=b=c", "a in", "!", "a b", "=b"] {
        let path = format!("{maps}?labelSelector={}", escaped(selector));
        at.get(&path).await.refused(400, "BadRequest");
    }
    for selector in ["spec.colour=red", "data.a=1"] {
        let path = format!("{maps}?fieldSelector={}", escaped(selector));
        at.get(&path).await.refused(400, "BadRequest");
    }
    at.get(&format!("{maps}?limit=many")).await.refused(400, "BadRequest");
}

pub(crate) async fn in_pages(at: &Scope) {
    let labels = json!({ "paged": "yes" });
    for name in ["e", "b", "a", "d", "c"] {
        at.config_map(name, labels.clone()).await;
    }
    let path = format!("{}?limit=2&labelSelector=paged%3Dyes", at.path("configmaps"));
    let first = at.get(&path).await.code(200);
    assert_eq!(names(&first), ["a", "b"]);
    let token = text(&first["metadata"]["continue"]);
    // What comes between the pages is not in them: a list is of one moment.
    at.config_map("bb", labels.clone()).await;
    at.delete(&at.path("configmaps/d")).await.code(200);
    let second = at.get(&format!("{path}&continue={token}")).await.code(200);
    assert_eq!(names(&second), ["c", "d"]);
    assert_eq!(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    let token = text(&second["metadata"]["continue"]);
    let third = at.get(&format!("{path}&continue={token}")).await.code(200);
    assert_eq!(names(&third), ["e"]);
    let end = third["metadata"].get("continue").and_then(|it| it.as_str()).unwrap_or_default();
    assert_eq!(end, "");
    assert!(third["metadata"].get("remainingItemCount").is_none());

    // What is left is told where nothing is left out by a selector.
    let all = at.names(&at.path("configmaps")).await.len();
    let some = at.get(&format!("{}?limit=2", at.path("configmaps"))).await.code(200);
    assert_eq!(some["metadata"]["remainingItemCount"], all - 2);
    let whole = at.get(&format!("{}?limit=500", at.path("configmaps"))).await.code(200);
    assert_eq!(names(&whole).len(), all);
    assert!(whole["metadata"].get("continue").is_none_or(|it| it == ""));
}

pub(crate) async fn in_no_page_of_a_made_up_token(at: &Scope) {
    at.config_map("a", json!({})).await;
    let maps = at.path("configmaps");
    for token in ["made-up", "AAAA"] {
        at.get(&format!("{maps}?limit=1&continue={token}")).await.refused(400, "BadRequest");
    }
}
