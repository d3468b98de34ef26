//! Arguments that somebody elsewhere sends: checked against the manifest as clap checks what is
//! typed, since no clap stands between here and there.

use crate::cli::values;
use serde_json::{Map, Value};
use toygres_plugin_api::manifest::{Arg, ArgKind, Command};
use toygres_plugin_api::{Error, Result};

/// The arguments with defaults, each of the JSON type that its kind says. A text is read as if it
/// were typed.
///
/// # Errors
/// What is wrong, and what would have been right.
pub(super) fn checked(command: &Command, sent: Map<String, Value>) -> Result<Map<String, Value>> {
    let known = |id: &str| command.args.iter().any(|arg| arg.id == id);
    if let Some(unknown) = sent.keys().find(|id| !known(id)) {
        let ids: Vec<&str> = command.args.iter().map(|arg| arg.id.as_str()).collect();
        let hint = match ids.as_slice() {
            [] => "it takes none".to_owned(),
            ids => format!("its arguments are {}", ids.join(", ")),
        };
        return Err(
            Error::usage(format!("`{}` has no argument `{unknown}`", command.name)).hint(hint)
        );
    }
    let mut args = Map::new();
    for arg in &command.args {
        let value = sent.get(&arg.id).filter(|value| !value.is_null());
        match value {
            Some(value) => {
                args.insert(arg.id.clone(), read(arg, value)?);
            }
            None if arg.required => {
                return Err(Error::usage(format!("`{}` needs `{}`", command.name, arg.id))
                    .hint(arg.help.clone()));
            }
            None => args.extend(default(arg)?.map(|value| (arg.id.clone(), value))),
        }
    }
    check_company(command, &args)?;
    Ok(args)
}

/// What clap would give where nothing was typed.
fn default(arg: &Arg) -> Result<Option<Value>> {
    match &arg.default {
        None if arg.kind == ArgKind::Flag => Ok(Some(Value::Bool(false))),
        None => Ok(None),
        Some(text) => read(arg, &Value::from(text.as_str())).map(Some),
    }
}

fn read(arg: &Arg, value: &Value) -> Result<Value> {
    match value {
        Value::Array(values) if arg.multiple => {
            values.iter().map(|value| one(arg, value)).collect()
        }
        Value::Array(_) => Err(wrong(arg, "it is given once")),
        value if arg.multiple => Ok(Value::Array(vec![one(arg, value)?])),
        value => one(arg, value),
    }
}

fn one(arg: &Arg, value: &Value) -> Result<Value> {
    let fits = match (arg.kind, value) {
        (ArgKind::Flag, Value::Bool(_)) => true,
        (ArgKind::Flag, Value::String(text)) => {
            return match text.as_str() {
                "" | "true" => Ok(Value::Bool(true)),
                "false" => Ok(Value::Bool(false)),
                _ => Err(wrong(arg, "it is `true` or `false`")),
            };
        }
        (ArgKind::Integer, Value::Number(number)) => !number.is_f64(),
        (ArgKind::Float, Value::Number(_)) => true,
        (ArgKind::Duration, Value::Number(number)) => number.is_u64(),
        (ArgKind::Enum, Value::String(text)) => {
            if arg.values.iter().any(|known| &known.name == text) {
                return Ok(value.clone());
            }
            let known: Vec<&str> = arg.values.iter().map(|value| value.name.as_str()).collect();
            return Err(wrong(arg, &format!("it is one of {}", known.join(", "))));
        }
        (kind, Value::String(text)) => {
            let read = values::parse(kind, text);
            let read = read.and_then(|value| values::within(arg, value));
            return read.map_err(|cause| wrong(arg, &cause));
        }
        _ => false,
    };
    if !fits {
        return Err(wrong(arg, "it is of another type"));
    }
    values::within(arg, value.clone()).map_err(|cause| wrong(arg, &cause))
}

