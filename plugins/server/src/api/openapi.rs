//! `/api/openapi.json`: what there is, made from what the plugins say of themselves.

use super::Api;
use super::commands::{Endpoint, endpoints};
use super::fault::Fault;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use toygres_model::request;
use toygres_plugin_api::manifest::{Arg, ArgKind, Command, Manifest};

/// `GET /api/openapi.json`
pub(super) async fn document(State(api): State<Api>) -> Result<Response, Fault> {
    let manifests = api.runner()?.manifests().await?;
    Ok(Json(of(&manifests)).into_response())
}

/// The document for these plugins.
fn of(manifests: &[Manifest]) -> Value {
    let mut paths = own_paths();
    for endpoint in endpoints(manifests) {
        let path = format!("/api/server{}", endpoint.path);
        paths.insert(path, methods(&endpoint));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "toygres",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The control plane's API. Below `/api/server` each path runs a command \
                of a plugin and answers its data.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Error": error_schema(), "Instance": instance_schema()},
        },
    })
}

/// One command's path with its methods.
fn methods(endpoint: &Endpoint<'_>) -> Value {
    let command = endpoint.command;
    let mut methods = Map::new();
    let in_path: Vec<&str> = endpoint
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .collect();
    let path_parameters: Vec<Value> =
        in_path.iter().map(|id| parameter(command, id, "path")).collect();
    let elsewhere: Vec<&Arg> = command
        .args
        .iter()
        .filter(|arg| !in_path.contains(&arg.id.as_str()) && endpoint.flag != Some(&arg.id))
        .filter(|arg| arg.kind != ArgKind::Path && !arg.follows)
        .collect();
    if !command.mutating {
        let query = elsewhere.iter().filter(|arg| !arg.mutates).map(|arg| query_parameter(arg));
        let query = query.chain([show_secrets()]);
        let parameters: Vec<Value> = path_parameters.iter().cloned().chain(query).collect();
        methods.insert("get".to_owned(), operation(endpoint, "get", parameters, None));
    }
    let body = body(command, &elsewhere);
    methods.insert("post".to_owned(), operation(endpoint, "post", path_parameters, Some(body)));
    Value::Object(methods)
}

fn operation(
    endpoint: &Endpoint<'_>,
    method: &str,
    parameters: Vec<Value>,
    body: Option<Value>,
) -> Value {
    let command = endpoint.command;
    let flag = endpoint.flag.map(|flag| format!("-{flag}")).unwrap_or_default();
    let mut operation = json!({
        "operationId": format!("{method}-{}{flag}", command.name),
        "summary": command.about,
        "description": command.long_about,
        "tags": [if command.category.is_empty() { endpoint.plugin } else { &command.category }],
        "parameters": parameters,
        "responses": responses(result(command)),
    });
    if let Some(body) = body {
        operation["requestBody"] = body;
    }
    operation
}

fn parameter(command: &Command, id: &str, place: &str) -> Value {
    let arg = command.args.iter().find(|arg| arg.id == id);
    json!({
        "name": id,
        "in": place,
        "required": true,
        "description": arg.map(|arg| arg.help.as_str()).unwrap_or_default(),
        "schema": {"type": "string", "minLength": 1},
    })
}

fn query_parameter(arg: &Arg) -> Value {
    let mut parameter = json!({
        "name": arg.id,
        "in": "query",
        "required": arg.required,
        "description": arg.help,
        "schema": schema(arg, false),
    });
    if arg.kind == ArgKind::Flag {
        // `?verbose` is enough.
        parameter["allowEmptyValue"] = true.into();
    }
    parameter
}

/// What every command takes besides its arguments.
fn show_secrets() -> Value {
    let mut parameter = flag_parameter("show_secrets", SHOW_SECRETS);
    parameter["allowEmptyValue"] = true.into();
    parameter
}

const SHOW_SECRETS: &str =
    "answer passwords and tokens as they are, not masked; the server's own stay masked";

fn body(command: &Command, args: &[&Arg]) -> Value {
    let mut properties: Map<String, Value> =
        args.iter().map(|arg| (arg.id.clone(), schema(arg, true))).collect();
    if command.mutating || args.iter().any(|arg| arg.mutates) {
        let what = "the answer to the command's question: `yes`, or the name that it asks for";
        properties.insert("confirm".to_owned(), json!({"type": "string", "description": what}));
    }
    let secrets = json!({"type": "boolean", "description": SHOW_SECRETS});
    properties.insert("show_secrets".to_owned(), secrets);
    let required: Vec<&str> =
        args.iter().filter(|arg| arg.required).map(|arg| arg.id.as_str()).collect();
    let mut schema = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
        "required": required,
    });
    company(&mut schema, args);
    json!({
        "required": !required.is_empty(),
        "content": {"application/json": {"schema": schema}},
    })
}

