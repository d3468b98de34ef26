//! What is asked of the API, and how its answers are read.

use crate::instance::{Instance, Step};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::pin::pin;
use std::time::Duration;
use toygres_model::instance::NewInstance;
use toygres_plugin_api::protocol::ApiResponse;
use toygres_plugin_api::shell::ShellCommand;
use toygres_plugin_api::{Confirmed, Context, Error, ErrorKind, Result};

/// What stays as it is in a path or a query.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

/// An instance with what only one answer has.
#[derive(Debug, Clone, Default)]
pub(crate) struct Found {
    pub(crate) instance: Instance,
    /// The steps of its live or last orchestration, where they were asked for.
    pub(crate) steps: Vec<Step>,
    /// The password that was generated, in the answer to a creation alone.
    pub(crate) generated: Option<String>,
}

impl Found {
    fn read(body: Value) -> Result<Self> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Besides {
            progress: Option<Vec<Step>>,
            password: Option<String>,
        }
        let unread = |error: serde_json::Error| {
            Error::failed("the API's answer is no instance")
                .cause(error)
                .hint("the server may be of another version; see `toygres server status`")
        };
        let besides: Besides = serde_json::from_value(body.clone()).map_err(unread)?;
        let instance: Instance = serde_json::from_value(body).map_err(unread)?;
        let steps = besides.progress.unwrap_or_default().into_iter().map(Step::completed);
        Ok(Self {
            instance: instance.completed(),
            steps: steps.collect(),
            generated: besides.password,
        })
    }
}

/// The request as the API reads it; what was not asked for is left to the API.
fn body(wanted: &NewInstance) -> Value {
    let mut body = json!({"name": wanted.name});
    let fields = [
        ("password", wanted.password.as_deref().map(Value::from)),
        ("version", wanted.version.as_deref().map(Value::from)),
        ("storage_gb", wanted.storage_gb.map(Value::from)),
        ("load_balancer", wanted.load_balancer.map(Value::from)),
        ("dns_label", wanted.dns_label.as_deref().map(Value::from)),
        ("tags", wanted.tags.as_ref().map(|tags| json!(tags))),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            body[name] = value;
        }
    }
    body
}

/// What was answered, or the API's error. Its hint to a token is for those who write requests
/// themselves.
fn read<T: DeserializeOwned>(answer: ApiResponse) -> Result<T> {
    let unknown = answer.status == 401;
    answer.ok().map_err(|error| match unknown {
        true => error.hint(
            "set `TOYGRES_API_TOKEN` to what the server was started with; `toygres server config` \
             tells where this one comes from",
        ),
        false => error,
    })
}

/// An answer that was nearly there when the operator interrupted still counts.
const NEARLY: Duration = Duration::from_secs(1);

/// The answer to what changes something, and was sent. Where the operator interrupts before it, the
/// server may have taken the request: `unsure` says so.
async fn answered(
    ctx: &Context,
    sent: impl Future<Output = Result<ApiResponse>>,
    unsure: impl FnOnce() -> Error,
) -> Result<ApiResponse> {
    let mut sent = pin!(sent);
    tokio::select! {
        biased;
        answer = &mut sent => return answer,
        () = ctx.cancelled() => {}
    }
    tokio::time::timeout(NEARLY, sent).await.unwrap_or_else(|_| Err(unsure()))
}

/// Asks for a new instance.
///
/// # Errors
/// What the API refuses: a taken name, for one, names the instance that has it.
pub(crate) async fn create(
    ctx: &Context,
    wanted: &NewInstance,
    confirmed: &Confirmed,
) -> Result<Found> {
    let body = body(wanted);
    let api = ctx.api();
    let sent = api.post("/api/instances", &body, confirmed);
    let answer = answered(ctx, sent, || {
        let name = &wanted.name;
        Error::new(
            ErrorKind::Interrupted,
            format!("interrupted before the answer: `{name}` may be created all the same"),
        )
        .hint(format!(
            "see `{}`; undo it with `{}`",
            ShellCommand::new("toygres get").arg(name),
            ShellCommand::new("toygres delete").arg(name)
        ))
    });
    let answer = answer.await?;
    Found::read(read(answer)?)
}

