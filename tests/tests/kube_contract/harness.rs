//! What the harness promises of the real server and of the kubelet it plays.

use crate::cases::instance;
use crate::scope::{Scope, ask, text};
use crate::server::Server;
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};
use toygres_tests::kube::{ApiServer, Rule, client};

/// The status that a user's request gets.
async fn code(kubeconfig: &Path, method: &str, path: &str) -> (u16, String) {
    let client = client(kubeconfig).await.unwrap();
    let answer = ask(&client, method, path, "application/json", Vec::new()).await;
    (answer.code, answer.body["message"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_user_may_do_what_its_rules_say_and_nothing_else() {
    let Some(server) = ApiServer::shared() else { return };
    let namespace = server.namespace("rights").unwrap();
    let other = server.namespace("rights").unwrap();
    assert_ne!(namespace, other);
    let rules = [
        Rule { group: "", resources: &["secrets", "pods"], verbs: &["get", "list"] },
        Rule { group: "apps", resources: &["statefulsets"], verbs: &["list"] },
    ];
    let user = server.user_with(&namespace, &rules).unwrap();
    let nobody = server.user_with(&namespace, &[]).unwrap();
    assert_ne!(user.name, nobody.name);

    let core = |namespace: &str, of: &str| format!("/api/v1/namespaces/{namespace}/{of}");
    let sets = format!("/apis/apps/v1/namespaces/{namespace}/statefulsets");
    let may = async |method, path: &str| code(&user.kubeconfig, method, path).await;
    assert_eq!(may("GET", &core(&namespace, "secrets")).await.0, 200);
    assert_eq!(may("GET", &core(&namespace, "pods/none")).await.0, 404);
    assert_eq!(may("GET", &sets).await.0, 200);
    for (method, path) in [
        ("DELETE", core(&namespace, "secrets/none")),
        ("GET", core(&namespace, "services")),
        ("GET", core(&other, "secrets")),
        ("GET", format!("{sets}/none")),
        ("GET", "/api/v1/secrets".to_owned()),
    ] {
        let (code, message) = may(method, &path).await;
        assert_eq!(code, 403, "{method} {path}");
        assert!(message.contains(&user.name) && message.contains("cannot"), "{message}");
    }
    assert_eq!(code(&nobody.kubeconfig, "GET", &sets).await.0, 403);
    // Finding out what the server has is open to all of its users.
    assert_eq!(code(&nobody.kubeconfig, "GET", "/apis").await.0, 200);
}

#[tokio::test]
async fn a_pod_is_held_until_it_is_released() {
    let Some(server) = Server::kube_apiserver() else { return };
    let (at, kubelet) = (Scope::new(server).await, server.kubelet().unwrap());
    kubelet.hold("held");
    let pod = make(&at, "held").await;
    let waiting = at.until(&pod, |pod| !pod["status"]["containerStatuses"].is_null()).await;
    assert_eq!(waiting["status"]["phase"], "Pending");
    let state = &waiting["status"]["containerStatuses"][0]["state"];
    assert_eq!(state["waiting"]["reason"], "ContainerCreating");
    kubelet.release("held");
    at.until(&pod, instance::is_ready).await;
    let set = at.path("apps/statefulsets/held");
    at.until(&set, |set| set["status"]["readyReplicas"] == 1).await;
    // And it may lose its readiness again.
    kubelet.hold("held");
    at.until(&set, |set| set["status"]["readyReplicas"].as_u64().unwrap_or(0) == 0).await;
    assert!(!instance::is_ready(&at.get(&pod).await.code(200)));
    kubelet.release("held");
}

#[tokio::test]
async fn an_image_that_cannot_be_pulled_is_told() {
    let Some(server) = Server::kube_apiserver() else { return };
    let (at, kubelet) = (Scope::new(server).await, server.kubelet().unwrap());
    kubelet.fail_image("no-image");
    let pod = make(&at, "no-image").await;
    let failed = at.until(&pod, |pod| !pod["status"]["containerStatuses"].is_null()).await;
    let waiting = &failed["status"]["containerStatuses"][0]["state"]["waiting"];
    assert_eq!(waiting["reason"], "ErrImagePull");
    assert!(text(&waiting["message"]).contains("manifest unknown"));
    // It goes like any other.
    at.delete(&at.path("apps/statefulsets/no-image")).await.code(200);
    at.until_gone(&pod).await;
    kubelet.release("no-image");
}

#[tokio::test]
async fn a_delay_is_waited_for() {
    let Some(server) = Server::kube_apiserver() else { return };
    let at = Scope::new(server).await;
    // A kubelet of its own beside the shared one would fight with it; so this is the only test that
    // turns this knob, and it only makes others wait a little.
    let delay = Duration::from_secs(2);
    server.kubelet().unwrap().delay(delay);
    let since = Instant::now();
    let pod = make(&at, "late").await;
    at.until(&pod, instance::is_ready).await;
    server.kubelet().unwrap().delay(Duration::ZERO);
    assert!(since.elapsed() >= delay, "{:?}", since.elapsed());
}

#[test]
fn nothing_is_left_of_a_server_that_is_dropped() {
    let Some(server) = ApiServer::start().unwrap() else { return };
    let folder = server.kubeconfig().parent().unwrap().to_owned();
    let noted = std::fs::read_to_string(folder.join("processes")).unwrap();
    let processes: Vec<_> = noted.lines().map(|pid| Path::new("/proc").join(pid)).collect();
    assert_eq!(processes.len(), 2);
    assert!(processes.iter().all(|process| process.exists()));
    drop(server);
    assert!(!folder.exists());
    assert!(!processes.iter().any(|process| process.exists()));
}

/// Makes a stateful set of one pod and answers the path of the pod.
async fn make(at: &Scope, name: &str) -> String {
    let mut set = crate::scope::stateful_set(name);
    set["spec"]["replicas"] = json!(1);
    at.post(&at.path("apps/statefulsets"), &set).await.code(201);
    at.path(&format!("pods/{name}-0"))
}
