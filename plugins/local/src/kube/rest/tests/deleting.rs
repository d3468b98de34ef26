use super::{Api, CLAIMS, MAPS, PODS, SETS, names, pod, set};
use serde_json::{Value, json};

fn owned(mut object: Value, owner: &Value) -> Value {
    object["metadata"]["ownerReferences"] = json!([{
        "apiVersion": owner["apiVersion"], "kind": owner["kind"],
        "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"],
    }]);
    object
}

#[tokio::test]
async fn finalizers_hold_an_object() {
    let api = Api::new();
    let map = json!({"metadata": {"name": "a", "finalizers": ["toygres.dev/x"]}});
    api.post(MAPS, &map).await.ok();
    let path = format!("{MAPS}/a");
    let going = api.delete(&path, &json!({})).await.ok();
    assert!(going["metadata"]["deletionTimestamp"].is_string());
    assert_eq!(api.delete(&path, &json!({})).await.ok(), going, "a second time changes nothing");
    let again = api.post(MAPS, &map).await.refused(409, "AlreadyExists");
    assert!(again["message"].as_str().unwrap().starts_with("object is being deleted"));
    let more = json!({"metadata": {"finalizers": ["toygres.dev/x", "toygres.dev/y"]}});
    api.merge(&path, &more).await.refused(422, "Invalid");
    api.merge(&path, &json!({"metadata": {"finalizers": null}})).await.ok();
    api.get(&path).await.refused(404, "NotFound");
}

#[tokio::test]
async fn a_pod_on_a_machine_is_given_time() {
    let api = Api::new();
    api.post(PODS, &pod("a")).await.ok();
    let path = format!("{PODS}/a");
    let going = api.delete(&path, &json!({})).await.ok();
    assert_eq!(going["metadata"]["deletionGracePeriodSeconds"], 30);
    api.get(&path).await.ok();
    let less = api.delete(&path, &json!({"gracePeriodSeconds": 5})).await.ok();
    assert_eq!(less["metadata"]["deletionGracePeriodSeconds"], 5);
    let more = api.delete(&path, &json!({"gracePeriodSeconds": 50})).await.ok();
    assert_eq!(more, less);
    // Changes meanwhile do not end it.
    api.merge(&path, &json!({"metadata": {"labels": {"a": "b"}}})).await.ok();
    api.get(&path).await.ok();
    let last = api.delete(&format!("{path}?gracePeriodSeconds=0"), &json!({})).await.ok();
    assert_eq!(last["kind"], "Pod");
    api.get(&path).await.refused(404, "NotFound");

    let mut waiting = pod("b");
    waiting["spec"].as_object_mut().unwrap().remove("nodeName");
    api.post(PODS, &waiting).await.ok();
    api.delete(&format!("{PODS}/b"), &json!({})).await.ok();
    api.get(&format!("{PODS}/b")).await.refused(404, "NotFound");
}

#[tokio::test]
async fn what_an_owner_leaves_goes_too() {
    let api = Api::new();
    let owner = api.post(SETS, &set("s")).await.ok();
    let map = |name: &str| json!({"metadata": {"name": name}});
    api.post(MAPS, &owned(map("a"), &owner)).await.ok();
    let mut shared = owned(map("shared"), &owner);
    let other = api.map("other", json!({})).await;
    let second = owned(map(""), &other)["metadata"]["ownerReferences"][0].clone();
    shared["metadata"]["ownerReferences"].as_array_mut().unwrap().push(second);
    api.post(MAPS, &shared).await.ok();
    let status = api.delete(&format!("{SETS}/s"), &json!({})).await.ok();
    assert_eq!(
        (&status["status"], &status["details"]["kind"]),
        (&json!("Success"), &json!("statefulsets"))
    );
    let left = api.get(MAPS).await.ok();
    assert_eq!(names(&left), ["other", "shared"]);
    let owners = &left["items"][1]["metadata"]["ownerReferences"];
    assert_eq!(owners.as_array().unwrap().len(), 1);
    // Who names an owner that is gone goes at once.
    api.post(MAPS, &owned(map("late"), &owner)).await.ok();
    api.get(&format!("{MAPS}/late")).await.refused(404, "NotFound");
}

#[tokio::test]
async fn an_owner_waits_in_the_foreground_and_lets_orphans_be() {
    let api = Api::new();
    let owner = api.post(SETS, &set("s")).await.ok();
    api.post(PODS, &owned(pod("s-0"), &owner)).await.ok();
    let foreground = json!({"propagationPolicy": "Foreground"});
    api.delete(&format!("{SETS}/s"), &foreground).await.ok();
    let going = api.get(&format!("{SETS}/s")).await.ok();
    assert_eq!(going["metadata"]["finalizers"], json!(["foregroundDeletion"]));
    let pod_path = format!("{PODS}/s-0");
    assert!(api.get(&pod_path).await.ok()["metadata"]["deletionTimestamp"].is_string());
    api.delete(&pod_path, &json!({"gracePeriodSeconds": 0})).await.ok();
    api.get(&format!("{SETS}/s")).await.refused(404, "NotFound");

    let owner = api.post(SETS, &set("t")).await.ok();
    api.post(PODS, &owned(pod("t-0"), &owner)).await.ok();
    api.delete(&format!("{SETS}/t"), &json!({"propagationPolicy": "Orphan"})).await.ok();
    api.get(&format!("{SETS}/t")).await.refused(404, "NotFound");
    let orphan = api.get(&format!("{PODS}/t-0")).await.ok();
    assert!(orphan["metadata"].get("ownerReferences").is_none());
    assert!(orphan["metadata"].get("deletionTimestamp").is_none());
    let odd = json!({"propagationPolicy": "Sideways"});
    api.delete(&pod_path, &odd).await.refused(422, "Invalid");
}

