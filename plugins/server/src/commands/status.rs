//! `status`.

use super::crash::Crash;
use super::view;
use crate::process::home::Home;
use crate::process::running::Running;
use crate::process::settings::Settings;
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use std::time::Duration;
use toygres_plugin_api::protocol::Source;
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
    let Some(running) = Running::find(&home)? else { return not_running(ctx, &home).await };
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
    data["crash"] = Value::Null;
    data["remote"] = Value::Null;
    let fields = view::fields(&data);
    Ok(Report::data(data)?.heading("Server Status").block(fields))
}

async fn not_running(ctx: &Context, home: &Home) -> Result<Report> {
    let crash = Crash::find(home)?;
    let remote = remote(ctx, home).await?;
    let answers = remote.as_ref().is_some_and(|remote| remote["answers"] == true);
    let log = home.log_file.display().to_string();
    let data = json!({
        "running": false, "pid": null, "started_at": null, "mode": null, "url": null,
        "version": null, "workers": null, "ready": false, "ready_at": null, "stopping": false,
        "waits_for": [], "context": null, "log_level": null, "log_file": log,
        "pid_file": home.pid_file.display().to_string(), "answers": null, "parts": null,
        "crash": crash.as_ref().map(Crash::json), "remote": remote,
    });
    let url = remote.as_ref().and_then(|remote| remote["url"].as_str()).map(str::to_owned);
    let mut report = Report::data(data)?.heading("Server Status");
    report = match (&crash, answers) {
        (Some(crash), _) => crash.blocks().into_iter().fold(report, Report::block),
        (None, true) => report.block(Block::remark(Tone::Muted, "Not running on this machine")),
        (None, false) => report.block(Block::remark(Tone::Muted, "Not running")),
    };
    if let (Some(url), true) = (&url, answers) {
        report = report.block(Block::remark(Tone::Good, format!("The server at {url} answers")));
    }
    report = report.block(Block::fields([Field::new("Log File", log)]));
    if answers {
        return Ok(report.hint("See how it is with 'toygres server health'"));
    }
    if let Some(url) = url {
        report = report.warning(format!("the server at {url} does not answer"));
    }
    if crash.is_some() {
        report = report.hint("See more of its log with 'toygres server logs --level warn'");
    }
    Ok(report.hint("Start it with 'toygres server start'").verdict(Verdict::NotRunning))
}

/// The server that other commands use, where an address was set: it need not be of this machine. The file
/// that a server of this machine left does not count.
async fn remote(ctx: &Context, home: &Home) -> Result<Option<Value>> {
    let config = ctx.config().all().await?;
    let own = home.url_file().display().to_string();
    let is_own = config.setting("api.url").and_then(|url| url.place.as_ref()) == Some(&own);
    let url = config.text_unless("api.url", &[Source::Default]).filter(|_| !is_own);
    let Some(url) = url else { return Ok(None) };
    let asked = tokio::time::timeout(ANSWER_WITHIN, ctx.api().get("/readyz")).await;
    let answer = asked.ok().and_then(Result::ok);
    let parts = answer.as_ref().map_or(Value::Null, |answer| answer.body["parts"].clone());
    Ok(Some(json!({
        "url": url.trim_end_matches('/'), "answers": answer.is_some(), "parts": parts,
    })))
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
