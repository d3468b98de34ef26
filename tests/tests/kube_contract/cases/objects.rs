//! Making, reading, listing and deleting; and what the server writes into every object.

use crate::Scope;
use crate::scope::{stateful_set, text};
use futures_util::future::join_all;
use serde_json::{Value, json};

/// Every kind that the control plane, drift and kubectl touch: its path, its kind, and one of it.
fn kinds(namespace: &str) -> Vec<(&'static str, &'static str, Value)> {
    let meta = |name: &str| json!({ "name": name, "labels": { "of": "contract" } });
    let mut set = stateful_set("thing");
    set["metadata"] = meta("thing");
    vec![
        ("configmaps", "ConfigMap", json!({ "metadata": meta("thing"), "data": { "a": "1" } })),
        ("secrets", "Secret", json!({ "metadata": meta("thing"), "data": { "a": "MQ==" } })),
        (
            "services",
            "Service",
            json!({ "metadata": meta("thing"), "spec": { "ports": [{ "port": 5432 }] } }),
        ),
        ("persistentvolumeclaims", "PersistentVolumeClaim", claim("thing")),
        (
            "pods",
            "Pod",
            json!({ "metadata": meta("thing"), "spec": {
                "containers": [{ "name": "a", "image": "image" }],
            } }),
        ),
        (
            "events",
            "Event",
            json!({
                "metadata": meta("thing"), "type": "Warning", "reason": "Tried", "message": "it did",
                "involvedObject": { "kind": "Pod", "name": "thing", "namespace": namespace },
            }),
        ),
        ("apps/statefulsets", "StatefulSet", set),
        (
            "networking.k8s.io/networkpolicies",
            "NetworkPolicy",
            json!({ "metadata": meta("thing"), "spec": { "podSelector": {} } }),
        ),
    ]
}

/// A claim of one gibibyte.
pub(super) fn claim(name: &str) -> Value {
    json!({
        "metadata": { "name": name, "labels": { "of": "contract" } },
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": { "requests": { "storage": "1Gi" } },
        },
    })
}

pub(crate) async fn every_kind_is_made_read_listed_and_deleted(at: &Scope) {
    for (of, kind, object) in kinds(&at.namespace) {
        let path = at.path(of);
        let one = format!("{path}/thing");
        at.get(&one).await.refused(404, "NotFound");
        let made = at.post(&path, &object).await.code(201);
        assert_eq!(made["kind"], kind);
        let group = made["apiVersion"].as_str().unwrap().rsplit_once('/').map_or("", |it| it.0);
        assert_eq!(group, of.split_once('/').map_or("", |it| it.0));
        assert_eq!(made["metadata"]["name"], "thing");
        assert_eq!(made["metadata"]["namespace"], at.namespace.as_str());
        assert_eq!(made["metadata"]["labels"], json!({ "of": "contract" }));

        let read = at.get(&one).await.code(200);
        assert_eq!(read["kind"], kind);
        for field in ["uid", "creationTimestamp", "name"] {
            assert_eq!(read["metadata"][field], made["metadata"][field], "{kind}");
        }

        let list = at.get(&format!("{path}?labelSelector=of%3Dcontract")).await.code(200);
        assert_eq!(list["kind"], format!("{kind}List"));
        assert_eq!(list["apiVersion"], made["apiVersion"]);
        assert!(!text(&list["metadata"]["resourceVersion"]).is_empty());
        let items = list["items"].as_array().unwrap();
        assert_eq!(items.len(), 1, "{list:#}");
        assert_eq!(items[0]["metadata"]["uid"], made["metadata"]["uid"]);

        // Of all namespaces: the same, and perhaps those of other cases.
        let (start, end) = path.split_once("/namespaces/").unwrap();
        let everywhere = format!("{start}/{}", end.split_once('/').unwrap().1);
        let list = at.get(&everywhere).await.code(200);
        let uid = &made["metadata"]["uid"];
        let has = list["items"].as_array().unwrap().iter().any(|it| it["metadata"]["uid"] == *uid);
        assert!(has, "{kind} is not in {everywhere}");

        at.delete(&one).await.code(200);
        at.until_gone(&one).await;
        at.delete(&one).await.refused(404, "NotFound");
        assert_eq!(at.names(&format!("{path}?labelSelector=of%3Dcontract")).await, [""; 0]);
    }
}

