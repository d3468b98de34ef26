//! The objects of an instance, as the control plane makes them, and what a cluster makes of them.

use crate::Scope;
use crate::scope::text;
use serde_json::{Value, json};
use toygres_model::kubernetes::{self, Desired};
use toygres_tests::postgres::Binaries;
use toygres_tests::wait;

/// Its name in Kubernetes.
pub(super) const NAME: &str = "mydb-0a1b2c3d";
const PASSWORD: &str = "s3cret-of-the-contract";

/// Makes the objects of an instance.
pub(super) async fn make(at: &Scope) {
    let desired = Desired {
        id: "5b3a4d3e-31a5-4ea2-9f4b-3d7a43a2f1c0",
        k8s_name: NAME,
        namespace: &at.namespace,
        version: "15",
        image: "postgres:15",
        storage_gb: 1,
        storage_class: None,
        load_balancer: true,
        dns_label: None,
    };
    at.post(&at.path("secrets"), &desired.secret(PASSWORD)).await.code(201);
    at.post(&at.path("persistentvolumeclaims"), &desired.claim()).await.code(201);
    at.post(&at.path("services"), &desired.service()).await.code(201);
    at.post(&at.path("apps/statefulsets"), &desired.stateful_set()).await.code(201);
}

/// Makes an instance and waits until its pod is ready; answers the pod.
async fn ready(at: &Scope) -> Value {
    make(at).await;
    at.until(&set(at), |set| set["status"]["readyReplicas"] == 1).await;
    at.until(&pod(at), is_ready).await
}

fn set(at: &Scope) -> String {
    at.path(&format!("apps/statefulsets/{}", kubernetes::stateful_set(NAME)))
}

fn pod(at: &Scope) -> String {
    at.path(&format!("pods/{}", kubernetes::pod(NAME)))
}

/// Whether a pod is ready.
pub(crate) fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array().cloned().unwrap_or_default();
    conditions.iter().any(|it| it["type"] == "Ready" && it["status"] == "True")
}

pub(crate) async fn becomes_ready_and_reachable(at: &Scope) {
    let pod = ready(at).await;
    assert_eq!(pod["status"]["phase"], "Running");
    assert_eq!(pod["metadata"]["labels"]["instance"], NAME);
    let owner = &pod["metadata"]["ownerReferences"][0];
    let set = at.get(&set(at)).await.code(200);
    assert_eq!(owner["kind"], "StatefulSet");
    assert_eq!(owner["name"], NAME);
    assert_eq!(owner["uid"], set["metadata"]["uid"]);
    assert_eq!(owner["controller"], true);
    let container = &pod["status"]["containerStatuses"][0];
    assert_eq!(container["ready"], true);
    assert!(container["state"]["running"].is_object(), "{container:#}");
    assert_eq!(set["status"]["replicas"], 1);
    assert_eq!(set["status"]["observedGeneration"], 1);
    let claim = at.path(&format!("persistentvolumeclaims/{}", kubernetes::claim(NAME)));
    at.until(&claim, |claim| claim["status"]["phase"] == "Bound").await;

    let service = at.path(&format!("services/{}", kubernetes::service(NAME)));
    let service = at
        .until(&service, |it| {
            it["status"]["loadBalancer"]["ingress"][0]["ip"].is_string()
                && it["spec"]["ports"][0]["port"] != kubernetes::PORT
        })
        .await;
    let address = text(&service["status"]["loadBalancer"]["ingress"][0]["ip"]);
    let port = service["spec"]["ports"][0]["port"].as_u64().unwrap();
    assert_eq!(service["spec"]["ports"][0]["name"], kubernetes::PORT_NAME);
    let url = format!("postgresql://postgres:{PASSWORD}@{address}:{port}/postgres");
    let asked = wait::until("the database to answer", || {
        Ok(Binaries::find()?.psql(&url, "SELECT current_user").ok())
    });
    assert_eq!(asked.unwrap(), "postgres");
}

pub(crate) async fn leaves_nothing_when_it_is_deleted(at: &Scope) {
    ready(at).await;
    at.delete(&set(at)).await.code(200);
    at.until_gone(&set(at)).await;
    at.until_gone(&pod(at)).await;
    for (of, name) in [
        ("services", kubernetes::service(NAME)),
        ("secrets", kubernetes::secret(NAME)),
        ("persistentvolumeclaims", kubernetes::claim(NAME)),
    ] {
        let path = at.path(&format!("{of}/{name}"));
        at.delete(&path).await.code(200);
        at.until_gone(&path).await;
        let selector = "labelSelector=app%3Dpostgres";
        assert_eq!(at.names(&format!("{}?{selector}", at.path(of))).await, [""; 0]);
    }
    assert_eq!(at.names(&at.path("pods")).await, [""; 0]);
}

pub(crate) async fn loses_its_pod_before_it_goes_in_the_foreground(at: &Scope) {
    ready(at).await;
    let claim = at.path(&format!("persistentvolumeclaims/{}", kubernetes::claim(NAME)));
    // A claim that a pod uses waits for the pod.
    at.delete(&claim).await.code(200);
    let ending = at.get(&claim).await.code(200);
    assert!(ending["metadata"]["deletionTimestamp"].is_string(), "{ending:#}");
    let foreground = json!({ "propagationPolicy": "Foreground" });
    at.delete_with(&set(at), &foreground).await.code(200);
    at.until_gone(&set(at)).await;
    at.get(&pod(at)).await.refused(404, "NotFound");
    at.until_gone(&claim).await;
}

pub(crate) async fn gets_a_new_pod_for_one_that_was_deleted(at: &Scope) {
    let first = ready(at).await;
    at.delete(&pod(at)).await.code(200);
    let other = |pod: &Value| pod["metadata"]["uid"] != first["metadata"]["uid"] && is_ready(pod);
    at.until(&pod(at), other).await;
    at.until(&set(at), |set| set["status"]["readyReplicas"] == 1).await;
}

pub(crate) async fn is_scaled_to_nothing_and_back(at: &Scope) {
    ready(at).await;
    let scale = |replicas: u32| json!({ "spec": { "replicas": replicas } });
    at.patch(&format!("{}/scale", set(at)), crate::scope::MERGE, &scale(0)).await.code(200);
    at.until_gone(&pod(at)).await;
    let idle = |set: &Value| {
        let ready = set["status"]["readyReplicas"].as_u64().unwrap_or(0);
        ready == 0 && set["status"]["replicas"] == 0
    };
    let stopped = at.until(&set(at), idle).await;
    assert_eq!(stopped["spec"]["replicas"], 0);
    at.patch(&set(at), crate::scope::MERGE, &scale(1)).await.code(200);
    at.until(&set(at), |set| set["status"]["readyReplicas"] == 1).await;
    at.until(&pod(at), is_ready).await;
}
