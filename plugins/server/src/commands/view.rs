//! A server that runs, as `start`, `restart` and `status` show it.

use crate::process::home::Home;
use crate::process::record::Record;
use crate::process::running::Running;
use serde_json::{Value, json};
use toygres_plugin_api::report::{Block, Field, Kind, State, Tone};

/// What is known of it; `null` is what it has not said yet.
pub(super) fn data(home: &Home, running: &Running) -> Value {
    let record = running.record.as_ref();
    let said = |of: fn(&Record) -> Value| record.map_or(Value::Null, of);
    json!({
        "running": true,
        "pid": running.pid(),
        "started_at": said(|record| json!(record.started_at)),
        "mode": said(|record| json!(record.mode)),
        "url": said(|record| json!(record.url)),
        "version": said(|record| json!(record.version)),
        "workers": said(|record| json!(record.workers)),
        "ready": running.is_ready(),
        "ready_at": said(|record| json!(record.ready_at)),
        "stopping": record.is_some_and(|record| record.stopping),
        "waits_for": record.map(|record| record.waits_for.clone()).unwrap_or_default(),
        "context": said(|record| json!(record.context)),
        "log_level": said(|record| json!(record.log_level)),
        "log_file": record.map_or_else(|| home.log_file.display().to_string(), |record| record.log_file.clone()),
        "pid_file": home.pid_file.display().to_string(),
    })
}

/// The same for people.
pub(super) fn fields(data: &Value) -> Block {
    let ready = Field::new("Ready", readiness(data)).kind(Kind::Status(vec![
        State::new("ready", "Ready", Tone::Good),
        State::new("starting", "Starting", Tone::Active),
        State::new("not_ready", "Not ready", Tone::Bad),
        State::new("stopping", "Stopping", Tone::Active),
        State::new("unreachable", "Does not answer", Tone::Bad),
    ]));
    let ready = match data["waits_for"].as_array().filter(|reasons| !reasons.is_empty()) {
        None => ready,
        Some(reasons) => {
            let reasons: Vec<&str> = reasons.iter().filter_map(Value::as_str).collect();
            ready.remark(reasons.join("; "))
        }
    };
    let url = Field::new("URL", data["url"].clone());
    let url = if data["mode"] == "worker" { url.remark("a worker has none") } else { url };
    let workers = Field::new("Workers", data["workers"].clone());
    let workers = if data["mode"] == "api" { workers.remark("mode api has none") } else { workers };
    Block::fields([
        ready,
        Field::new("PID", data["pid"].clone()),
        Field::new("Started", data["started_at"].clone()).kind(Kind::TimeAgo),
        Field::new("Mode", data["mode"].clone()),
        url,
        workers,
        Field::new("Version", data["version"].clone()),
        Field::new("Context", data["context"].clone()),
        Field::new("Log Level", data["log_level"].clone()),
        Field::new("Log File", shortened(&data["log_file"])),
        Field::new("PID File", shortened(&data["pid_file"])),
    ])
}

fn readiness(data: &Value) -> &'static str {
    if data["stopping"] == true {
        "stopping"
    } else if data["answers"] == false {
        "unreachable"
    } else if data["ready"] == true {
        "ready"
    } else if data["waits_for"].as_array().is_some_and(|reasons| !reasons.is_empty()) {
        "not_ready"
    } else {
        "starting"
    }
}

/// The home folder as people write it.
fn shortened(path: &Value) -> String {
    let path = path.as_str().unwrap_or_default();
    let home = std::env::var("HOME").ok().filter(|home| home.len() > 1);
    match home.and_then(|home| path.strip_prefix(&home).map(str::to_owned)) {
        Some(rest) if rest.starts_with('/') => format!("~{rest}"),
        _ => path.to_owned(),
    }
}
