//! Faults as they happen at night, on real processes: for each, two commands lead to the cause.

use crate::support::plane::Plane;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod, Secret};
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::future::Future;
use toygres_tests::kube::client;
use toygres_tests::postgres::Binaries;
use toygres_tests::wait;

/// A fault of an instance.
struct Fault {
    /// The instance that it is made on.
    name: &'static str,
    make: fn(&Plane, &str),
    /// What the list, which is looked at first, says of it.
    listed: &'static str,
    /// What `get`, the next one, says besides.
    shown: &'static [&'static str],
    /// The code of the problem that `get -o json` names, where it is one of an object.
    code: Option<&'static str>,
}

const FAULTS: &[Fault] = &[
    Fault {
        name: "nosecret",
        make: delete_secret,
        listed: "is missing; no new pod can start",
        shown: &["Problems:", "nosecret-", "-credentials` with the password is missing"],
        code: Some("secret_missing"),
    },
    Fault {
        name: "goingclaim",
        make: delete_claim,
        listed: "is being deleted",
        shown: &["the data is lost when the pod stops", "kubernetes.io/pvc-protection"],
        code: Some("claim_deleting"),
    },
    Fault {
        name: "noset",
        make: delete_stateful_set,
        listed: "its StatefulSet",
        shown: &["Problems:", "is missing"],
        code: Some("stateful_set_missing"),
    },
    Fault {
        name: "noimage",
        make: break_image,
        listed: "ErrImagePull",
        shown: &["Problems:", "ErrImagePull", "nginx:1"],
        code: Some("container_failing"),
    },
    Fault {
        name: "restarted",
        make: kill_postgres,
        listed: "restarted",
        shown: &["Restarts:", "last "],
        code: None,
    },
    Fault {
        name: "otherpass",
        make: change_password,
        listed: "password authentication failed",
        shown: &["Unhealthy", "Reason:", "password authentication failed"],
        code: None,
    },
];

