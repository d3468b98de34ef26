use super::{Api, MAPS, SETS, read, set};
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

#[tokio::test]
async fn without_the_token_nothing_is_answered_but_that_it_lives() {
    let api = Api::new();
    for path in ["/api", "/apis", MAPS, "/nowhere"] {
        for token in [None, Some("Bearer wrong"), Some("secret")] {
            let mut request = Request::builder().uri(path);
            if let Some(token) = token {
                request = request.header("authorization", token);
            }
            let answer = api.raw(request.body(Body::empty()).unwrap()).await;
            assert_eq!(answer.headers()["www-authenticate"], "Bearer");
            read(answer).await.refused(401, "Unauthorized");
        }
    }
    for path in ["/healthz", "/livez", "/readyz", "/version"] {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        assert_eq!(api.raw(request).await.status(), 200, "{path}");
    }
}

#[tokio::test]
async fn what_is_not_there_and_what_is_not_done() {
    let api = Api::new();
    api.get("/nowhere").await.refused(404, "NotFound");
    api.get("/api/v1/namespaces/toygres/deployments").await.refused(404, "NotFound");
    api.get(&format!("{MAPS}/a")).await.refused(404, "NotFound");
    api.merge(&format!("{MAPS}/a"), &json!({})).await.refused(404, "NotFound");
    api.put("/api/v1/configmaps", &json!({})).await.refused(405, "MethodNotAllowed");
    api.post("/api/v1/configmaps", &json!({})).await.refused(405, "MethodNotAllowed");
    api.post("/api", &json!({})).await.refused(405, "MethodNotAllowed");
    api.post("/version", &json!({})).await.refused(405, "MethodNotAllowed");
    api.post("/api/v1/namespaces/none/configmaps", &json!({"metadata": {"name": "a"}}))
        .await
        .refused(404, "NotFound");
}

#[tokio::test]
async fn bodies_that_cannot_be_read() {
    let api = Api::new();
    for body in ["{", "[1]", "7", "{\"metadata\": 5}"] {
        api.send("POST", MAPS, "application/json", body).await.refused(400, "BadRequest");
    }
    let other = json!({"kind": "Secret", "metadata": {"name": "a"}});
    api.post(MAPS, &other).await.refused(400, "BadRequest");
    api.send("POST", MAPS, "text/plain", "a").await.refused(415, "UnsupportedMediaType");
    let map = "kind: ConfigMap\nmetadata: {name: yaml}\ndata: {a: '1'}\n";
    assert_eq!(api.send("POST", MAPS, "application/yaml", map).await.ok()["data"]["a"], "1");
    let path = format!("{MAPS}/yaml");
    let apply = api.send("PATCH", &path, "application/apply-patch+yaml", map).await;
    apply.refused(415, "UnsupportedMediaType");
    let large = json!({"metadata": {"name": "a"}, "data": {"a": "x".repeat(3 << 20)}});
    api.post(MAPS, &large).await.refused(413, "RequestEntityTooLarge");
}

#[tokio::test]
async fn versions_protect_from_changes_in_between() {
    let api = Api::new();
    let first = api.map("a", json!({})).await;
    let path = format!("{MAPS}/a");
    let mut second = first.clone();
    second["data"]["a"] = "2".into();
    let second = api.put(&path, &second).await.ok();
    assert_ne!(first["metadata"]["resourceVersion"], second["metadata"]["resourceVersion"]);
    api.put(&path, &first).await.refused(409, "Conflict");
    // What changes nothing has no new version.
    assert_eq!(api.put(&path, &second).await.ok(), second);
    // Without a version, whatever is there is replaced.
    let mut third = first.clone();
    third["metadata"].as_object_mut().unwrap().remove("resourceVersion");
    assert_eq!(api.put(&path, &third).await.ok()["data"]["a"], "1");
    third["metadata"]["uid"] = "another".into();
    api.put(&path, &third).await.refused(409, "Conflict");
    api.post(MAPS, &json!({"metadata": {"name": "a"}})).await.refused(409, "AlreadyExists");
    third["metadata"] = json!({"name": "b"});
    api.put(&path, &third).await.refused(400, "BadRequest");
}

