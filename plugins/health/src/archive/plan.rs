//! What goes into the archive: every command that only reads and needs nothing to be told, a few of
//! them with more to say, and what needs somebody one by one.

use serde_json::{Map, Value, json};
use toygres_plugin_api::manifest::{Command, Manifest, Scope};

/// The command that makes the archive; it is not in it.
const ITSELF: &str = "report";
/// At most so many orchestrations are looked into one by one.
const MOST: usize = 20;

/// A command to run, and the name of what it says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Planned {
    pub(crate) plugin: String,
    pub(crate) scope: Scope,
    pub(crate) command: String,
    pub(crate) args: Map<String, Value>,
    /// In the archive, without its ending.
    pub(crate) file: String,
    /// Its endpoint below `/api/server`; none where it is about the machine it is typed on.
    pub(crate) route: Option<String>,
}

/// Lines of the log: what led to a trouble began before it was seen.
const LINES: u32 = 2000;

/// Arguments that make a command say more, where it has them.
fn more() -> [(&'static str, &'static str, Value); 5] {
    [
        ("list", "all", json!(true)),
        ("health", "verbose", json!(true)),
        ("db-status", "verbose", json!(true)),
        ("drift", "verbose", json!(true)),
        ("logs", "tail", json!(LINES)),
    ]
}

/// Every command that can be run as it is, private ones too.
pub(crate) fn plan(manifests: &[Manifest]) -> Vec<Planned> {
    let mut planned = Vec::new();
    for manifest in manifests {
        for command in manifest.commands.iter().filter(|command| is_diagnostic(command)) {
            planned.push(whole(manifest, command));
            planned.extend(parts(manifest, command));
        }
    }
    planned
}

/// Reads that are worth a file of their own and that no command without arguments makes: the events of
/// instances and their latest health checks.
pub(crate) fn queries(manifests: &[Manifest], cms: &str) -> Vec<Planned> {
    let command = |manifest: &Manifest| {
        manifest.commands.iter().find(|command| command.name == "db-query").cloned()
    };
    let Some((manifest, command)) =
        manifests.iter().find_map(|manifest| Some((manifest, command(manifest)?)))
    else {
        return Vec::new();
    };
    let schema = format!("\"{}\"", cms.replace('"', "\"\""));
    let query = |table: &str, time: &str| {
        let sql = format!(
            "SELECT i.user_name, i.k8s_name, t.* FROM {schema}.{table} t \
             JOIN {schema}.instances i ON i.id = t.instance_id ORDER BY t.{time} DESC LIMIT {LINES}"
        );
        let args =
            Map::from_iter([("sql".to_owned(), json!(sql)), ("limit".to_owned(), json!(LINES))]);
        one(manifest, &command, args, format!("cms/{table}"))
    };
    vec![query("instance_events", "created_at"), query("instance_health_checks", "checked_at")]
}

/// The list of instances, which is a command of its users.
fn is_list(command: &Command) -> bool {
    command.scope == Scope::Top && command.name == "list"
}

fn is_diagnostic(command: &Command) -> bool {
    (command.scope == Scope::Server || is_list(command))
        && !command.mutating
        && !command.hidden
        && command.name != ITSELF
        // What is asked about something, such as `db-query`, says nothing by itself.
        && !command.args.iter().any(|arg| arg.required || arg.positional)
}

fn whole(manifest: &Manifest, command: &Command) -> Planned {
    let has = |id: &str| command.args.iter().any(|arg| arg.id == id);
    let more = more().into_iter().filter(|(name, id, _)| command.name == *name && has(id));
    let args = more.map(|(_, id, value)| (id.to_owned(), value)).collect();
    one(manifest, command, args, command.name.clone())
}

/// Lists that are worth a file of their own.
fn parts(manifest: &Manifest, command: &Command) -> Vec<Planned> {
    if command.name != "orchestrations" {
        return Vec::new();
    }
    let part = |id: &str, value: Value| {
        let args = Map::from_iter([(id.to_owned(), value)]);
        one(manifest, command, args, format!("{}-{}", command.name, args_name(id)))
    };
    vec![part("status", json!(["failed"])), part("stuck", json!(true))]
}

fn args_name(id: &str) -> &str {
    if id == "status" { "failed" } else { id }
}

fn one(manifest: &Manifest, command: &Command, args: Map<String, Value>, file: String) -> Planned {
    let plugin = manifest.name.clone();
    let route = || command.route.clone().unwrap_or_else(|| format!("/{}", command.name));
    // Commands of users ask the API by themselves.
    let route = (!command.here && command.scope == Scope::Server).then(route);
    Planned { plugin, scope: command.scope, command: command.name.clone(), args, file, route }
}

/// The detail of each orchestration that these lists name, latest first and each once.
pub(crate) fn looked_into(lists: &[&Value]) -> Vec<Planned> {
    let mut ids: Vec<&str> = Vec::new();
    for row in lists.iter().filter_map(|list| list.as_array()).flatten() {
        let id = row["id"].as_str().filter(|id| !ids.contains(id));
        ids.extend(id);
    }
    let details = ids.into_iter().take(MOST).map(|id| Planned {
        plugin: "orchestrations".to_owned(),
        scope: Scope::Server,
        command: "orchestration".to_owned(),
        args: Map::from_iter([
            ("id".to_owned(), json!(id)),
            ("history".to_owned(), json!(true)),
            ("pending".to_owned(), json!(true)),
        ]),
        file: format!("orchestration/{}", file_name(id)),
        route: Some("/orchestrations/{id}".to_owned()),
    });
    details.collect()
}

/// An id may hold anything; a file's name may not.
fn file_name(id: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = id.chars().map(|c| if fits(c) { c } else { '_' }).take(150).collect();
    name.trim_start_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::{looked_into, plan};
    use serde_json::json;
    use toygres_plugin_api::manifest::{Arg, Command, Manifest, Scope};

    #[test]
    fn what_reads_and_needs_nothing_is_run() {
        let arg = |id: &str, required| Arg { id: id.to_owned(), required, ..Arg::default() };
        let command = |name: &str| Command { name: name.to_owned(), ..Command::default() };
        let commands = vec![
            Command { args: vec![arg("verbose", false)], ..command("health") },
            command("orchestrations"),
            Command { args: vec![arg("id", true)], ..command("orchestration") },
            Command { mutating: true, ..command("cancel") },
            Command { scope: Scope::Top, ..command("list") },
            Command { hidden: true, ..command("secret") },
            command("report"),
            command("stale-backups"),
            Command {
                args: vec![Arg { positional: true, ..arg("sql", false) }],
                ..command("db-query")
            },
        ];
        let manifest = Manifest { name: "p".to_owned(), commands, ..Manifest::default() };
        let planned = plan(&[manifest]);
        let files: Vec<&str> = planned.iter().map(|planned| planned.file.as_str()).collect();
        assert_eq!(
            files,
            [
                "health",
                "orchestrations",
                "orchestrations-failed",
                "orchestrations-stuck",
                "list",
                "stale-backups"
            ]
        );
        assert_eq!(planned[0].args["verbose"], true);
    }

    #[test]
    fn each_orchestration_once_under_a_safe_name() {
        let (a, b) =
            (json!([{"id": "a::sub::2"}, {"id": "b"}]), json!([{"id": "b"}, {"id": "../c"}]));
        let files: Vec<String> =
            looked_into(&[&a, &b, &json!(null)]).into_iter().map(|planned| planned.file).collect();
        assert_eq!(files, ["orchestration/a__sub__2", "orchestration/b", "orchestration/_c"]);
    }
}
