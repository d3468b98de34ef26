//! `GET /api/complete`: what may stand for an argument of a command, for a shell far away.

use super::limits::CommandClass;
use super::{answer, plugin_of, underway};
use crate::api::Api;
use crate::api::fault::Fault;
use crate::api::query::Query;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use toygres_plugin_api::Error;
use toygres_plugin_api::manifest::Scope;
use toygres_plugin_api::protocol::{Complete, RunCommand};

/// Candidates, each with what it is.
pub(in crate::api) async fn complete(
    State(api): State<Api>,
    RawQuery(query): RawQuery,
) -> Result<Response, Fault> {
    let query = Query::read(query.as_deref(), &["scope", "command", "arg", "begun"])?;
    let run = RunCommand {
        scope: scope(query.text("scope"))?,
        command: needed(&query, "command")?,
        complete: Some(Complete {
            arg: needed(&query, "arg")?,
            begun: query.text("begun").unwrap_or_default().to_owned(),
        }),
        ..RunCommand::default()
    };
    let manifests = api.runner()?.manifests().await?;
    let plugin = plugin_of(&manifests, run.scope, &run.command).map_or("", |(name, _)| name);
    answer::json(underway::begin(&api, CommandClass::Completion, plugin, run).await?).await
}

fn needed(query: &Query, name: &str) -> Result<String, Fault> {
    let missing = || {
        let error = Error::usage(format!("the parameter `{name}` is missing"));
        Fault::bad(error.hint("name a command and one of its arguments, by its id in the manifest"))
    };
    query.text(name).map(str::to_owned).ok_or_else(missing)
}

fn scope(said: Option<&str>) -> Result<Scope, Fault> {
    match said {
        None | Some("server") => Ok(Scope::Server),
        Some("local") => Ok(Scope::Local),
        Some("top") => Ok(Scope::Top),
        Some(_) => Err(Fault::bad(
            Error::usage("the parameter `scope` cannot be taken")
                .hint("give `server`, `local` or `top`"),
        )),
    }
}
