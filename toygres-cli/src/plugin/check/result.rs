//! What comes back: its endpoint, and the shape of the answer.

use super::row::{Outcome, Row};
use serde_json::Value;
use std::collections::BTreeMap;
use toygres_plugin_api::manifest::{Command, Manifest, Scope};

const TYPES: &[&str] = &["object", "array", "string", "integer", "number", "boolean", "null"];

/// Endpoints that nobody could ask, or that two commands have.
pub(super) fn routes(manifest: &Manifest) -> Row {
    let mut findings = Vec::new();
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for command in manifest.commands.iter().filter(|command| command.scope == Scope::Server) {
        let route = command.route.clone().unwrap_or_else(|| format!("/{}", command.name));
        if let Some(cause) = wrong_route(command, &route) {
            findings.push(format!("`{route}` of `{}` {cause}", command.name));
        }
        // A name that is there twice is said already.
        let other = seen.insert(shape(&route), &command.name);
        if let Some(other) = other.filter(|other| *other != command.name) {
            findings.push(format!("`{route}` is that of `{other}` and of `{}`", command.name));
        }
    }
    let hint = "a route is plain segments below `/api/server`, `{id}` for an argument";
    let well = format!("{} endpoints", seen.len());
    Row::of_findings("routes", Outcome::Failed, &findings, well, hint)
}

fn wrong_route(command: &Command, route: &str) -> Option<String> {
    let Some(path) = route.strip_prefix('/') else { return Some("begins with no `/`".to_owned()) };
    for segment in path.split('/') {
        let argument = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        if let Some(id) = argument {
            if !command.args.iter().any(|arg| arg.id == id) {
                return Some(format!("names the argument `{id}`, which it does not have"));
            }
        } else if segment.is_empty()
            || !segment.chars().all(|c| c.is_ascii_alphanumeric() || "-_.~".contains(c))
        {
            return Some(format!("has the segment `{segment}`"));
        }
    }
    None
}

/// Routes that differ in the names of their arguments alone are one.
fn shape(route: &str) -> String {
    let parts = route.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// Schemas that no reader of the API's description could use.
pub(super) fn schemas(manifest: &Manifest) -> Row {
    let mut findings = Vec::new();
    let mut declared = 0;
    for command in &manifest.commands {
        let (result, name) = (&command.result, &command.name);
        for schema in result.schema.iter().chain(&result.also) {
            declared += 1;
            if let Some(cause) = wrong_schema(schema) {
                findings.push(format!("`{name}`: {cause}"));
            }
        }
        let row = result.schema.as_ref().filter(|_| result.list);
        if row.is_some_and(|row| row["type"] != "object") {
            findings.push(format!("`{name}`: a row is an object"));
        }
        if command.checks && !result.list {
            findings.push(format!("`{name}`: checks are a list"));
        }
    }
    let well = format!("{declared} of {} commands say what they answer", manifest.commands.len());
    let hint = "declare the answer with `rows = Type` or `detail = Type` and `derive(Schema)`";
    Row::of_findings("schemas", Outcome::Failed, &findings, well, hint)
}

fn wrong_schema(schema: &Value) -> Option<String> {
    let Some(object) = schema.as_object() else { return Some("a schema is an object".to_owned()) };
    if let Some(kind) = object.get("type")
        && !kind.as_str().is_some_and(|kind| TYPES.contains(&kind))
    {
        return Some(format!("{kind} is no type of a schema"));
    }
    let properties = object.get("properties").and_then(Value::as_object);
    let required = object.get("required").and_then(Value::as_array).into_iter().flatten();
    for key in required.filter_map(Value::as_str) {
        if !properties.is_some_and(|properties| properties.contains_key(key)) {
            return Some(format!("`{key}` is required and not described"));
        }
    }
    let below = properties.into_iter().flat_map(|properties| properties.values());
    let below = below.chain(object.get("items")).chain(object.get("additionalProperties"));
    let any = object.get("anyOf").and_then(Value::as_array).into_iter().flatten();
    below.chain(any).filter(|schema| !schema.is_boolean()).find_map(wrong_schema)
}

#[cfg(test)]
mod tests {
    use super::{wrong_route, wrong_schema};
    use serde_json::json;
    use toygres_plugin_api::manifest::{Arg, Command};

    #[test]
    fn routes_are_plain_segments_and_arguments() {
        let arg = Arg { id: "id".to_owned(), ..Arg::default() };
        let command = Command { args: vec![arg], ..Command::default() };
        for route in ["/a", "/a/{id}", "/a/{id}/b-c"] {
            assert_eq!(wrong_route(&command, route), None, "{route}");
        }
        for route in ["a", "/", "/a//b", "/a?b", "/{other}", "/a/b%20", "/é"] {
            assert!(wrong_route(&command, route).is_some(), "{route}");
        }
    }

    #[test]
    fn schemas_hold_together() {
        let fine = json!({"type": "object", "required": ["a"],
            "properties": {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}, "b": {}}});
        assert_eq!(wrong_schema(&fine), None);
        for wrong in [
            json!("x"),
            json!({"type": "text"}),
            json!({"type": "object", "required": ["a"], "properties": {}}),
            json!({"type": "array", "items": {"type": 1}}),
        ] {
            assert!(wrong_schema(&wrong).is_some(), "{wrong}");
        }
    }
}
