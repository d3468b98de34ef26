//! What pods wrote.

use super::{Asked, respond};
use crate::kube::api::ApiServer;
use crate::kube::logs::LogOptions;
use crate::kube::object::{items, text};
use crate::kube::resource::Key;
use crate::kube::status::{ApiError, Result};
use axum::body::Body;
use axum::http::Response;
use futures_util::StreamExt;
use serde_json::Value;

/// The log of a container.
pub(super) async fn log(server: &ApiServer, key: &Key, asked: &Asked) -> Result<Response<Body>> {
    let pod = server.get(key.resource, &key.namespace, &key.name)?;
    let options = options(&pod, asked)?;
    let logs = server.logs().ok_or_else(|| {
        ApiError::bad_request(format!("container of pod {} has no log here", key.name))
    })?;
    let stream = logs.open(pod, options).await?;
    let mut stopped = server.stopped();
    let end = async move {
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    let body = Body::from_stream(stream.take_until(Box::pin(end)));
    Ok(respond::bytes(200, "text/plain", body))
}

fn options(pod: &Value, asked: &Asked) -> Result<LogOptions> {
    let query = &asked.query;
    let names: Vec<_> =
        items(pod, "/spec/containers").iter().map(|one| text(one, "/name")).collect();
    let pod = crate::kube::object::name(pod);
    let container = match (query.text("container"), names.as_slice()) {
        ("", [only]) => Some((*only).to_owned()),
        ("", names) => {
            return Err(ApiError::bad_request(format!(
                "a container name must be specified for pod {pod}, choose one of: [{}]",
                names.join(" ")
            )));
        }
        (wanted, names) if names.contains(&wanted) => Some(wanted.to_owned()),
        (wanted, _) => {
            return Err(ApiError::bad_request(format!(
                "container {wanted} is not valid for pod {pod}"
            )));
        }
    };
    Ok(LogOptions {
        container,
        follow: query.flag("follow")?,
        previous: query.flag("previous")?,
        tail_lines: query.number("tailLines")?,
        limit_bytes: query.number("limitBytes")?,
        since_seconds: query.number("sinceSeconds")?,
        timestamps: query.flag("timestamps")?,
    })
}