pub(crate) async fn a_namespace_comes_and_goes(at: &Scope) {
    let name = format!("{}-more", at.namespace);
    let path = format!("/api/v1/namespaces/{name}");
    let inside = format!("{path}/configmaps");
    at.get(&path).await.refused(404, "NotFound");
    let map = json!({ "metadata": { "name": "a" } });
    at.post(&inside, &map).await.refused(404, "NotFound");
    // An empty namespace and one that is not there look the same to a list.
    assert_eq!(at.names(&inside).await, [""; 0]);

    let made = at.post("/api/v1/namespaces", &json!({ "metadata": { "name": name } })).await;
    let made = made.code(201);
    assert_eq!(made["kind"], "Namespace");
    assert_eq!(made["status"]["phase"], "Active");
    at.post(&inside, &map).await.code(201);
    let listed = at.names("/api/v1/namespaces").await;
    assert!(listed.contains(&name), "{listed:?}");

    at.delete(&path).await.code(200);
    at.until_gone(&path).await;
    at.get(&format!("{inside}/a")).await.refused(404, "NotFound");
}

pub(crate) async fn a_name_is_generated(at: &Scope) {
    let path = at.path("configmaps");
    let map = json!({ "metadata": { "generateName": "made-" } });
    let first = at.post(&path, &map).await.code(201);
    let second = at.post(&path, &map).await.code(201);
    let (first, second) = (text(&first["metadata"]["name"]), text(&second["metadata"]["name"]));
    assert_ne!(first, second);
    for name in [first, second] {
        let generated = name.strip_prefix("made-").unwrap();
        assert_eq!(generated.len(), 5, "{name}");
        assert!(generated.chars().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit()));
        at.get(&format!("{path}/{name}")).await.code(200);
    }
}

pub(crate) async fn what_the_server_sets_is_the_servers(at: &Scope) {
    let map = json!({ "metadata": {
        "name": "a", "uid": "mine", "creationTimestamp": "2001-01-01T00:00:00Z", "generation": 7,
    } });
    let made = at.post(&at.path("configmaps"), &map).await.code(201);
    let metadata = &made["metadata"];
    let uid = text(&metadata["uid"]);
    assert_eq!(uid.len(), 36, "{uid}");
    assert!(uid.chars().all(|it| it.is_ascii_hexdigit() || it == '-'), "{uid}");
    let created = text(&metadata["creationTimestamp"]);
    assert!(
        created.ends_with('Z') && created.len() == 20 && created.as_str() > "2025",
        "{created}"
    );
    assert!(text(&metadata["resourceVersion"]).parse::<u64>().unwrap() > 0);

    // They cannot be changed either.
    let path = at.path("configmaps/a");
    let change = json!({ "metadata": { "creationTimestamp": "2001-01-01T00:00:00Z" } });
    let changed = at.patch(&path, crate::scope::MERGE, &change).await.code(200);
    assert_eq!(changed["metadata"]["creationTimestamp"], created);
    let mut other = made.clone();
    other["metadata"]["uid"] = "00000000-0000-0000-0000-000000000000".into();
    at.put(&path, &other).await.refused(409, "Conflict");
    let mut renamed = made.clone();
    renamed["metadata"]["name"] = "b".into();
    at.put(&path, &renamed).await.refused(400, "BadRequest");
    let mut moved = made;
    moved["metadata"]["namespace"] = "default".into();
    at.put(&path, &moved).await.refused(400, "BadRequest");
    at.post(&at.path("configmaps"), &moved).await.refused(400, "BadRequest");
}

pub(crate) async fn a_version_moves_with_every_change_and_a_generation_with_the_spec(at: &Scope) {
    let version = |object: &Value| text(&object["metadata"]["resourceVersion"]);
    let path = at.path("apps/statefulsets/a");
    let made = at.stateful_set("a").await;
    assert_eq!(made["metadata"]["generation"], 1);

    let label = json!({ "metadata": { "labels": { "a": "b" } } });
    let labelled = at.patch(&path, crate::scope::MERGE, &label).await.code(200);
    assert_eq!(labelled["metadata"]["generation"], 1);
    assert_ne!(version(&labelled), version(&made));

    let spec = json!({ "spec": { "template": { "metadata": { "annotations": { "a": "b" } } } } });
    let changed = at.patch(&path, crate::scope::MERGE, &spec).await.code(200);
    assert_eq!(changed["metadata"]["generation"], 2);
    assert_ne!(version(&changed), version(&labelled));
    assert_eq!(changed["metadata"]["uid"], made["metadata"]["uid"]);
    at.until(&path, |set| set["status"]["observedGeneration"] == 2).await;
}

