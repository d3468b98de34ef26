//! What a server says of itself.

use crate::Scope;
use crate::scope::text;
use serde_json::{Value, json};

fn resource<'a>(list: &'a Value, name: &str) -> &'a Value {
    let resources = list["resources"].as_array().unwrap();
    let found = resources.iter().find(|it| it["name"] == name);
    found.unwrap_or_else(|| panic!("{name} is missing"))
}

pub(crate) async fn names_groups_versions_and_resources(at: &Scope) {
    let versions = at.get("/api").await.code(200);
    assert_eq!(versions["kind"], "APIVersions");
    assert_eq!(versions["versions"], json!(["v1"]));

    let groups = at.get("/apis").await.code(200);
    assert_eq!(groups["kind"], "APIGroupList");
    for name in ["apps", "networking.k8s.io", "authorization.k8s.io"] {
        let groups = groups["groups"].as_array().unwrap();
        let group = groups.iter().find(|it| it["name"] == name).unwrap();
        let version = json!({ "groupVersion": format!("{name}/v1"), "version": "v1" });
        assert_eq!(group["preferredVersion"], version);
        assert!(group["versions"].as_array().unwrap().contains(&version));
    }
    assert_eq!(at.get("/apis/apps").await.code(200)["name"], "apps");

    let core = at.get("/api/v1").await.code(200);
    assert_eq!(core["kind"], "APIResourceList");
    assert_eq!(core["groupVersion"], "v1");
    for (name, kind, namespaced, short) in [
        ("namespaces", "Namespace", false, json!(["ns"])),
        ("pods", "Pod", true, json!(["po"])),
        ("services", "Service", true, json!(["svc"])),
        ("secrets", "Secret", true, Value::Null),
        ("configmaps", "ConfigMap", true, json!(["cm"])),
        ("persistentvolumeclaims", "PersistentVolumeClaim", true, json!(["pvc"])),
        ("events", "Event", true, json!(["ev"])),
    ] {
        let resource = resource(&core, name);
        assert_eq!(resource["kind"], kind);
        assert_eq!(resource["namespaced"], namespaced);
        assert_eq!(resource["shortNames"], short, "{name}");
        for verb in ["create", "delete", "get", "list", "patch", "update", "watch"] {
            assert!(resource["verbs"].as_array().unwrap().contains(&verb.into()), "{name} {verb}");
        }
    }
    let apps = at.get("/apis/apps/v1").await.code(200);
    assert_eq!(apps["groupVersion"], "apps/v1");
    let sets = resource(&apps, "statefulsets");
    assert_eq!(sets["shortNames"], json!(["sts"]));
    assert_eq!(sets["categories"], json!(["all"]));
    resource(&apps, "statefulsets/status");
    assert_eq!(resource(&apps, "statefulsets/scale")["kind"], "Scale");
    let access = at.get("/apis/authorization.k8s.io/v1").await.code(200);
    assert_eq!(resource(&access, "selfsubjectaccessreviews")["verbs"], json!(["create"]));
}

pub(crate) async fn tells_the_version(at: &Scope) {
    let version = at.get("/version").await.code(200);
    assert_eq!(version["major"], "1");
    let minor = text(&version["minor"]);
    assert!(minor.trim_end_matches('+').parse::<u32>().is_ok(), "{minor}");
    let whole = text(&version["gitVersion"]);
    assert!(whole.starts_with(&format!("v1.{}", minor.trim_end_matches('+'))), "{whole}");
}

pub(crate) async fn answers_whether_it_is_ready(at: &Scope) {
    for path in ["/readyz", "/livez", "/healthz"] {
        let request = http::Request::get(path).body(Vec::new()).unwrap();
        assert_eq!(at.client.request_text(request).await.unwrap(), "ok", "{path}");
    }
}

pub(crate) async fn answers_what_one_may_do(at: &Scope) {
    let review = |verb: &str, group: &str, resource: &str| {
        let asked = json!({
            "namespace": at.namespace, "verb": verb, "group": group, "resource": resource,
        });
        json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": { "resourceAttributes": asked },
        })
    };
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    for (verb, group, resource) in
        [("create", "apps", "statefulsets"), ("get", "", "secrets"), ("delete", "", "pods")]
    {
        let asked = review(verb, group, resource);
        let answer = at.post(path, &asked).await.code(201);
        assert_eq!(answer["kind"], "SelfSubjectAccessReview");
        assert_eq!(answer["status"]["allowed"], true);
        assert_eq!(answer["spec"]["resourceAttributes"]["verb"], verb);
    }
}
