//! The HTTP API: who may ask, what may be asked, and how a refusal looks.
//!
//! Every request passes the gate first (`gate`): the name it was sent to, the token, the deadline.
//! Every answer is JSON, refusals too, but for the metrics.

mod activity;
mod body;
mod commands;
mod connections;
mod fault;
mod gate;
mod instances;
mod listen;
mod metrics;
mod openapi;
mod probes;
mod query;
mod readiness;
mod stream;
mod token;

pub(crate) use commands::{CommandLimits, CommandSettings, Runner};
pub(crate) use connections::{ConnectionLimits, Connections};
pub(crate) use gate::Hosts;
pub(crate) use listen::serve;
pub(crate) use readiness::Readiness;
pub(crate) use token::Token;

use crate::control::ControlPlane;
use crate::metrics::Requests;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::{any, get, post};
use fault::Fault;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;
use toygres_plugin_api::{Error, ErrorKind};

/// What clients may use of the server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Connections at a time.
    pub(crate) connections: ConnectionLimits,
    /// Commands at a time, and how long requests may take.
    pub(crate) commands: CommandSettings,
}

/// What every request may use.
#[derive(Clone)]
pub(crate) struct Api(Arc<Inner>);

struct Inner {
    plane: OnceLock<ControlPlane>,
    runner: OnceLock<Runner>,
    token: Token,
    hosts: Hosts,
    deadline: Duration,
    readiness: watch::Receiver<Readiness>,
    requests: Requests,
    commands: CommandLimits,
    connections: Connections,
    /// Changes that go on although whoever asked has gone.
    changes: TaskTracker,
}

impl Api {
    /// An API that has no control plane yet.
    pub(crate) fn new(
        token: Token,
        hosts: Hosts,
        limits: Limits,
        readiness: watch::Receiver<Readiness>,
    ) -> Self {
        Self(Arc::new(Inner {
            plane: OnceLock::new(),
            runner: OnceLock::new(),
            token,
            hosts,
            deadline: limits.commands.timeout,
            readiness,
            requests: Requests::default(),
            commands: CommandLimits::new(limits.commands),
            connections: Connections::new(limits.connections),
            changes: TaskTracker::new(),
        }))
    }

    /// Serves this control plane from now on, and commands by this runner.
    pub(crate) fn serve_for(&self, plane: ControlPlane, runner: Runner) {
        let _only_once = self.0.plane.set(plane);
        let _only_once = self.0.runner.set(runner);
    }

    /// The connections, for whoever listens.
    pub(crate) fn connections(&self) -> Connections {
        self.0.connections.clone()
    }

    fn runner(&self) -> Result<&Runner, Fault> {
        self.0.runner.get().ok_or_else(starting)
    }

    /// Waits for the changes that are under way.
    pub(crate) async fn settled(&self) {
        self.0.changes.close();
        self.0.changes.wait().await;
    }

    fn plane(&self) -> Result<&ControlPlane, Fault> {
        self.0.plane.get().ok_or_else(starting)
    }

    /// Every path there is, with and without a slash at its end.
    pub(crate) fn router(&self) -> Router {
        let trimmed = tower::ServiceBuilder::new().map_request(trim_slashes).service(self.paths());
        Router::new().fallback_service(trimmed)
    }

    fn paths(&self) -> Router {
        Router::new()
            .route("/healthz", get(probes::alive))
            .route("/readyz", get(probes::ready))
            .route("/metrics", get(metrics::metrics))
            .route("/api/instances", get(instances::list).post(instances::create))
            .route("/api/instances/{name}", get(instances::get).delete(instances::delete))
            .route("/api/instances/{name}/monitor", post(instances::monitor))
            .route("/api/openapi.json", get(openapi::document))
            .route("/api/complete", get(commands::complete))
            .route("/api/server/run", post(commands::run))
            .route("/api/server/{*path}", any(commands::command))
            .fallback(no_path)
            .method_not_allowed_fallback(no_method)
            .layer(tower_http::catch_panic::CatchPanicLayer::custom(broke))
            .layer(axum::middleware::from_fn_with_state(self.clone(), gate::pass))
            .with_state(self.clone())
    }
}

/// A path is the same with and without slashes at its end.
fn trim_slashes(mut request: axum::extract::Request) -> axum::extract::Request {
    let path = request.uri().path();
    let trimmed = path.trim_end_matches('/');
    if trimmed.len() == path.len() || trimmed.is_empty() {
        return request;
    }
    let target = match request.uri().query() {
        Some(query) => format!("{trimmed}?{query}"),
        None => trimmed.to_owned(),
    };
    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query = target.parse().ok();
    if let Ok(uri) = axum::http::Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    request
}

fn starting() -> Fault {
    Error::unavailable("the server is starting").hint("try again in a moment").into()
}

async fn no_path(uri: axum::http::Uri) -> Fault {
    let error = Error::not_found(format!("there is no path `{}`", shown(uri.path())))
        .hint("instances are at `/api/instances`");
    Fault::new(StatusCode::NOT_FOUND, error)
}

async fn no_method(method: axum::http::Method, uri: axum::http::Uri) -> Fault {
    let message = format!("`{}` takes no {}", shown(uri.path()), shown(method.as_str()));
    Fault::new(StatusCode::METHOD_NOT_ALLOWED, Error::usage(message))
}

/// A handler that panicked.
fn broke(_: Box<dyn std::any::Any + Send>) -> axum::response::Response {
    use axum::response::IntoResponse;
    let error = Error::new(ErrorKind::Plugin, "the server broke while it served this request")
        .hint("see `toygres server logs --level error`");
    Fault::new(StatusCode::INTERNAL_SERVER_ERROR, error).into_response()
}

/// What was sent, short enough for a line.
fn shown(text: &str) -> String {
    const MOST: usize = 120;
    let mut shown: String = text.chars().take(MOST).flat_map(char::escape_debug).collect();
    if text.chars().count() > MOST {
        shown.push('…');
    }
    shown
}