/// Arguments that need another, and those that exclude each other. One that has its default counts
/// as not given, which a schema cannot say: of those nothing is said.
fn company(schema: &mut Value, args: &[&Arg]) {
    let plain = |arg: &Arg| arg.default.is_none() && arg.kind != ArgKind::Flag;
    let mut excluded = Vec::new();
    for arg in args.iter().filter(|arg| plain(arg)) {
        for other in args.iter().filter(|other| plain(other) && arg.conflicts.contains(&other.id)) {
            excluded.push(json!({"required": [arg.id, other.id]}));
        }
        if !arg.requires.is_empty() {
            schema["dependentRequired"][&arg.id] = json!(arg.requires);
        }
    }
    if !excluded.is_empty() {
        schema["not"] = json!({"anyOf": excluded});
    }
}

/// What an argument may be. In a body a duration may be a number of milliseconds too.
fn schema(arg: &Arg, in_body: bool) -> Value {
    let mut one = match arg.kind {
        ArgKind::Flag => json!({"type": "boolean"}),
        ArgKind::Integer => integer(arg),
        ArgKind::Float => json!({"type": "number"}),
        ArgKind::Duration if in_body => json!({
            "type": ["string", "integer"],
            "minLength": 2,
            "minimum": 0,
            "examples": ["90s", "1d12h", 90_000],
        }),
        ArgKind::Duration => {
            json!({"type": "string", "minLength": 2, "examples": ["90s", "1d12h"]})
        }
        ArgKind::Time | ArgKind::RecordTime => {
            let examples = ["2h", "2024-11-17T12:00:00Z"];
            json!({"type": "string", "minLength": 2, "examples": examples})
        }
        ArgKind::Enum => {
            let names: Vec<&str> = arg.values.iter().map(|value| value.name.as_str()).collect();
            json!({"type": "string", "enum": names})
        }
        ArgKind::Text | ArgKind::Path | ArgKind::Pair => json!({"type": "string"}),
    };
    one["description"] = arg.help.as_str().into();
    if arg.multiple { json!({"type": "array", "items": one}) } else { one }
}

fn integer(arg: &Arg) -> Value {
    let mut schema = json!({"type": "integer"});
    if let Some(least) = arg.min {
        schema["minimum"] = least.into();
    }
    if let Some(most) = arg.max {
        schema["maximum"] = most.into();
    }
    schema
}

fn result(command: &Command) -> Value {
    let result = &command.result;
    let declared = result.schema.clone().unwrap_or_else(|| json!({}));
    let usual = if result.list { json!({"type": "array", "items": declared}) } else { declared };
    match result.also.as_slice() {
        [] => usual,
        also => {
            let any: Vec<&Value> = std::iter::once(&usual).chain(also).collect();
            json!({"anyOf": any})
        }
    }
}

/// A good answer and every way to refuse.
fn responses(good: Value) -> Value {
    let mut responses = refusals();
    responses["200"] = json!({
        "description": "What the command answers. `toygres-verdict` says what it means where that \
            is not simply good, `toygres-note` holds remarks, `toygres-more` is `true` where there \
            are more rows than were asked for.",
        "headers": {
            "toygres-verdict": {"schema": {"type": "string"}},
            "toygres-note": {"schema": {"type": "string"}},
            "toygres-more": {"schema": {"type": "string"}},
        },
        "content": {"application/json": {"schema": good}},
    });
    responses
}

fn refusals() -> Value {
    let mut refusals = Map::new();
    for (status, description) in [
        ("400", "what was sent is wrong"),
        ("401", "no token, or a wrong one"),
        ("403", "refused"),
        ("404", "there is no such thing"),
        ("405", "the path takes another method"),
        ("408", "the body did not come in time"),
        ("409", "it was tried and failed, or the name is taken"),
        ("413", "the body is too large"),
        ("415", "the body is not said to be JSON"),
        ("421", "the `Host` header names another host"),
        ("428", "it has to be confirmed: see `confirmation`"),
        ("429", "the server is busy with other commands: `retry-after` says when to ask again"),
        ("500", "the server or a plugin broke"),
        ("503", "a backend cannot be reached"),
        ("504", "not done in time"),
    ] {
        let schema = json!({"$ref": "#/components/schemas/Error"});
        let content = json!({"application/json": {"schema": schema}});
        refusals.insert(status.to_owned(), json!({"description": description, "content": content}));
    }
    for (status, header) in [("401", "www-authenticate"), ("405", "allow")] {
        refusals[status]["headers"] = json!({header: {"schema": {"type": "string"}}});
    }
    Value::Object(refusals)
}

