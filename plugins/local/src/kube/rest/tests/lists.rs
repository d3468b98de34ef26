use super::{Api, MAPS, names};
use serde_json::json;

#[tokio::test]
async fn pages_are_of_one_moment() {
    let api = Api::new();
    for name in ["e", "c", "a", "b", "d"] {
        api.map(name, json!({})).await;
    }
    let first = api.get(&format!("{MAPS}?limit=2")).await.ok();
    assert_eq!(names(&first), ["a", "b"]);
    assert_eq!(first["metadata"]["remainingItemCount"], 3);
    api.map("bb", json!({})).await;
    api.delete(&format!("{MAPS}/d"), &json!({})).await.ok();
    let token = first["metadata"]["continue"].as_str().unwrap();
    let second = api.get(&format!("{MAPS}?limit=2&continue={token}")).await.ok();
    assert_eq!(names(&second), ["c", "d"]);
    assert_eq!(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    let token = second["metadata"]["continue"].as_str().unwrap();
    let third = api.get(&format!("{MAPS}?limit=2&continue={token}")).await.ok();
    assert_eq!(names(&third), ["e"]);
    assert!(third["metadata"].get("continue").is_none());
    assert_eq!(names(&api.get(MAPS).await.ok()), ["a", "b", "bb", "c", "e"]);
}

#[tokio::test]
async fn a_list_may_be_asked_of_a_version() {
    let api = Api::new();
    let first = api.map("a", json!({})).await;
    api.map("b", json!({})).await;
    let version = first["metadata"]["resourceVersion"].as_str().unwrap();
    let at = |more: &str| format!("{MAPS}?resourceVersion={version}{more}");
    let exact = api.get(&at("&resourceVersionMatch=Exact")).await.ok();
    assert_eq!(
        (names(&exact), &exact["metadata"]["resourceVersion"]),
        (vec!["a"], &json!(version))
    );
    assert_eq!(names(&api.get(&at("&limit=5")).await.ok()), ["a"]);
    assert_eq!(names(&api.get(&at("")).await.ok()), ["a", "b"]);
    assert_eq!(names(&api.get(&format!("{MAPS}?resourceVersion=0")).await.ok()), ["a", "b"]);
    let future = api.get(&format!("{MAPS}?resourceVersion=999999")).await;
    future.refused(504, "Timeout");
}

#[tokio::test]
async fn what_has_expired_says_how_to_go_on() {
    let api = Api::new();
    for name in ["a", "b", "c"] {
        api.map(name, json!({})).await;
    }
    let first = api.get(&format!("{MAPS}?limit=1")).await.ok();
    let token = first["metadata"]["continue"].as_str().unwrap();
    // More changes than are kept: one namespace's label, over and over, in the store itself.
    api.server
        .store()
        .write(|store| {
            let key =
                crate::kube::resource::Key::new(&crate::kube::resource::NAMESPACE, "", "toygres");
            let namespace = serde_json::Value::clone(store.state().get(&key).unwrap());
            (0..10_001).try_for_each(|_| store.put(key.resource, namespace.clone()).map(|_| ()))
        })
        .unwrap();
    let expired = api.get(&format!("{MAPS}?limit=1&continue={token}")).await;
    let status = expired.refused(410, "Expired");
    let token = status["metadata"]["continue"].as_str().unwrap();
    let rest = api.get(&format!("{MAPS}?continue={token}")).await.ok();
    assert_eq!(names(&rest), ["b", "c"]);
    let old = api.get(&format!("{MAPS}?resourceVersion=5&resourceVersionMatch=Exact")).await;
    old.refused(410, "Expired");
    let watch = api.get(&format!("{MAPS}?watch=true&resourceVersion=5")).await.ok();
    assert_eq!((&watch["type"], &watch["object"]["code"]), (&json!("ERROR"), &json!(410)));
}

#[tokio::test]
async fn lists_cross_namespaces_in_order() {
    let api = Api::new();
    for namespace in ["default", "kube-system"] {
        for name in ["b", "a"] {
            let path = format!("/api/v1/namespaces/{namespace}/configmaps");
            api.post(&path, &json!({"metadata": {"name": name}})).await.ok();
        }
    }
    api.map("aa", json!({"x": "1"})).await;
    let all = api.get("/api/v1/configmaps").await.ok();
    assert_eq!(names(&all), ["a", "b", "a", "b", "aa"]);
    assert!(all["items"][0].get("kind").is_none(), "the list says it");
    let some = api.get("/api/v1/configmaps?fieldSelector=metadata.namespace%3Ddefault").await.ok();
    assert_eq!(names(&some), ["a", "b"]);
    assert_eq!(names(&api.get("/api/v1/configmaps?labelSelector=x").await.ok()), ["aa"]);
    let none = api.get("/api/v1/namespaces/nowhere/configmaps").await.ok();
    assert_eq!(names(&none), [""; 0]);
}
