//! Work that is polled for or tried again is told as such: what for, which attempt, what the last one
//! found, and when the next one is made.

use super::{begin, text};
use k8s_openapi::api::core::v1::Secret;
use serde_json::{Value, json};
use std::process::Command;
use toygres_tests::control::{Deployment, Options};
use toygres_tests::toygres;
use toygres_tests::wait;

/// A command on the deployment's database.
fn server(deployment: &Deployment, args: &[&str]) -> (String, Value) {
    let home = tempfile::tempdir().unwrap();
    let run = |more: &[&str]| {
        let output = Command::new(toygres::binary())
            .env_clear()
            .env("HOME", home.path())
            .env("LANG", "C.UTF-8")
            .env("TOYGRES_HOME", home.path().join("toygres"))
            .env("TOYGRES_PLUGIN_PATH", toygres::plugins())
            .env("DATABASE_URL", &deployment.database.url)
            .arg("server")
            .args(args)
            .args(more)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let json = run(&["-o", "json"]);
    (run(&[]), serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}")))
}

#[test]
fn a_poll_of_what_will_not_come_is_told_with_its_cause() {
    let Some(deployment) = Deployment::new() else { return };
    let running = deployment.start(Options::default().env("TOYGRES_READY_INTERVAL_MS", "3000"));
    let name = begin(&running.api().unwrap(), "nopull");
    deployment.world.kubelet.fail_image(&name);
    let id = format!("create-{name}");
    let mut shown = Value::Null;
    wait::until("three polls that failed", || {
        shown = server(&deployment, &["orchestration", &id, "--pending"]).1;
        let attempts = &shown["diagnosis"]["attempts"];
        let waits = attempts["next_at"].is_string();
        Ok((waits && attempts["consecutive_failures"].as_i64() >= Some(3)).then_some(()))
    })
    .unwrap_or_else(|error| panic!("{error}: {shown:#}"));
    let attempts = &shown["diagnosis"]["attempts"];
    assert_eq!(
        (&attempts["mode"], &attempts["activity"]),
        (&json!("polling"), &json!("wait-for-ready"))
    );
    assert_eq!(attempts["attempts"], 60, "{attempts:#}");
    assert!(text(attempts, "last_result").contains("ErrImagePull"), "{attempts:#}");
    assert_eq!(shown["diagnosis"]["needs_attention"], true, "{shown:#}");
    // The first command names it, the second one says why, with the attempt, and when it goes on.
    let (list, rows) = server(&deployment, &["orchestrations", "--stuck"]);
    assert_eq!(rows[0]["id"], json!(id), "{rows:#}");
    assert!(list.contains("polling `wait-for-ready`"), "{list}");
    let (shown, _) = server(&deployment, &["orchestration", &id, "--pending", "--history"]);
    for part in [
        "Polling `wait-for-ready` (attempt ",
        "/60): ",
        "ErrImagePull",
        "Current Activity:\n  wait-for-ready (attempt ",
        "Expected:",
        "Pending Timers:\n  wait-3s: Fires in ",
        "Next Steps:\n  1. Timer completes in ",
        "✓ (not ready: ",
    ] {
        assert!(shown.contains(part), "`{part}` is not in {shown}");
    }
    let health = server(&deployment, &["health", "--check", "TG0213"]).1;
    assert_eq!(health["checks"][0]["outcome"], "warning", "{health:#}");
    assert!(health["checks"][0]["summary"].as_str().unwrap().contains(&id), "{health:#}");
    deployment.world.kubelet.release(&name);
}

#[test]
fn an_activity_that_fails_again_and_again_is_told_with_its_error() {
    let Some(deployment) = Deployment::new() else { return };
    let running = deployment.start(Options::fault("delete-postgres:unavailable"));
    let api = running.api().unwrap();
    let name = begin(&api, "bigdb");
    deployment.reaches(&name, "running").unwrap();
    assert_eq!(api.delete(&format!("/api/instances/{name}")).unwrap().status, 202);
    let id = format!("delete-{name}");
    let mut shown = Value::Null;
    wait::until("four failures", || {
        shown = server(&deployment, &["orchestration", &id, "--history"]).1;
        let attempts = &shown["diagnosis"]["attempts"];
        let waits = attempts["next_at"].is_string();
        Ok((waits && attempts["consecutive_failures"].as_i64() >= Some(4)).then_some(()))
    })
    .unwrap_or_else(|error| panic!("{error}: {shown:#}"));
    let attempts = &shown["diagnosis"]["attempts"];
    assert_eq!((&attempts["mode"], &attempts["attempts"]), (&json!("retrying"), &json!(8)));
    assert_eq!(attempts["last_error"], "delete-postgres was made unavailable");
    assert_eq!(shown["diagnosis"]["needs_attention"], true, "{shown:#}");
    // The mark by which workflows know what to try again is nobody's to read.
    assert!(!shown["history"].to_string().contains("passing: "), "{shown:#}");
    let (list, rows) = server(&deployment, &["orchestrations", "--stuck"]);
    assert_eq!(rows[0]["id"], json!(id), "{rows:#}");
    assert!(list.contains("retrying `delete-postgres`"), "{list}");
    let (shown, _) = server(&deployment, &["orchestration", &id]);
    for part in
        ["Retrying `delete-postgres` (attempt ", "failures: delete-postgres was made", "fires in "]
    {
        assert!(shown.contains(part), "`{part}` is not in {shown}");
    }
    assert!(!running.said().contains("passing: "), "{}", running.said());
}

#[test]
fn a_monitor_tells_what_each_check_found() {
    let Some(deployment) = Deployment::new() else { return };
    let running = deployment.start(Options::default().env("TOYGRES_MONITOR_INTERVAL_MS", "1500"));
    let name = begin(&running.api().unwrap(), "watched");
    deployment.reaches(&name, "running").unwrap();
    let id = format!("health-{name}");
    // The instance is running a moment before its monitor begins.
    wait::until("the monitor to begin", || {
        let (_, rows) = server(&deployment, &["orchestrations", "--limit", "0"]);
        let has_begun = rows.as_array().into_iter().flatten().any(|row| row["id"] == json!(id));
        Ok(has_begun.then_some(()))
    })
    .unwrap();
    wait::until("three checks", || {
        let (_, shown) = server(&deployment, &["orchestration", &id, "--history"]);
        Ok((shown["checks"].as_array().map(Vec::len) >= Some(3)).then_some(()))
    })
    .unwrap();
    let (shown, told) = server(&deployment, &["orchestration", &id, "--history"]);
    assert!(shown.contains("✓ (healthy)"), "{shown}");
    assert!(shown.contains("Latest Checks:") && shown.contains("✓ Healthy"), "{shown}");
    let check = &told["checks"][0];
    assert_eq!((&check["status"], &check["error"]), (&json!("healthy"), &Value::Null), "{check:#}");
    let checked = told["history"]
        .as_array()
        .unwrap()
        .iter()
        .find(|step| step["name"] == "check-instance-health");
    assert_eq!(checked.unwrap()["result"]["status"], "healthy", "{told:#}");
    // Without its Secret nothing can be checked, and the check says so.
    delete_secret(&deployment, &name);
    let mut shown = String::new();
    wait::until("the reason", || {
        shown = server(&deployment, &["orchestration", &id, "--history"]).0;
        Ok(shown.contains("✓ (unknown: there is no Secret with the password)").then_some(()))
    })
    .unwrap_or_else(|error| panic!("{error}: {shown}"));
    let instance = running.api().unwrap().get("/api/instances/watched").unwrap().body;
    assert_eq!(instance["health"], "unknown");
    assert_eq!(instance["health_error"], "there is no Secret with the password");
    assert_eq!(instance["observed"]["problems"][0]["code"], "secret_missing", "{instance:#}");
}

fn delete_secret(deployment: &Deployment, k8s_name: &str) {
    let deleted = deployment.objects().ask(async |client| {
        let secrets: kube::Api<Secret> = kube::Api::namespaced(client, &deployment.namespace);
        let name = format!("{k8s_name}-credentials");
        Ok(secrets.delete(&name, &Default::default()).await.map(drop)?)
    });
    deleted.unwrap();
}

#[test]
fn the_metrics_count_a_cancelled_monitor_as_cancelled() {
    let Some(deployment) = Deployment::new() else { return };
    // Its monitor waits for the next check when it is ended.
    let running = deployment.start(Options::default().env("TOYGRES_MONITOR_INTERVAL_MS", "600000"));
    let api = running.api().unwrap();
    let name = begin(&api, "countdb");
    deployment.reaches(&name, "running").unwrap();
    deployment.comes_to_rest().unwrap();
    let waiting = "SELECT count(*) FROM toygres_duroxide.orchestrator_queue
        WHERE instance_id LIKE 'health-%' AND visible_at > now()";
    wait::until("the monitor to wait", || Ok((deployment.count(waiting) > 0).then_some(())))
        .unwrap();
    api.delete(&format!("/api/instances/{name}")).unwrap();
    deployment.reaches(&name, "deleted").unwrap();
    deployment.comes_to_rest().unwrap();
    let metrics = api.get("/metrics").unwrap();
    let metrics = metrics.body.as_str().unwrap();
    let count = |status: &str| {
        let sample =
            format!("toygres_orchestrations{{type=\"health-monitor\",status=\"{status}\"}} ");
        metrics.lines().find_map(|line| line.strip_prefix(sample.as_str()).map(str::to_owned))
    };
    assert_eq!(count("cancelled").as_deref(), Some("1"), "{metrics}");
    assert_eq!(count("failed"), None, "{metrics}");
    let groups = server(&deployment, &["orchestrations", "--group-by", "error"]).1;
    assert_eq!(groups, json!([]));
    assert!(!running.said().contains("canceled"), "{}", running.said());
}