/// Arguments that exclude each other, and those that need another. One that has its default counts
/// as not given, as it does for clap.
fn check_company(command: &Command, args: &Map<String, Value>) -> Result<()> {
    let given = |id: &String| {
        let arg = command.args.iter().find(|arg| &arg.id == id);
        let usual = arg.and_then(|arg| default(arg).ok().flatten());
        args.get(id).is_some_and(|value| !value.is_null() && Some(value) != usual.as_ref())
    };
    for arg in command.args.iter().filter(|arg| given(&arg.id)) {
        if let Some(other) = arg.conflicts.iter().find(|other| given(other)) {
            return Err(Error::usage(format!("`{}` cannot stand beside `{other}`", arg.id)));
        }
        if let Some(other) = arg.requires.iter().find(|other| !given(other)) {
            return Err(Error::usage(format!("`{}` needs `{other}` beside it", arg.id)));
        }
    }
    Ok(())
}

fn wrong(arg: &Arg, cause: &str) -> Error {
    Error::usage(format!("the argument `{}` cannot be taken", arg.id))
        .cause(cause)
        .hint(arg.help.clone())
}

#[cfg(test)]
mod tests {
    use super::checked;
    use serde_json::{Value, json};
    use toygres_plugin_api::manifest::{Arg, ArgKind, ArgValue, Command};

    fn command() -> Command {
        let arg = |id: &str, kind| Arg { id: id.to_owned(), kind, ..Arg::default() };
        let status = ArgValue { name: "failed".to_owned(), help: String::new() };
        Command {
            name: "list".to_owned(),
            args: vec![
                Arg {
                    default: Some("20".to_owned()),
                    min: Some(0),
                    ..arg("limit", ArgKind::Integer)
                },
                Arg { multiple: true, values: vec![status], ..arg("status", ArgKind::Enum) },
                arg("older_than", ArgKind::Duration),
                Arg { conflicts: vec!["limit".to_owned()], ..arg("count", ArgKind::Flag) },
                Arg { required: true, ..arg("id", ArgKind::Text) },
            ],
            ..Command::default()
        }
    }

    fn check(sent: Value) -> Result<Value, String> {
        let Value::Object(sent) = sent else { panic!("an object") };
        checked(&command(), sent).map(Value::Object).map_err(|error| error.message)
    }

    #[test]
    fn texts_are_read_as_if_typed_and_defaults_stand_in() {
        assert_eq!(
            check(json!({"id": "a", "status": "failed", "older_than": "1d12h", "limit": null})),
            Ok(
                json!({"limit": 20, "status": ["failed"], "older_than": 129_600_000, "count": false,
                "id": "a"})
            )
        );
        assert_eq!(
            check(json!({"id": "a", "limit": 5, "older_than": 10, "count": "false"})),
            Ok(json!({"limit": 5, "older_than": 10, "count": false, "id": "a"}))
        );
        let usual = json!({"id": "a", "count": true, "limit": 20});
        assert_eq!(check(usual), Ok(json!({"limit": 20, "count": true, "id": "a"})));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (sent, says) in [
            (json!({}), "needs `id`"),
            (json!({"id": "a", "sise": 1}), "no argument `sise`"),
            (json!({"id": 5}), "`id` cannot"),
            (json!({"id": "a", "limit": "many"}), "`limit` cannot"),
            (json!({"id": "a", "limit": 1.5}), "`limit` cannot"),
            (json!({"id": "a", "limit": -1}), "`limit` cannot"),
            (json!({"id": "a", "limit": "-1"}), "`limit` cannot"),
            (json!({"id": "a", "limit": [1, 2]}), "`limit` cannot"),
            (json!({"id": "a", "status": ["lost"]}), "`status` cannot"),
            (json!({"id": "a", "older_than": -1}), "`older_than` cannot"),
            (json!({"id": "a", "count": true, "limit": 1}), "cannot stand beside"),
            (json!({"id": "a", "count": "yes"}), "`count` cannot"),
            (json!({"id": {"a": 1}}), "`id` cannot"),
        ] {
            let refused = check(sent.clone()).unwrap_err();
            assert!(refused.contains(says), "{sent}: {refused}");
        }
    }
}
