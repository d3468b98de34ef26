//! `status`.

use super::view;
use crate::process::home::Home;
use crate::process::running::Running;
use crate::process::settings::Settings;
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use std::time::Duration;
use toygres_plugin_api::report::{Block, Field, Tone, Verdict};
use toygres_plugin_api::{Args, Context, Report, Result};

/// Check if server is running.
///
/// Exit code 3 where it is not.
#[derive(Args)]
#[command(
    category = "Process Management",
    here,
    watchable,
    examples = ["toygres server status", "toygres server status -o json | jq .ready"]
)]
pub(crate) struct Status {}

pub(crate) async fn status(ctx: &Context, _: Status) -> Result<Report> {
    let home = Settings::read(ctx).await?.home()?;
    let Some(running) = Running::find(&home)? else { return not_running(&home) };
    let mut data = view::data(&home, &running);
    // Its own word of this moment, where it has a port to ask at.
    let asked = match running.record.as_ref().and_then(|record| record.url.clone()) {
        Some(url) => Some(ask(&format!("{url}/readyz")).await),
        None => None,
    };
    data["answers"] = asked.as_ref().map_or(Value::Null, |answer| answer.is_some().into());
    data["parts"] = asked.flatten().map_or(Value::Null, |answer| answer["parts"].clone());
    if data["answers"] == false {
        data["ready"] = false.into();
    }
    let fields = view::fields(&data);
    Ok(Report::data(data)?.heading("Server Status").block(fields))
}

fn not_running(home: &Home) -> Result<Report> {
    let log = home.log_file.display().to_string();
    let data = json!({
        "running": false, "pid": null, "started_at": null, "mode": null, "url": null,
        "version": null, "workers": null, "ready": false, "ready_at": null, "stopping": false,
        "waits_for": [], "context": null, "log_level": null, "log_file": log,
        "pid_file": home.pid_file.display().to_string(), "answers": null, "parts": null,
    });
    Ok(Report::data(data)?
        .heading("Server Status")
        .block(Block::remark(Tone::Muted, "Not running"))
        .block(Block::fields([Field::new("Log File", log)]))
        .hint("Start it with 'toygres server start'")
        .verdict(Verdict::NotRunning))
}

/// A server on this machine answers at once or is stuck.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
const MOST_BYTES: usize = 64 * 1024;

/// What the URL answers; `None` where nobody does in time.
async fn ask(url: &str) -> Option<Value> {
    let asking = async {
        let client = Client::builder(TokioExecutor::new()).build_http::<Empty<bytes::Bytes>>();
        let response = client.get(url.parse().ok()?).await.ok()?;
        let body = Limited::new(response.into_body(), MOST_BYTES).collect().await.ok()?;
        serde_json::from_slice(&body.to_bytes()).ok()
    };
    tokio::time::timeout(ANSWER_WITHIN, asking).await.ok()?
}
