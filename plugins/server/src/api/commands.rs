//! Every command of every plugin over HTTP: `/api/server/…`.
//!
//! Nothing of a command is written twice: the host runs the plugin's own, with the same checks and
//! masks, and what it answers is the body. `route` says which path means which command, `sent`
//! reads its arguments, `limits` gives it its turn, `underway` holds it to its deadlines, and `answer`
//! writes what it says.

mod answer;
mod limits;
mod route;
mod sent;
mod underway;
mod values;

pub(crate) use limits::{CommandLimits, CommandSettings};
pub(super) use route::{Endpoint, endpoints};
pub(super) use values::complete;

use super::fault::Fault;
use super::{Api, shown};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use limits::CommandClass;
use route::Found;
use serde_json::Value;
use std::sync::Arc;
use std::time::Instant;
use toygres_plugin_api::manifest::{Command, Manifest, Scope};
use toygres_plugin_api::protocol::RunCommand;
use toygres_plugin_api::{Confirmed, Context, Error, Result};

/// What commands are run with.
pub(crate) struct Runner {
    ctx: Context,
    confirmed: Confirmed,
    read: tokio::sync::Mutex<Option<ReadManifests>>,
}

/// What the plugins said of themselves, and when that was begun to be read.
struct ReadManifests {
    began: Instant,
    manifests: Arc<Vec<Manifest>>,
}

impl Runner {
    /// Runs commands by the host of this plugin's own run, which was consented to.
    pub(crate) fn new(ctx: Context, confirmed: Confirmed) -> Self {
        Self { ctx, confirmed, read: tokio::sync::Mutex::default() }
    }

    /// What every plugin says of itself, now. Reading that takes a moment and memory, so requests
    /// that come meanwhile share the next reading: it begins after each of them came.
    pub(super) async fn manifests(&self) -> Result<Arc<Vec<Manifest>>> {
        let came = Instant::now();
        let mut read = self.read.lock().await;
        if let Some(read) = read.as_ref().filter(|read| read.began >= came) {
            return Ok(read.manifests.clone());
        }
        let began = Instant::now();
        let manifests = Arc::new(self.ctx.commands().manifests().await?);
        *read = Some(ReadManifests { began, manifests: manifests.clone() });
        Ok(manifests)
    }
}

/// `/api/server/{*path}`: the command whose route it is.
pub(super) async fn command(State(api): State<Api>, request: Request) -> Result<Response, Fault> {
    let runner = api.runner()?;
    let path = request.uri().path();
    let path = path.strip_prefix("/api/server").unwrap_or(path).to_owned();
    let manifests = runner.manifests().await?;
    let Some(found) = route::find(&manifests, &path) else {
        let error = Error::not_found(format!("there is no command at `{}`", shown(&path)))
            .hint("see what there is at `/api/openapi.json`");
        return Err(Fault::new(StatusCode::NOT_FOUND, error));
    };
    check_method(&found, request.method())?;
    let method = request.method().clone();
    let run = sent::read(&found, request).await?;
    check_reading(&found, &method, &run)?;
    let plugin = plugin_of(&manifests, Scope::Server, &run.command).map_or("", |(name, _)| name);
    answer::json(underway::begin(&api, CommandClass::Command, plugin, run).await?).await
}

/// `POST /api/server/run`: a command as a command line sends it, answered line by line.
pub(super) async fn run(State(api): State<Api>, request: Request) -> Result<Response, Fault> {
    let runner = api.runner()?;
    // The answer may take its time, what was sent may not.
    let sent = tokio::time::timeout(api.0.deadline, sent::whole(request)).await;
    let run = sent.unwrap_or_else(|_| {
        let error = Error::timed_out("the body did not come in time");
        Err(Fault::new(StatusCode::REQUEST_TIMEOUT, error))
    })?;
    let manifests = runner.manifests().await?;
    // The path of the request says nothing of it.
    tracing::info!(command = shown(&typed(&run)), "command requested");
    // What is not there is the host's to refuse.
    let (plugin, class) = match plugin_of(&manifests, run.scope, &run.command) {
        Some((plugin, command)) if follows(command, &run) => (plugin, CommandClass::Follow),
        Some((plugin, _)) => (plugin, CommandClass::Command),
        None => ("", CommandClass::Command),
    };
    Ok(answer::lines(underway::begin(&api, class, plugin, run).await?))
}

/// The words of a command, without its arguments.
fn typed(run: &RunCommand) -> String {
    match run.scope {
        Scope::Server => format!("server {}", run.command),
        Scope::Local => format!("local {}", run.command),
        _ => run.command.clone(),
    }
}

/// A command with the name of its plugin.
fn plugin_of<'a>(
    manifests: &'a [Manifest],
    scope: Scope,
    name: &str,
) -> Option<(&'a str, &'a Command)> {
    manifests.iter().find_map(|manifest| {
        let mut commands = manifest.commands.iter();
        let found = commands.find(|command| command.scope == scope && command.name == name)?;
        Some((manifest.name.as_str(), found))
    })
}

/// Whether this run follows something for as long as its client wants.
fn follows(command: &Command, run: &RunCommand) -> bool {
    let mut flags = command.args.iter().filter(|arg| arg.follows);
    flags.any(|arg| !matches!(run.args.get(&arg.id), None | Some(Value::Null | Value::Bool(false))))
}

/// A request that is said to read does not carry what changes something.
fn check_reading(found: &Found<'_>, method: &Method, run: &RunCommand) -> Result<(), Fault> {
    let set = |id: &str| !matches!(run.args.get(id), None | Some(Value::Null | Value::Bool(false)));
    let changing = found.command.args.iter().find(|arg| arg.mutates && set(&arg.id));
    match changing {
        Some(arg) if method.is_safe() => {
            let error = Error::usage(format!("`{}` takes POST", arg.id));
            Err(Fault::method(error, "POST"))
        }
        _ => Ok(()),
    }
}

fn check_method(found: &Found<'_>, method: &Method) -> Result<(), Fault> {
    let reads = !found.command.mutating;
    // What is read can be asked for without its body, as everywhere.
    if method == Method::POST || (reads && (method == Method::GET || method == Method::HEAD)) {
        return Ok(());
    }
    let (takes, allow) = if reads { ("GET or POST", "GET,HEAD,POST") } else { ("POST", "POST") };
    let error = Error::usage(format!("`{}` takes {takes}", found.command.name));
    Err(Fault::method(error, allow))
}
