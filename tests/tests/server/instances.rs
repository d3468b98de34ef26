//! Instances through the API, and what the metrics tell of them.

use super::Served;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Barrier;
use toygres_tests::wait;

#[test]
fn of_concurrent_creates_of_one_name_exactly_one_is_done() {
    let Some(served) = Served::new(&[]) else { return };
    const MANY: usize = 24;
    let together = Barrier::new(MANY);
    let mut answers = Vec::new();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..MANY)
            .map(|_| {
                scope.spawn(|| {
                    let post = served.home.request("POST", "/api/instances");
                    together.wait();
                    post.json(r#"{"name":"wanted"}"#).send()
                })
            })
            .collect();
        answers.extend(threads.into_iter().map(|thread| thread.join().unwrap()));
    });
    let (made, refused): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|answer| answer.status == 202);
    assert_eq!(made.len(), 1, "{made:#?}");
    let k8s_name = made[0].json()["k8s_name"].as_str().unwrap().to_owned();
    assert!(made[0].head.contains(&format!("location: /api/instances/{k8s_name}")));
    for answer in &refused {
        assert_eq!((answer.status, answer.json()["code"].as_i64()), (409, Some(9)), "{answer:#?}");
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(message.contains(&k8s_name), "{message}");
    }
    assert_eq!(served.deployment.count("SELECT count(*) FROM toygres_cms.instances"), 1);
    served.deployment.reaches(&k8s_name, "running").unwrap();
}

#[test]
fn an_instance_lives_through_the_api() {
    let Some(served) = Served::new(&[]) else { return };
    let send = |method: &str, target: &str| served.home.request(method, target).send();
    assert_eq!(send("GET", "/api/instances").json(), json!([]));
    let body = json!({"name": "mydb", "storage_gb": 5, "tags": {"team": "data"}});
    let created = served.home.request("POST", "/api/instances").json(body.to_string()).send();
    assert_eq!(created.status, 202, "{created:#?}");
    let mut created = created.json();
    assert!(created["password"].as_str().is_some_and(|password| password.len() >= 16));
    created.as_object_mut().unwrap().remove("password");
    let k8s_name = created["k8s_name"].as_str().unwrap().to_owned();
    let listed = send("GET", "/api/instances").json();
    let got = send("GET", "/api/instances/mydb").json();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!((keys(&created), keys(&got)), (keys(&listed[0]), keys(&listed[0])));
    assert_eq!(send("GET", &format!("/api/instances/{k8s_name}")).json()["name"], "mydb");
    served.deployment.reaches(&k8s_name, "running").unwrap();

    let filtered = |query: &str| {
        send("GET", &format!("/api/instances?{query}")).json().as_array().unwrap().len()
    };
    assert_eq!((filtered("state=running"), filtered("state=failed")), (1, 0));
    let shown = send("GET", "/api/instances/mydb?show_password=true&progress=true").json();
    assert!(!shown["connection_string"].as_str().unwrap().contains("***"), "{shown}");
    assert!(!shown["progress"].as_array().unwrap().is_empty(), "{shown}");

    let deleting = send("DELETE", "/api/instances/mydb");
    assert_eq!((deleting.status, deleting.json()["state"].as_str()), (202, Some("deleting")));
    served.deployment.reaches(&k8s_name, "deleted").unwrap();
    assert_eq!((filtered(""), filtered("all=true")), (0, 1));
}

/// `name{labels}` → value, of a text that is well formed.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let mut families: BTreeMap<String, String> = BTreeMap::new();
    let mut found = BTreeMap::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(matches!(kind, "gauge" | "counter" | "histogram"), "{line}");
            assert!(families.insert(name.to_owned(), kind.to_owned()).is_none(), "twice: {line}");
            continue;
        }
        if let Some(rest) = line.strip_prefix("# HELP ") {
            assert!(rest.split_once(' ').is_some_and(|(_, help)| !help.is_empty()), "{line}");
            continue;
        }
        let (sample, value) = line.rsplit_once(' ').unwrap();
        let name = sample.split('{').next().unwrap();
        let family = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|suffix| name.strip_suffix(suffix))
            .filter(|family| families.get(*family).is_some_and(|kind| kind == "histogram"))
            .unwrap_or(name);
        assert!(families.contains_key(family), "no type: {line}");
        assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'), "{line}");
        if let Some(labels) = sample.strip_prefix(name).filter(|labels| !labels.is_empty()) {
            assert!(labels.starts_with('{') && labels.ends_with("\"}"), "{line}");
        }
        let value = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
        assert!(found.insert(sample.to_owned(), value).is_none(), "twice: {line}");
    }
    found
}

#[test]
fn metrics_count_what_there_is() {
    let Some(served) = Served::new(&[]) else { return };
    let metrics = || {
        let answer = served.home.request("GET", "/metrics").send();
        assert_eq!(answer.status, 200);
        assert!(answer.head.contains("text/plain; version=0.0.4"), "{answer:#?}");
        samples(&answer.body)
    };
    let before = metrics();
    assert_eq!(before["toygres_instances{state=\"running\"}"], 0.0);
    assert_eq!(before["toygres_build_info{version=\"0.1.0\"}"], 1.0);
    assert_eq!((before["toygres_ready"], before["toygres_figures_up"]), (1.0, 1.0));
    let created = served.home.request("POST", "/api/instances").json(r#"{"name":"m"}"#).send();
    let k8s_name = created.json()["k8s_name"].as_str().unwrap().to_owned();
    served.deployment.reaches(&k8s_name, "running").unwrap();
    // The create's own record follows the state.
    wait::until("the create to be counted", || {
        let sample = "toygres_orchestrations{type=\"create-instance\",status=\"completed\"}";
        Ok((metrics().get(sample) == Some(&1.0)).then_some(()))
    })
    .unwrap();
    let after = metrics();
    assert_eq!(after["toygres_instances{state=\"running\"}"], 1.0);
    let posted =
        "toygres_http_requests_total{method=\"POST\",route=\"/api/instances\",status=\"202\"}";
    assert_eq!(after[posted], 1.0);
    assert!(after["process_cpu_seconds_total"] >= before["process_cpu_seconds_total"]);
    let route = |end: &str| after[&format!("toygres_http_request_duration_seconds{end}")];
    let whole = route("_bucket{route=\"/api/instances\",le=\"+Inf\"}");
    assert_eq!(whole, route("_count{route=\"/api/instances\"}"));
}
