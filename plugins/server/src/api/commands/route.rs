//! Which path means which command.
//!
//! A command's path is its manifest's route below `/api/server`, or its name. A flag of a command
//! may stand as one more segment: `/orchestrations/{id}/history`.

use serde_json::{Map, Value};
use toygres_plugin_api::manifest::{ArgKind, Command, Manifest, Scope};

/// A command at a path, with what the path says of its arguments.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found<'a> {
    pub(super) command: &'a Command,
    pub(super) args: Map<String, Value>,
}

/// A command and its path, for the document.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::api) struct Endpoint<'a> {
    pub(in crate::api) command: &'a Command,
    pub(in crate::api) plugin: &'a str,
    /// Below `/api/server`; arguments in braces.
    pub(in crate::api) path: String,
    /// The flag that the last segment stands for.
    pub(in crate::api) flag: Option<&'a str>,
}

/// The commands that are served: those about the machine they are typed on are not, if they change
/// anything or leave a file there.
fn served(manifests: &[Manifest]) -> impl Iterator<Item = (&Manifest, &Command)> {
    manifests.iter().flat_map(|manifest| {
        let commands = manifest.commands.iter();
        let ours = commands.filter(|command| {
            let leaves = command.mutating || command.args.iter().any(|arg| arg.writes);
            command.scope == Scope::Server && !(command.here && leaves)
        });
        ours.map(move |command| (manifest, command))
    })
}

fn path_of(command: &Command) -> String {
    command.route.clone().unwrap_or_else(|| format!("/{}", command.name))
}

/// The command at a path below `/api/server`. One whose path is written out goes before one that
/// takes a segment as an argument.
pub(super) fn find<'a>(manifests: &'a [Manifest], path: &str) -> Option<Found<'a>> {
    let segments: Vec<String> = path.trim_matches('/').split('/').map(decoded).collect();
    let all = served(manifests).filter_map(|(_, command)| matching(command, &segments));
    all.min_by_key(|found| found.args.len())
}

fn matching<'a>(command: &'a Command, segments: &[String]) -> Option<Found<'a>> {
    let route = path_of(command);
    let pattern: Vec<&str> = route.trim_matches('/').split('/').collect();
    let mut args = Map::new();
    match segments.len().checked_sub(pattern.len())? {
        0 => {}
        1 => {
            args.insert(flag(command, segments.last()?)?.to_owned(), Value::Bool(true));
        }
        _ => return None,
    }
    for (part, segment) in pattern.iter().zip(segments) {
        match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(id) if !segment.is_empty() => {
                args.insert(id.to_owned(), Value::from(segment.as_str()));
            }
            None if part == segment => {}
            _ => return None,
        }
    }
    Some(Found { command, args })
}

fn flag<'a>(command: &'a Command, segment: &str) -> Option<&'a str> {
    let flags = command.args.iter().filter(|arg| arg.kind == ArgKind::Flag);
    let mut named = flags.filter(|arg| arg.long.as_deref() == Some(segment));
    named.next().map(|arg| arg.id.as_str())
}

/// Every path there is. Flags stand as segments only below routes with arguments, where they show
/// one part of a detail.
pub(in crate::api) fn endpoints(manifests: &[Manifest]) -> Vec<Endpoint<'_>> {
    let mut endpoints = Vec::new();
    for (manifest, command) in served(manifests) {
        let path = path_of(command);
        let plugin = manifest.name.as_str();
        if path.contains('{') && !command.mutating {
            let flags = command
                .args
                .iter()
                .filter(|arg| arg.kind == ArgKind::Flag && !arg.follows && !arg.mutates);
            for arg in flags {
                let Some(long) = &arg.long else { continue };
                let path = format!("{path}/{long}");
                endpoints.push(Endpoint { command, plugin, path, flag: Some(&arg.id) });
            }
        }
        endpoints.push(Endpoint { command, plugin, path, flag: None });
    }
    endpoints
}

/// A segment of a path as it was meant.
fn decoded(segment: &str) -> String {
    percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::{endpoints, find};
    use serde_json::{Value, json};
    use toygres_plugin_api::manifest::{Arg, ArgKind, Command, Manifest, Scope};

    fn command(name: &str, route: Option<&str>) -> Command {
        Command { name: name.to_owned(), route: route.map(str::to_owned), ..Command::default() }
    }

    fn manifests() -> Vec<Manifest> {
        let history = Arg {
            id: "history".to_owned(),
            long: Some("history".to_owned()),
            kind: ArgKind::Flag,
            ..Arg::default()
        };
        let commands = vec![
            command("orchestrations", None),
            Command {
                args: vec![history],
                ..command("orchestration", Some("/orchestrations/{id}"))
            },
            Command { mutating: true, ..command("cancel", Some("/orchestrations/{id}/cancel")) },
            Command { here: true, mutating: true, ..command("stop", None) },
            Command { scope: Scope::Top, ..command("create", None) },
        ];
        vec![Manifest { name: "p".to_owned(), commands, ..Manifest::default() }]
    }

    #[test]
    fn paths_mean_commands() {
        let manifests = manifests();
        let found = |path: &str| {
            let found = find(&manifests, path)?;
            Some((found.command.name.as_str(), Value::Object(found.args)))
        };
        assert_eq!(found("/orchestrations"), Some(("orchestrations", json!({}))));
        assert_eq!(found("/orchestrations/a%2Fb"), Some(("orchestration", json!({"id": "a/b"}))));
        assert_eq!(
            found("/orchestrations/a/history"),
            Some(("orchestration", json!({"history": true, "id": "a"})))
        );
        assert_eq!(found("/orchestrations/a/cancel"), Some(("cancel", json!({"id": "a"}))));
        for path in ["/", "/stop", "/create", "/orchestrations/a/b", "/orchestrations/a/history/c"]
        {
            assert_eq!(found(path), None, "{path}");
        }
    }

    #[test]
    fn the_document_has_every_path_once() {
        let manifests = manifests();
        let mut paths: Vec<String> =
            endpoints(&manifests).into_iter().map(|endpoint| endpoint.path).collect();
        paths.sort();
        assert_eq!(
            paths,
            [
                "/orchestrations",
                "/orchestrations/{id}",
                "/orchestrations/{id}/cancel",
                "/orchestrations/{id}/history"
            ]
        );
    }
}