#[tokio::test]
async fn generations_count_changes_of_the_spec() {
    let api = Api::new();
    let generation = |set: &Value| set["metadata"]["generation"].as_i64().unwrap();
    assert_eq!(generation(&api.post(SETS, &set("a")).await.ok()), 1);
    let path = format!("{SETS}/a");
    let labelled = api.merge(&path, &json!({"metadata": {"labels": {"a": "b"}}})).await.ok();
    assert_eq!(generation(&labelled), 1);
    let scaled = api.merge(&path, &json!({"spec": {"replicas": 3}})).await.ok();
    assert_eq!(generation(&scaled), 2);
    let status = json!({"spec": {"replicas": 9}, "status": {"readyReplicas": 3}});
    let status = api.merge(&format!("{path}/status"), &status).await.ok();
    assert_eq!((generation(&status), &status["spec"]["replicas"]), (2, &json!(3)));
    let scale = api.merge(&format!("{path}/scale"), &json!({"spec": {"replicas": 4}})).await.ok();
    assert_eq!(scale["spec"]["replicas"], 4);
    let whole = api.get(&path).await.ok();
    assert_eq!((generation(&whole), &whole["status"]["readyReplicas"]), (3, &json!(3)));
    let frozen = api.merge(&path, &json!({"spec": {"serviceName": "x"}})).await;
    assert_eq!(frozen.refused(422, "Invalid")["details"]["causes"][0]["field"], "spec");
    let mut stale = scale;
    stale["metadata"]["resourceVersion"] = "1".into();
    api.put(&format!("{path}/scale"), &stale).await.refused(409, "Conflict");
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let api = Api::new();
    let map = json!({"metadata": {"generateName": "a-"}});
    let made = api.post(&format!("{MAPS}?dryRun=All"), &map).await.ok();
    assert_eq!(made["metadata"]["name"].as_str().unwrap().len(), 7);
    api.map("a", json!({})).await;
    let path = format!("{MAPS}/a?dryRun=All");
    assert_eq!(api.merge(&path, &json!({"data": {"b": "2"}})).await.ok()["data"]["b"], "2");
    api.delete(&path, &json!({})).await.ok();
    assert_eq!(api.get(MAPS).await.ok()["items"].as_array().unwrap().len(), 1);
    assert_eq!(api.get(&format!("{MAPS}/a")).await.ok()["data"], json!({"a": "1"}));
}

#[tokio::test]
async fn unknown_fields_are_dropped_warned_of_or_refused() {
    let api = Api::new();
    let odd = |name: &str| json!({"metadata": {"name": name, "colour": "red"}, "dato": {}});
    let warned = api.post(MAPS, &odd("a")).await;
    assert_eq!(warned.warnings.len(), 2, "{:?}", warned.warnings);
    assert!(warned.warnings[0].contains("metadata.colour"), "{:?}", warned.warnings);
    assert!(warned.body.get("dato").is_none());
    let strict = format!("{MAPS}?fieldValidation=Strict");
    let refused = api.post(&strict, &odd("b")).await.refused(400, "BadRequest");
    assert!(refused["message"].as_str().unwrap().contains("unknown field \"dato\""));
    api.get(&format!("{MAPS}/b")).await.refused(404, "NotFound");
    let ignored = api.post(&format!("{MAPS}?fieldValidation=Ignore"), &odd("c")).await;
    assert!(ignored.warnings.is_empty());
    let path = format!("{MAPS}/a?fieldValidation=Strict");
    api.merge(&path, &json!({"dato": {"a": "b"}})).await.refused(400, "BadRequest");
}

#[tokio::test]
async fn all_is_there_after_a_restart() {
    let api = Api::new();
    let made = api.map("a", json!({"x": "y"})).await;
    api.post(SETS, &set("s")).await.ok();
    let before = api.get("/api/v1/configmaps").await.ok();
    let api = api.reopened();
    assert_eq!(api.get(&format!("{MAPS}/a")).await.ok(), made);
    assert_eq!(api.get("/api/v1/configmaps").await.ok(), before);
    // A watch goes on where it was.
    let version = before["metadata"]["resourceVersion"].as_str().unwrap();
    let path = format!("{MAPS}?watch=1&timeoutSeconds=1&resourceVersion={version}");
    assert_eq!(api.get(&path).await.code, 200);
}