/// The paths that no plugin's command stands behind.
fn own_paths() -> Map<String, Value> {
    let instance = json!({"$ref": "#/components/schemas/Instance"});
    let mut paths = Map::new();
    let open = |summary: &str| {
        let mut operation = plain(summary, json!({"type": "object"}), "200");
        operation["security"] = json!([]);
        // Probes are answered whatever they call this host.
        if let Some(responses) = operation["responses"].as_object_mut() {
            responses.remove("421");
        }
        json!({"get": operation})
    };
    paths.insert("/healthz".to_owned(), open("Whether the process is alive"));
    paths.insert("/readyz".to_owned(), open("Whether everything that it needs is there"));
    let mut metrics = plain("Figures for Prometheus", json!({}), "200");
    metrics["responses"]["200"]["content"] = json!({"text/plain": {"schema": {"type": "string"}}});
    paths.insert("/metrics".to_owned(), json!({"get": metrics}));
    let document = plain("This document", json!({"type": "object"}), "200");
    paths.insert("/api/openapi.json".to_owned(), json!({"get": document}));
    paths.insert("/api/instances".to_owned(), instances(&instance));
    paths.insert("/api/instances/{name}".to_owned(), one_instance(&instance));
    paths.insert("/api/instances/{name}/monitor".to_owned(), monitor());
    paths.insert("/api/server/run".to_owned(), run());
    paths.insert("/api/complete".to_owned(), complete());
    paths
}

fn plain(summary: &str, schema: Value, status: &str) -> Value {
    let mut responses = refusals();
    responses[status] = json!({
        "description": "Done",
        "content": {"application/json": {"schema": schema}},
    });
    json!({"summary": summary, "responses": responses})
}

fn flag_parameter(name: &str, description: &str) -> Value {
    json!({"name": name, "in": "query", "description": description, "schema": {"type": "boolean"}})
}

fn text_parameter(name: &str, values: &[&str]) -> Value {
    json!({"name": name, "in": "query", "schema": {"type": "string", "enum": values}})
}

/// What names look like.
const LABEL: &str = "^[a-z]([a-z0-9-]*[a-z0-9])?$";

fn instances(instance: &Value) -> Value {
    let mut list = plain("List instances", json!({"type": "array", "items": instance}), "200");
    list["parameters"] = json!([
        text_parameter("state", &["creating", "running", "deleting", "deleted", "failed"]),
        text_parameter("health", &["healthy", "unhealthy", "unknown"]),
        flag_parameter("all", "deleted ones too"),
    ]);
    let mut create = plain("Create an instance", instance.clone(), "202");
    create["requestBody"] = json!({"required": true, "content": {"application/json": {"schema": {
        "type": "object",
        "additionalProperties": false,
        "required": ["name"],
        "properties": {
            "name": {"type": "string", "pattern": LABEL, "maxLength": request::NAME_MOST},
            "password": {
                "type": ["string", "null"],
                "minLength": 1,
                "maxLength": request::PASSWORD_MOST,
                "description": "generated where not given",
            },
            "version": {"type": ["string", "null"], "examples": [request::DEFAULT_VERSION]},
            "storage_gb": {
                "type": ["integer", "null"],
                "minimum": request::STORAGE_GB.start(),
                "maximum": request::STORAGE_GB.end(),
            },
            "load_balancer": {"type": "boolean"},
            "dns_label": {"type": ["string", "null"], "pattern": LABEL},
            "tags": {"type": "object", "additionalProperties": {"type": "string"}},
        },
    }}}});
    json!({"get": list, "post": create})
}

fn one_instance(instance: &Value) -> Value {
    let name = json!({"name": "name", "in": "path", "required": true,
        "schema": {"type": "string", "minLength": 1}});
    let mut get = plain("Get an instance", instance.clone(), "200");
    get["parameters"] = json!([
        name,
        flag_parameter("show_password", "the connection string with its password"),
        flag_parameter("progress", "the steps of its orchestration"),
    ]);
    let mut delete = plain("Delete an instance", instance.clone(), "202");
    delete["parameters"] = json!([name]);
    json!({"get": get, "delete": delete})
}