#[tokio::test]
async fn a_claim_waits_for_its_pod() {
    let api = Api::new();
    let claim = |name: &str| {
        json!({"metadata": {"name": name}, "spec": {
            "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1024Mi"}},
        }})
    };
    let made = api.post(CLAIMS, &claim("free")).await.ok();
    assert_eq!(made["metadata"]["finalizers"], json!(["kubernetes.io/pvc-protection"]));
    assert_eq!(made["spec"]["resources"]["requests"]["storage"], "1Gi");
    assert_eq!(made["spec"]["storageClassName"], "local");
    api.delete(&format!("{CLAIMS}/free"), &json!({})).await.ok();
    api.get(&format!("{CLAIMS}/free")).await.refused(404, "NotFound");

    api.post(CLAIMS, &claim("used")).await.ok();
    // It grows where its class lets it, and the one there is does not.
    let path = format!("{CLAIMS}/used");
    let larger = json!({"spec": {"resources": {"requests": {"storage": "2Gi"}}}});
    api.merge(&path, &larger).await.refused(422, "Invalid");
    api.merge(&format!("{path}/status"), &json!({"status": {"phase": "Bound"}})).await.ok();
    api.merge(&path, &larger).await.refused(403, "Forbidden");
    let class = "/apis/storage.k8s.io/v1/storageclasses/local";
    api.merge(class, &json!({"allowVolumeExpansion": true})).await.ok();
    api.merge(&path, &larger).await.ok();
    let mut user = pod("p");
    user["spec"]["volumes"] =
        json!([{"name": "v", "persistentVolumeClaim": {"claimName": "used"}}]);
    api.post(PODS, &user).await.ok();
    api.delete(&format!("{CLAIMS}/used"), &json!({})).await.ok();
    assert!(
        api.get(&format!("{CLAIMS}/used")).await.ok()["metadata"]["deletionTimestamp"].is_string()
    );
    api.delete(&format!("{PODS}/p"), &json!({"gracePeriodSeconds": 0})).await.ok();
    api.get(&format!("{CLAIMS}/used")).await.refused(404, "NotFound");
}

#[tokio::test]
async fn a_namespace_takes_all_with_it() {
    let api = Api::new();
    let spaces = "/api/v1/namespaces";
    api.post(spaces, &json!({"metadata": {"name": "x"}})).await.ok();
    let pods = format!("{spaces}/x/pods");
    api.post(&format!("{spaces}/x/configmaps"), &json!({"metadata": {"name": "a"}})).await.ok();
    api.post(&pods, &pod("p")).await.ok();
    let going = api.delete(&format!("{spaces}/x"), &json!({})).await.ok();
    assert_eq!(going["status"]["phase"], "Terminating");
    assert_eq!(names(&api.get(&format!("{spaces}/x/configmaps")).await.ok()), [""; 0]);
    let late = api.post(&pods, &pod("q")).await.refused(403, "Forbidden");
    assert_eq!(late["details"]["causes"][0]["reason"], "NamespaceTerminating");
    // It goes on after a restart.
    let api = api.reopened();
    api.delete(&format!("{pods}/p"), &json!({"gracePeriodSeconds": 0})).await.ok();
    api.get(&format!("{spaces}/x")).await.refused(404, "NotFound");
    api.delete(&format!("{spaces}/default"), &json!({})).await.refused(403, "Forbidden");
}

#[tokio::test]
async fn preconditions_and_collections() {
    let api = Api::new();
    let made = api.map("a", json!({"x": "1"})).await;
    api.map("b", json!({"x": "1"})).await;
    api.map("c", json!({"x": "2"})).await;
    let path = format!("{MAPS}/a");
    for wrong in [json!({"uid": "other"}), json!({"resourceVersion": "1"})] {
        let options = json!({"preconditions": wrong});
        api.delete(&path, &options).await.refused(409, "Conflict");
    }
    let right = json!({"preconditions": {
        "uid": made["metadata"]["uid"], "resourceVersion": made["metadata"]["resourceVersion"],
    }});
    api.delete(&path, &right).await.ok();
    let gone = api.delete(&format!("{MAPS}?labelSelector=x%3D1"), &json!({})).await.ok();
    assert_eq!(names(&gone), ["b"]);
    assert_eq!(names(&api.get(MAPS).await.ok()), ["c"]);
    api.delete("/api/v1/configmaps", &json!({})).await.refused(405, "MethodNotAllowed");
}
