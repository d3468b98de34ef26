use super::{Api, MAPS, names};
use serde_json::json;

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

#[tokio::test]
async fn tables_have_rows_and_what_stands_behind_them() {
    let api = Api::new();
    api.map("a", json!({})).await;
    let table = api.accepting(MAPS, TABLE).await.ok();
    assert_eq!((&table["kind"], &table["apiVersion"]), (&json!("Table"), &json!("meta.k8s.io/v1")));
    let titles: Vec<_> = table["columnDefinitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| column["name"].as_str().unwrap())
        .collect();
    assert_eq!(titles, ["Name", "Data", "Age"]);
    assert_eq!(table["rows"][0]["cells"][0], "a");
    assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    assert!(table["rows"][0]["object"].get("data").is_none());
    let whole = api.accepting(&format!("{MAPS}?includeObject=Object"), TABLE).await.ok();
    assert_eq!(whole["rows"][0]["object"]["data"]["a"], "1");
    let none = api.accepting(&format!("{MAPS}/a?includeObject=None"), TABLE).await.ok();
    assert!(none["rows"][0].get("object").is_none());
    api.accepting(&format!("{MAPS}?includeObject=Some"), TABLE).await.refused(400, "BadRequest");
}

#[tokio::test]
async fn metadata_alone_and_yaml() {
    let api = Api::new();
    api.map("a", json!({"x": "y"})).await;
    let accept = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
    let list = api.accepting(MAPS, accept).await.ok();
    assert_eq!(list["kind"], "PartialObjectMetadataList");
    assert_eq!(names(&list), ["a"]);
    assert!(list["items"][0].get("data").is_none());
    let yaml = api.accepting(&format!("{MAPS}/a"), "application/yaml").await;
    assert_eq!(yaml.media, "application/yaml");
    let text = yaml.body.as_str().unwrap().to_owned();
    assert!(text.contains("kind: ConfigMap"), "{text}");
    let sent = api.send("PUT", &format!("{MAPS}/a"), "application/yaml", text).await;
    assert_eq!(sent.ok()["metadata"]["labels"], json!({"x": "y"}));
    api.accepting(MAPS, "text/html").await.refused(406, "NotAcceptable");
}

#[tokio::test]
async fn discovery_names_what_is_served() {
    let api = Api::new();
    let groups = api.get("/apis").await.ok();
    for group in groups["groups"].as_array().unwrap() {
        let version = group["versions"][0]["groupVersion"].as_str().unwrap();
        let list = api.get(&format!("/apis/{version}")).await.ok();
        assert_eq!(list["groupVersion"], version);
        let one = api.get(&format!("/apis/{}", group["name"].as_str().unwrap())).await.ok();
        assert_eq!(one["kind"], "APIGroup");
    }
    let core = api.get("/api/v1").await.ok();
    for resource in core["resources"].as_array().unwrap() {
        let name = resource["name"].as_str().unwrap();
        if !name.contains('/') {
            // What is named is there.
            assert_eq!(api.get(&format!("/api/v1/{name}")).await.code, 200, "{name}");
        }
    }
    let description = api
        .accepting("/openapi/v2", "application/com.github.proto-openapi.spec.v2@v1.0+protobuf")
        .await;
    assert_eq!((description.code, description.media.as_str()), (200, "application/octet-stream"));
    assert_eq!(api.get("/openapi/v2").await.ok()["swagger"], "2.0");
    api.get("/openapi/v3").await.refused(404, "NotFound");
}

#[tokio::test]
async fn whoever_asks_may() {
    let api = Api::new();
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let question = json!({"spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}});
    let answer = api.post(path, &question).await;
    assert_eq!(answer.code, 201);
    assert_eq!(answer.body["status"]["allowed"], true);
    assert_eq!(answer.body["spec"], question["spec"]);
    let path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
    let answer = api.post(path, &json!({"spec": {"namespace": "toygres"}})).await.ok();
    assert_eq!(answer["status"]["resourceRules"][0]["verbs"], json!(["*"]));
    api.get(path).await.refused(405, "MethodNotAllowed");
}