pub(crate) async fn what_is_not_changed_keeps_its_version(at: &Scope) {
    let made = at.config_map("a", json!({ "a": "b" })).await;
    let path = at.path("configmaps/a");
    let version = &made["metadata"]["resourceVersion"];
    let same = at.put(&path, &made).await.code(200);
    assert_eq!(same["metadata"]["resourceVersion"], *version);
    let nothing = json!({ "data": { "a": "1" } });
    let same = at.patch(&path, crate::scope::MERGE, &nothing).await.code(200);
    assert_eq!(same["metadata"]["resourceVersion"], *version);
    // Who names no version has the last word.
    let mut change = made.clone();
    change["metadata"].as_object_mut().unwrap().remove("resourceVersion");
    change["data"] = json!({ "a": "2" });
    let changed = at.put(&path, &change).await.code(200);
    assert_ne!(changed["metadata"]["resourceVersion"], *version);
    assert_eq!(changed["data"], json!({ "a": "2" }));
}

pub(crate) async fn string_data_of_a_secret_becomes_data(at: &Scope) {
    let secret = json!({
        "metadata": { "name": "a" },
        "data": { "kept": "a2VwdA==", "covered": "b2xk" },
        "stringData": { "covered": "new", "more": "grün" },
    });
    let made = at.post(&at.path("secrets"), &secret).await.code(201);
    let data = json!({ "kept": "a2VwdA==", "covered": "bmV3", "more": "Z3LDvG4=" });
    assert_eq!(made["data"], data);
    assert!(made.get("stringData").is_none(), "{made:#}");
    let path = at.path("secrets/a");
    assert_eq!(at.get(&path).await.code(200)["data"], data);

    let change = json!({ "stringData": { "more": "x" } });
    let changed = at.patch(&path, crate::scope::MERGE, &change).await.code(200);
    assert_eq!(changed["data"], json!({ "kept": "a2VwdA==", "covered": "bmV3", "more": "eA==" }));
    let bad = json!({ "metadata": { "name": "b" }, "data": { "a": "no base64!" } });
    at.post(&at.path("secrets"), &bad).await.refused(400, "BadRequest");
}

pub(crate) async fn what_no_kind_has_is_dropped(at: &Scope) {
    let map = json!({ "metadata": { "name": "a", "odd": 1 }, "odd": 1, "data": { "a": "1" } });
    let made = at.post(&at.path("configmaps"), &map).await.code(201);
    assert!(made.get("odd").is_none() && made["metadata"].get("odd").is_none(), "{made:#}");
    let mut set = stateful_set("a");
    set["spec"]["odd"] = json!(1);
    set["spec"]["template"]["spec"]["containers"][0]["odd"] = json!(1);
    let made = at.post(&at.path("apps/statefulsets"), &set).await.code(201);
    assert!(made["spec"].get("odd").is_none(), "{made:#}");
    assert!(made["spec"]["template"]["spec"]["containers"][0].get("odd").is_none(), "{made:#}");
    let change = json!({ "spec": { "odd": 2 } });
    let changed = at.patch(&at.path("apps/statefulsets/a"), crate::scope::MERGE, &change).await;
    assert!(changed.code(200)["spec"].get("odd").is_none());
}

/// How many write at the same time.
const WRITERS: usize = 8;

pub(crate) async fn of_many_makers_one_succeeds(at: &Scope) {
    let map = json!({ "metadata": { "name": "a" } });
    let maps = at.path("configmaps");
    let answers = join_all((0..WRITERS).map(|_| at.post(&maps, &map))).await;
    let made = answers.iter().filter(|answer| answer.code == 201).count();
    assert_eq!(made, 1, "{answers:#?}");
    let taken = answers.iter().filter(|answer| answer.body["reason"] == "AlreadyExists").count();
    assert_eq!(taken, WRITERS - 1, "{answers:#?}");
}

pub(crate) async fn of_many_writers_no_change_is_lost(at: &Scope) {
    at.config_map("a", json!({})).await;
    let path = at.path("configmaps/a");
    let count = async || {
        // Read, add one, write; again where somebody was faster.
        let write = || async {
            let mut map = at.get(&path).await.code(200);
            let count: u64 = text(&map["data"]["a"]).parse().unwrap();
            map["data"]["a"] = (count + 1).to_string().into();
            let answer = at.put(&path, &map).await;
            (answer.code != 409).then(|| answer.code(200))
        };
        crate::scope::until("a write without a conflict", write).await
    };
    join_all((0..WRITERS).map(|_| count())).await;
    assert_eq!(at.get(&path).await.code(200)["data"]["a"], (WRITERS + 1).to_string());
}
