//! What was sent along: arguments in the query or the body, the answer to a question.

use super::route::Found;
use crate::api::body;
use crate::api::fault::Fault;
use axum::extract::Request;
use serde_json::{Map, Value};
use toygres_plugin_api::manifest::{Command, Scope};
use toygres_plugin_api::protocol::{Output, RunCommand};
use toygres_plugin_api::{Error, Result};

/// The largest body of a command: a statement may be long.
const MOST_BYTES: usize = 4 * 1024 * 1024;
/// What may be sent besides arguments.
const CONFIRM: &str = "confirm";
const SHOW_SECRETS: &str = "show_secrets";

/// The command of a path with its arguments.
pub(super) async fn read(
    found: &Found<'_>,
    request: Request,
) -> std::result::Result<RunCommand, Fault> {
    let mut sent = query(found.command, request.uri().query());
    let body = body::bytes(request, MOST_BYTES).await?;
    if !body.is_empty() {
        sent.extend(body::object::<Map<String, Value>>(&body, None).map_err(Fault::bad)?);
    }
    let answer = word(sent.remove(CONFIRM)).map_err(Fault::bad)?;
    let show_secrets = flag(sent.remove(SHOW_SECRETS)).map_err(Fault::bad)?;
    // What the path says cannot be said otherwise.
    sent.extend(found.args.clone());
    refuse_following(found.command, &mut sent).map_err(Fault::bad)?;
    Ok(RunCommand {
        scope: Scope::Server,
        command: found.command.name.clone(),
        args: sent,
        answer,
        output: Output { format: "json".to_owned(), show_secrets, ..Output::default() },
        ..RunCommand::default()
    })
}

/// A command as a command line sends it.
pub(super) async fn whole(request: Request) -> std::result::Result<RunCommand, Fault> {
    // Files come in base64.
    let body = body::bytes(request, 2 * MOST_BYTES).await?;
    let known = &["scope", "command", "args", "files", "output", "answer"];
    let run: RunCommand = body::object(&body, Some(known)).map_err(Fault::bad)?;
    let sent: Map<String, Value> = body::object(&body, Some(known)).map_err(Fault::bad)?;
    if sent.get("output").is_some_and(|output| !output.is_object()) {
        return Err(Fault::bad(Error::usage("the field `output` must be an object")));
    }
    if run.command.is_empty() {
        let error = Error::usage("the field `command` is missing");
        return Err(Fault::bad(error.hint("name a command of `server`, such as `db-status`")));
    }
    if run.scope != Scope::Server {
        return Err(Fault::bad(Error::usage("only commands of `server` are run for others")));
    }
    Ok(run)
}

/// One document cannot follow anything.
fn refuse_following(command: &Command, sent: &mut Map<String, Value>) -> Result<()> {
    for arg in command.args.iter().filter(|arg| arg.follows) {
        if flag(sent.remove(&arg.id)).unwrap_or(true) {
            return Err(Error::usage(format!("`{}` is for the command line", arg.id)).hint(
                "ask again after a while, or `POST /api/server/run` for lines as they come",
            ));
        }
    }
    Ok(())
}

/// Parameters as arguments: by their ids, or as they are typed, `error-contains`.
fn query(command: &Command, query: Option<&str>) -> Map<String, Value> {
    let mut args: Map<String, Value> = Map::new();
    for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        let typed = command.args.iter().find(|arg| arg.long.as_deref() == Some(name.as_ref()));
        let id = typed.map_or_else(|| name.into_owned(), |arg| arg.id.clone());
        let value = Value::from(value.into_owned());
        match args.get_mut(&id) {
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
            None => {
                args.insert(id, value);
            }
        }
    }
    args
}

fn word(value: Option<Value>) -> Result<Option<String>> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(word)) => Ok(Some(word)),
        Some(Value::Bool(true)) => Ok(Some("yes".to_owned())),
        Some(_) => {
            Err(Error::usage("`confirm` is text")
                .hint("`yes`, or the name that the question asks for"))
        }
    }
}

fn flag(value: Option<Value>) -> Result<bool> {
    match value {
        None | Some(Value::Null | Value::Bool(false)) => Ok(false),
        Some(Value::Bool(true)) => Ok(true),
        Some(Value::String(word)) if word == "true" || word.is_empty() => Ok(true),
        Some(Value::String(word)) if word == "false" => Ok(false),
        Some(_) => Err(Error::usage("`show_secrets` is `true` or `false`")),
    }
}

#[cfg(test)]
mod tests {
    use super::query;
    use serde_json::{Value, json};
    use toygres_plugin_api::manifest::{Arg, Command};

    #[test]
    fn parameters_are_arguments_by_either_name() {
        let arg = Arg {
            id: "error_contains".to_owned(),
            long: Some("error-contains".to_owned()),
            ..Arg::default()
        };
        let command = Command { args: vec![arg], ..Command::default() };
        let read = |text| Value::Object(query(&command, Some(text)));
        assert_eq!(read("error-contains=a+b"), json!({"error_contains": "a b"}));
        assert_eq!(
            read("error_contains=a&x=1&x=2"),
            json!({"error_contains": "a", "x": ["1", "2"]})
        );
        assert_eq!(Value::Object(query(&command, None)), json!({}));
    }
}