fn monitor() -> Value {
    let schema = json!({
        "type": "object",
        "required": ["orchestration_id", "started"],
        "properties": {
            "orchestration_id": {"type": "string"},
            "started": {"type": "boolean", "description": "false where one watched already"},
        },
    });
    let mut post = plain("Make sure that an instance's health is watched", schema, "202");
    post["parameters"] = json!([{"name": "name", "in": "path", "required": true,
        "schema": {"type": "string", "minLength": 1}}]);
    json!({"post": post})
}

fn run() -> Value {
    let mut run = plain("Run a command as the command line does", json!({}), "200");
    run["description"] = json!(
        "Each line of the answer is one JSON document of what the command says, its rows too."
    );
    run["responses"]["200"]["content"] =
        json!({"application/x-ndjson": {"schema": {"type": "string"}}});
    run["requestBody"] = json!({"required": true, "content": {"application/json": {"schema": {
        "type": "object",
        "additionalProperties": false,
        "required": ["command"],
        "properties": {
            "scope": {"type": "string", "enum": ["server"]},
            "command": {"type": "string"},
            "args": {"type": "object"},
            "files": {"type": "object", "additionalProperties": {"type": "string"}},
            "output": {"type": "object"},
            "answer": {"type": ["string", "null"]},
        },
    }}}});
    json!({"post": run})
}

fn complete() -> Value {
    let schema = json!({
        "type": "array",
        "items": {
            "type": "object",
            "required": ["value", "help"],
            "properties": {"value": {"type": "string"}, "help": {"type": "string"}},
        },
    });
    let mut get = plain("What may stand for an argument of a command", schema, "200");
    get["description"] =
        json!("For shells: the latest first, at most as many as the plugin tells.");
    let parameter = |name: &str, required: bool, schema: Value| json!({"name": name, "in": "query", "required": required, "schema": schema});
    let text = json!({"type": "string"});
    get["parameters"] = json!([
        parameter("scope", false, json!({"type": "string", "enum": ["server", "local", "top"]})),
        parameter("command", true, text.clone()),
        parameter("arg", true, text.clone()),
        parameter("begun", false, text),
    ]);
    json!({"get": get})
}

fn error_schema() -> Value {
    json!({
        "type": "object",
        "required": ["code", "kind", "message", "hint", "retryable", "causes"],
        "properties": {
            "code": {"type": "integer", "description": "the exit code of the command line"},
            "kind": {"type": "string"},
            "message": {"type": "string"},
            "hint": {"type": ["string", "null"]},
            "retryable": {"type": "boolean"},
            "causes": {"type": "array", "items": {"type": "string"}},
            "confirmation": {
                "type": "object",
                "properties": {
                    "question": {"type": "string"},
                    "expects": {"type": "string"},
                    "preview": {},
                },
            },
        },
    })
}

fn instance_schema() -> Value {
    json!({
        "type": "object",
        "required": ["name", "k8s_name", "id", "namespace", "state", "health"],
        "properties": {
            "name": {"type": "string"},
            "k8s_name": {"type": "string"},
            "id": {"type": "string"},
            "namespace": {"type": "string"},
            "state": {"type": "string"},
            "health": {"type": "string"},
            "connection_string": {"type": ["string", "null"]},
        },
    })
}

#[cfg(test)]
mod tests {
    use super::of;
    use serde_json::json;
    use toygres_plugin_api::manifest::{Arg, ArgKind, Command, Manifest, ResultShape};

    #[test]
    fn a_command_is_described() {
        let arg = |id: &str, kind| Arg { id: id.to_owned(), kind, ..Arg::default() };
        let command = Command {
            name: "stale-backups".to_owned(),
            args: vec![arg("older_than", ArgKind::Duration), arg("file", ArgKind::Path)],
            result: ResultShape {
                list: true,
                schema: Some(json!({"type": "object"})),
                also: Vec::new(),
            },
            ..Command::default()
        };
        let plugin = Manifest { commands: vec![command], ..Manifest::default() };
        let document = of(&[plugin]);
        let get = &document["paths"]["/api/server/stale-backups"]["get"];
        assert_eq!(get["parameters"][0]["name"], "older_than");
        assert_eq!(get["parameters"][1]["name"], "show_secrets");
        assert_eq!(get["parameters"].as_array().map(Vec::len), Some(2));
        let answer = &get["responses"]["200"]["content"]["application/json"]["schema"];
        assert_eq!(answer, &json!({"type": "array", "items": {"type": "object"}}));
        assert!(document["paths"]["/api/instances/{name}"]["delete"].is_object());
    }
}
