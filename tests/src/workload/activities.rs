//! The activities of the control plane. They do nothing but take a moment and answer.

use super::instance::{Deployment, Instance};
use crate::secrets::Secrets;
use duroxide::ActivityContext;
use duroxide::runtime::registry::{ActivityRegistry, ActivityRegistryBuilder};
use serde_json::{Value, json};
use std::time::Duration;

/// How long an activity takes.
const MOMENT: Duration = Duration::from_millis(10);

/// Activities that only succeed, with what they answer.
const SIMPLE: &[(&str, &str)] = &[
    ("cms-create-instance-record", r#"{"recorded":true}"#),
    ("test-connection", r#"{"version":"PostgreSQL 18.0"}"#),
    ("cms-update-instance-state", r#"{"state":"running"}"#),
    ("cms-record-health-monitor", r#"{"recorded":true}"#),
    ("check-instance-health", r#"{"status":"healthy","response_time_ms":4}"#),
    ("cms-record-health-check", r#"{"recorded":true}"#),
    ("create-dns-record", r#"{"created":true}"#),
    ("create-firewall-rule", r#"{"created":true}"#),
    ("create-storage-account", r#"{"created":true}"#),
    ("toygres::activity::cms-get-instance", r#"{"state":"running"}"#),
    ("toygres::activity::delete-postgres", r#"{"deleted":true}"#),
    ("toygres::activity::cms-update-instance-state", r#"{"state":"deleted"}"#),
];

/// All activities that a current worker knows.
pub(super) fn registry(secrets: &Secrets) -> ActivityRegistry {
    let simple = SIMPLE.iter().fold(ActivityRegistry::builder(), |builder, (name, answer)| {
        builder.register(*name, move |_, _| async move {
            tokio::time::sleep(MOMENT).await;
            Ok((*answer).to_owned())
        })
    });
    let password = secrets.output.clone();
    deployment(simple)
        .register("wait-for-ready", wait_for_ready)
        .register("get-connection-strings", move |_, input| {
            connection_strings(input, password.clone())
        })
        .register("start-health-monitor", start_health_monitor)
        .register("attach-disk", |_, _| async {
            tokio::time::sleep(MOMENT).await;
            Err("disk `pvc-deepdb` is attached to another node: aks-pool-1".to_owned())
        })
        .build()
}

/// Only `deploy-postgres`, for a worker that serves one tag.
pub(super) fn deployment(builder: ActivityRegistryBuilder) -> ActivityRegistryBuilder {
    builder.register("deploy-postgres", deploy_postgres)
}

async fn deploy_postgres(ctx: ActivityContext, input: String) -> Result<String, String> {
    tokio::time::sleep(MOMENT).await;
    // Attempts come one after another, so the event that scheduled one tells how many there were.
    let input: Value = serde_json::from_str(&input).map_err(|error| error.to_string())?;
    let attempt = input["attempt"].as_u64().unwrap_or_else(|| next_attempt(&ctx));
    match Instance::parse(&input.to_string())?.deployment(attempt) {
        Deployment::Done => Ok(json!({"created": ["StatefulSet", "Service"]}).to_string()),
        Deployment::Refused(reason) => Err(reason.to_owned()),
        Deployment::Endless => {
            ctx.cancelled().await;
            Err("cancelled".to_owned())
        }
    }
}

/// Counts the deployments of an instance in this process: a retry policy sends the same input again.
fn next_attempt(ctx: &ActivityContext) -> u64 {
    use std::collections::HashMap;
    use std::sync::{LazyLock, Mutex, PoisonError};
    static ATTEMPTS: LazyLock<Mutex<HashMap<String, u64>>> = LazyLock::new(Mutex::default);
    let mut attempts = ATTEMPTS.lock().unwrap_or_else(PoisonError::into_inner);
    let attempt = attempts.entry(ctx.instance_id().to_owned()).or_default();
    *attempt += 1;
    *attempt
}

async fn wait_for_ready(_: ActivityContext, input: String) -> Result<String, String> {
    tokio::time::sleep(MOMENT).await;
    let value: Value = serde_json::from_str(&input).map_err(|error| error.to_string())?;
    let attempt = value["attempt"].as_u64().unwrap_or_default();
    let ready = Instance::parse(&input)?.ready(attempt);
    Ok(json!({"ready": ready, "attempt": attempt}).to_string())
}

async fn connection_strings(input: String, password: String) -> Result<String, String> {
    tokio::time::sleep(2 * MOMENT).await;
    let name = Instance::parse(&input)?.user_name;
    let host = format!("{name}.westus3.cloudapp.azure.com");
    Ok(json!({
        "dns_name": host,
        "external_ip": "4.249.117.85",
        "connection": format!("postgresql://postgres:{password}@{host}:5432/postgres"),
    })
    .to_string())
}

async fn start_health_monitor(ctx: ActivityContext, input: String) -> Result<String, String> {
    let instance = Instance::parse(&input)?;
    let id = format!("health-{}", instance.k8s_name);
    let client = ctx.get_client();
    super::monitor::start(&client, &id, &instance.k8s_name).await?;
    Ok(json!({"orchestration_id": id}).to_string())
}