#[test]
fn two_commands_lead_to_the_cause_of_each_fault_of_an_instance() {
    let plane = Plane::fresh();
    for fault in FAULTS {
        let args = ["create", fault.name, "--password", "test123", "--wait"];
        plane.toygres().args(args).run().code(0);
    }
    let mut wrong = Vec::new();
    for fault in FAULTS {
        let shown = get(&plane, fault.name);
        let k8s_name = shown["k8s_name"].as_str().unwrap().to_owned();
        (fault.make)(&plane, &k8s_name);
        if let Err(error) = is_told(&plane, fault, &k8s_name) {
            wrong.push(format!("{}: {error}", fault.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Waits until both commands tell of the fault.
fn is_told(plane: &Plane, fault: &Fault, k8s_name: &str) -> toygres_tests::Result {
    let mut last = String::new();
    let told = wait::until("the fault to be told", || {
        let list = plane.toygres().args(["list", "-o", "json"]).run().code(0).json();
        let rows = list.as_array().cloned().unwrap_or_default();
        let row = rows.into_iter().find(|row| row["k8s_name"] == k8s_name).unwrap_or_default();
        let reason = row["reason"].as_str().unwrap_or_default().to_owned();
        let detail = get(plane, k8s_name);
        let codes: Vec<&str> = problems(&detail).collect();
        let shown = plane.toygres().args(["get", k8s_name]).run().code(0).stdout;
        last = format!("list: {reason}\n{codes:?}\n{shown}");
        let all = reason.contains(fault.listed)
            && fault.shown.iter().all(|part| shown.contains(part))
            && fault.code.is_none_or(|code| codes.contains(&code));
        Ok(all.then_some(()))
    });
    told.map_err(|error| format!("{error}; {last}").into())
}

fn get(plane: &Plane, name: &str) -> Value {
    plane.toygres().args(["get", name, "-o", "json"]).run().code(0).json()
}

fn problems(detail: &Value) -> impl Iterator<Item = &str> {
    let problems = detail["observed"]["problems"].as_array().into_iter().flatten();
    problems.filter_map(|problem| problem["code"].as_str())
}

fn on_cluster<F: Future<Output = kube::Result<()>>>(
    plane: &Plane,
    work: impl FnOnce(kube::Client) -> F,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let kubeconfig = plane.home().join("kubeconfig");
    runtime.block_on(async { work(client(&kubeconfig).await.unwrap()).await }).unwrap();
}

fn delete_secret(plane: &Plane, k8s_name: &str) {
    let name = format!("{k8s_name}-credentials");
    on_cluster(plane, async move |client| {
        let secrets: Api<Secret> = Api::namespaced(client, "toygres");
        secrets.delete(&name, &DeleteParams::default()).await.map(drop)
    });
}

fn delete_claim(plane: &Plane, k8s_name: &str) {
    let name = format!("{k8s_name}-pvc");
    on_cluster(plane, async move |client| {
        let claims: Api<PersistentVolumeClaim> = Api::namespaced(client, "toygres");
        claims.delete(&name, &DeleteParams::default()).await.map(drop)
    });
}

fn delete_stateful_set(plane: &Plane, k8s_name: &str) {
    let name = k8s_name.to_owned();
    on_cluster(plane, async move |client| {
        let sets: Api<StatefulSet> = Api::namespaced(client, "toygres");
        sets.delete(&name, &DeleteParams::default()).await.map(drop)
    });
}

fn break_image(plane: &Plane, k8s_name: &str) {
    let name = k8s_name.to_owned();
    on_cluster(plane, async move |client| {
        let sets: Api<StatefulSet> = Api::namespaced(client, "toygres");
        let container = sets.get(&name).await?.spec.and_then(|spec| {
            spec.template.spec.and_then(|spec| Some(spec.containers.into_iter().next()?.name))
        });
        let patch = json!({"spec": {"template": {"spec": {"containers":
            [{"name": container, "image": "nginx:1"}]}}}});
        let patch = Patch::Strategic(patch);
        sets.patch(&name, &PatchParams::default(), &patch).await.map(drop)
    });
}

/// Kills the first process of its PostgreSQL, as the kernel does where memory is short.
fn kill_postgres(plane: &Plane, k8s_name: &str) {
    let status = plane.toygres().args(["local", "status", "-o", "json"]).run().json();
    let pods = status["pods"].as_array().unwrap();
    let pod = format!("{k8s_name}-0");
    let pid = pods.iter().find(|row| row["name"] == pod.as_str()).unwrap()["pid"].as_i64().unwrap();
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
    on_cluster(plane, async move |client| {
        let pods: Api<Pod> = Api::namespaced(client, "toygres");
        pods.get(&pod).await.map(drop)
    });
}

fn change_password(plane: &Plane, k8s_name: &str) {
    let args = ["get", k8s_name, "--show-password", "-o", "json"];
    let shown = plane.toygres().args(args).run().code(0).json();
    let url = shown["connection_string"].as_str().unwrap();
    let binaries = Binaries::find().unwrap();
    binaries.psql(url, "ALTER ROLE postgres PASSWORD 'another'").unwrap();
}

#[test]
fn a_server_that_is_killed_is_told_as_crashed_with_its_last_words() {
    let plane = Plane::fresh();
    let status = plane.toygres().args(["server", "status", "-o", "json"]).run().code(0).json();
    assert_eq!((&status["crash"], &status["remote"]), (&Value::Null, &Value::Null), "{status:#}");
    // Elsewhere, an address of the API is where the server is.
    let (url, token) = (plane.text("api-url"), plane.text("api-token"));
    let elsewhere = || {
        let toygres = plane.elsewhere().env("TOYGRES_API_URL", &url);
        toygres.env("TOYGRES_API_TOKEN", &token).args(["server", "status", "-o", "json"]).run()
    };
    let there = elsewhere().code(0).json();
    assert_eq!((&there["running"], &there["remote"]["answers"]), (&json!(false), &json!(true)));
    let pid = i32::try_from(status["pid"].as_i64().unwrap()).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    wait::until("the process to be gone", || {
        let status = plane.toygres().args(["server", "status", "-o", "json"]).run().json();
        Ok((status["running"] == false).then_some(()))
    })
    .unwrap();
    assert_eq!(elsewhere().code(3).json()["remote"]["answers"], false);
    // The first command that needs it says where to look, and that one says what happened.
    let error = plane.toygres().args(["list", "-o", "json"]).run().code(4).error();
    assert!(error["hint"].as_str().unwrap().contains("toygres server"), "{error}");
    let status = plane.toygres().args(["server", "status", "-o", "json"]).run().code(3).json();
    assert_eq!(status["crash"]["pid"], pid, "{status:#}");
    assert!(status["crash"]["last_logged_at"].is_string(), "{status:#}");
    assert!(!status["crash"]["last_lines"].as_array().unwrap().is_empty(), "{status:#}");
    let shown = plane.toygres().args(["server", "status"]).run().code(3);
    shown.shows("Crashed").shows(&pid.to_string()).shows("Last Log Lines:").shows("INFO");
    // What was stopped has not crashed.
    plane.toygres().args(["server", "start", "--port", "0"]).run().code(0);
    plane.toygres().args(["server", "stop", "--force"]).run().code(0);
    let shown = plane.toygres().args(["server", "status"]).run().code(3).shows("Not running");
    assert!(!shown.stdout.contains("Crashed"), "{shown:#?}");
}

#[test]
fn a_cancelled_creation_does_not_look_alive() {
    let plane = Plane::fresh();
    // Nothing is ever ready in this namespace's StatefulSet once it is gone: the creation waits.
    let made = plane.toygres().args(["create", "undone", "-o", "json"]).run().code(0).json();
    let id = made["create_orchestration_id"].as_str().unwrap();
    let cancel = ["server", "cancel", id, "--force", "--wait"];
    let cancelled = plane.toygres().args(cancel).run().code(0);
    if cancelled.stdout.contains("Orchestration cancelled") {
        cancelled.says("removes what was made");
        let shown = get(&plane, "undone");
        if shown["state"] == "creating" {
            let steps = shown["progress"].as_array().unwrap();
            let last = steps.last().map(|step| step["state"].clone()).unwrap_or_default();
            assert!(last == "failed" || last == "completed", "{shown:#}");
        }
    }
}