/// The instances in a state and of a health, deleted ones only with `all`.
///
/// # Errors
/// When the API cannot be reached or refuses.
pub(crate) async fn list(
    ctx: &Context,
    state: Option<&str>,
    health: Option<&str>,
    all: bool,
) -> Result<Vec<Instance>> {
    let filters = [("state", state), ("health", health), ("all", all.then_some("true"))];
    let query: Vec<String> = filters
        .iter()
        .filter_map(|(name, value)| Some(format!("{name}={}", encoded((*value)?))))
        .collect();
    let mark = if query.is_empty() { "" } else { "?" };
    let path = format!("/api/instances{mark}{}", query.join("&"));
    let mut found: Vec<Instance> = read(ctx.api().get(&path).await?)?;
    // By name, and the latest of a name first.
    found.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| b.created_at.cmp(&a.created_at)));
    Ok(found.into_iter().map(Instance::completed).collect())
}

/// One instance by either of its names, with the steps of its live or last orchestration.
///
/// # Errors
/// `not_found`, with the names that are like it.
pub(crate) async fn get(ctx: &Context, name: &str, show_password: bool) -> Result<Found> {
    if name.is_empty() {
        return Err(Error::usage("the name is empty").hint("see `toygres list`"));
    }
    let show = if show_password { "&show_password=true" } else { "" };
    let path = format!("/api/instances/{}?progress=true{show}", encoded(name));
    match read(ctx.api().get(&path).await?) {
        Ok(body) => Found::read(body),
        Err(error) if error.kind == ErrorKind::NotFound => Err(not_found(ctx, name, error).await),
        Err(error) => Err(error),
    }
}

/// Asks for the end of an instance.
///
/// # Errors
/// When the API cannot be reached or refuses.
pub(crate) async fn delete(ctx: &Context, name: &str, confirmed: &Confirmed) -> Result<Found> {
    let path = format!("/api/instances/{}", encoded(name));
    let api = ctx.api();
    let answer = answered(ctx, api.delete(&path, confirmed), || {
        Error::new(
            ErrorKind::Interrupted,
            format!("interrupted before the answer: `{name}` may be deleted all the same"),
        )
        .hint(format!("see `{}`", ShellCommand::new("toygres get").arg(name)))
    });
    Found::read(read(answer.await?)?)
}

/// The API's `error` with what was perhaps meant. That it has none by this name stays the answer
/// where the others cannot be listed.
async fn not_found(ctx: &Context, name: &str, mut error: Error) -> Error {
    let Ok(known) = list(ctx, None, None, true).await else { return error };
    let is_it = |known: &&Instance| known.name == name || known.k8s_name == name;
    if known.iter().filter(is_it).any(|known| known.state != "deleted") {
        // It is something of this instance that there is not.
        return error;
    }
    if let Some(gone) = known.iter().find(is_it) {
        let when = gone.deleted_at.as_deref().map(|at| format!(" at {at}")).unwrap_or_default();
        return error
            .cause(format!("`{}` was deleted{when}", gone.k8s_name))
            .hint("see deleted ones with `toygres list --all`");
    }
    let alive = known.iter().filter(|known| known.state != "deleted");
    let like = nearest(name, alive.map(|known| known.name.as_str()));
    error.hint = Some(match like.as_slice() {
        [] => "see `toygres list`".to_owned(),
        names => format!("did you mean {}? see `toygres list`", quoted(names)),
    });
    error
}

fn quoted(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(" or ")
}

/// Those of `known` that `typed` may have meant, the likeliest first, at most three.
fn nearest<'a>(typed: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let typed = typed.to_lowercase();
    let far = (typed.chars().count() / 3).max(1);
    let mut near: Vec<(usize, &str)> = known
        .map(|name| {
            let within = typed.len() >= 3 && name.starts_with(&typed);
            let distance = strsim::damerau_levenshtein(&typed, name);
            (if within { distance.min(1) } else { distance }, name)
        })
        .filter(|(distance, _)| *distance <= far)
        .collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().take(3).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests;
