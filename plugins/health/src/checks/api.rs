//! The API server of the control plane.

use crate::check::{Finding, Row, row};
use crate::gather::Sources;
use crate::gather::api::Answer;
use serde_json::{Value, json};
use std::sync::Arc;
use toygres_plugin_api::Error;

pub(super) const ROWS: &[Row] = &[
    row!("TG0101", ApiServer, Error, "the API answers", reachable, late: Failed),
    row!("TG0102", ApiServer, Error, "the API is ready to work", ready),
    row!("TG0103", ApiServer, Warning, "the server is of this release", version),
    row!("TG0104", ApiServer, Warning, "the API lets this command in", token),
    row!("TG0105", ApiServer, Warning, "every endpoint is there", endpoints),
    row!("TG0106", ApiServer, Warning, "the API answers quickly", quick),
];

/// An answer that took longer is worth a warning.
const SLOW_MS: f64 = 1000.0;

/// Endpoints of releases that do not list them.
const ENDPOINTS: &[&str] =
    &["/healthz", "/readyz", "/metrics", "/api/instances", "/api/instances/{name}"];

async fn reachable(sources: &Sources) -> Finding {
    let url = sources.settings.api_url.clone();
    match sources.api.alive.clone().await {
        Ok(answer) if answer.status == 200 => Finding::ok("it answers")
            .headline(&url)
            .fact("URL", &url)
            .see("url", url)
            .see("status", answer.status),
        Ok(answer) => Finding::failed(format!("HTTP status {} from {url}", answer.status))
            .see("url", url)
            .see("status", answer.status)
            .fix("toygres server logs --tail 50"),
        Err(error) => Finding::broken(&error).see("url", url).fix("toygres server status"),
    }
}

async fn ready(sources: &Sources) -> Finding {
    let answer = match answered(sources.api.ready.clone().await) {
        Ok(answer) => answer,
        Err(unknown) => return unknown,
    };
    let parts = &answer.body["parts"];
    if answer.status == 200 {
        return Finding::ok("every backend that it needs is there").see("parts", parts.clone());
    }
    let missing: Vec<&str> = parts
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, ready)| **ready != true)
        .map(|(name, _)| name.as_str())
        .collect();
    let why = match (answer.body["stopping"] == true, missing.is_empty()) {
        (true, _) => "it is stopping".to_owned(),
        (false, false) => format!("not ready: {}", missing.join(", ")),
        (false, true) => format!("not ready: HTTP status {}", answer.status),
    };
    Finding::failed(why)
        .see("status", answer.status)
        .see("missing", json!(missing))
        .fix("toygres server logs --level warn --tail 50")
}

async fn version(sources: &Sources) -> Finding {
    let answer = match answered(sources.api.metrics.clone().await) {
        Ok(answer) => answer,
        Err(unknown) => return unknown,
    };
    let Some(theirs) = version_of(&answer.body) else {
        return Finding::unknown("the API does not say its version to this token")
            .see("status", answer.status);
    };
    let ours = env!("CARGO_PKG_VERSION");
    let finding = if theirs == ours {
        Finding::ok(format!("release {ours}"))
    } else {
        Finding::warning(format!("the server is release {theirs}, this command is {ours}"))
            .fix("toygres server restart")
    };
    finding.see("server", theirs).see("client", ours).fact("Version", theirs)
}

/// Of `toygres_build_info{version="0.1.0"} 1`.
fn version_of(metrics: &Value) -> Option<&str> {
    let (_, rest) = metrics.as_str()?.split_once("toygres_build_info{version=\"")?;
    rest.split_once('"').map(|(version, _)| version)
}

async fn token(sources: &Sources) -> Finding {
    let answer = match answered(sources.api.metrics.clone().await) {
        Ok(answer) => answer,
        Err(unknown) => return unknown,
    };
    match answer.status {
        200 => Finding::ok("it does").see("status", 200),
        401 | 403 => Finding::warning("the API refuses this command's token, or there is none")
            .see("status", answer.status)
            .fix("toygres server config"),
        status => {
            Finding::unknown(format!("HTTP status {status} from /metrics")).see("status", status)
        }
    }
}

async fn endpoints(sources: &Sources) -> Finding {
    let answer = match answered(sources.api.endpoints.clone().await) {
        Ok(answer) => answer,
        Err(unknown) => return unknown,
    };
    let listed = answer.body["paths"].as_object().filter(|_| answer.status == 200);
    let Some(paths) = listed else {
        // A release without a list of its endpoints has these.
        return Finding::ok(format!("{} endpoints", ENDPOINTS.len()))
            .see("listed", false)
            .see("endpoints", json!(ENDPOINTS))
            .fact("Endpoints", format!("{} available", ENDPOINTS.len()));
    };
    let missing: Vec<&str> = ENDPOINTS
        .iter()
        .filter(|path| path.starts_with("/api/") && !paths.contains_key(**path))
        .copied()
        .collect();
    let finding = if missing.is_empty() {
        Finding::ok(format!("{} endpoints", paths.len()))
    } else {
        Finding::warning(format!("the API lacks {}", missing.join(", ")))
            .fix("toygres server restart")
    };
    finding
        .see("listed", true)
        .see("count", paths.len())
        .see("missing", json!(missing))
        .fact("Endpoints", format!("{} available", paths.len()))
}

async fn quick(sources: &Sources) -> Finding {
    let answer = match answered(sources.api.alive.clone().await) {
        Ok(answer) => answer,
        Err(unknown) => return unknown,
    };
    let took = format!("{:.0}ms", answer.took_ms);
    let finding = if answer.took_ms < SLOW_MS {
        Finding::ok(format!("answered in {took}"))
    } else {
        Finding::warning(format!("it took {took} to answer"))
            .fix("toygres server logs --level warn --tail 50")
    };
    finding.see("response_ms", answer.took_ms.round()).fact("Response Time", took)
}

fn answered(answer: Result<Arc<Answer>, Error>) -> Result<Arc<Answer>, Finding> {
    answer.map_err(|error| Finding::cannot_tell(&error))
}

#[cfg(test)]
mod tests {
    use super::version_of;
    use serde_json::json;

    #[test]
    fn the_version_is_read_out_of_the_metrics() {
        let metrics = json!("# TYPE x gauge\ntoygres_build_info{version=\"1.2.3\"} 1\n");
        assert_eq!(version_of(&metrics), Some("1.2.3"));
        assert_eq!(version_of(&json!({"code": 4})), None);
    }
}
