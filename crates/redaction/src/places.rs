//! Whose words a field holds, by its name.

use super::known::Place;
use super::names::words;

/// Last words of names of fields that hold our own names, states, addresses and commands.
const OURS: &[&str] = &[
    "access",
    "action",
    "activity",
    "actor",
    "address",
    "addresses",
    "age",
    "at",
    "by",
    "category",
    "check",
    "checks",
    "class",
    "cluster",
    "code",
    "column",
    "columns",
    "command",
    "commands",
    "container",
    "context",
    "created",
    "database",
    "default",
    "digest",
    "dns",
    "duration",
    "endpoint",
    "endpoints",
    "env",
    "executable",
    "field",
    "file",
    "files",
    "folder",
    "group",
    "health",
    "healthy",
    "home",
    "host",
    "hostname",
    "hosts",
    "id",
    "ids",
    "image",
    "images",
    "instance",
    "instances",
    "ip",
    "kind",
    "kinds",
    "kubeconfig",
    "label",
    "labels",
    "lease",
    "level",
    "location",
    "manager",
    "mode",
    "mount",
    "name",
    "names",
    "namespace",
    "node",
    "object",
    "objects",
    "option",
    "orchestration",
    "orchestrations",
    "orphan",
    "owner",
    "parent",
    "path",
    "paths",
    "phase",
    "place",
    "plugin",
    "plugins",
    "pod",
    "port",
    "ports",
    "provider",
    "region",
    "resource",
    "resources",
    "result",
    "role",
    "root",
    "schema",
    "schemas",
    "selector",
    "server",
    "service",
    "severity",
    "source",
    "state",
    "states",
    "status",
    "step",
    "steps",
    "storage",
    "table",
    "tables",
    "tag",
    "target",
    "title",
    "type",
    "types",
    "uid",
    "unit",
    "until",
    "url",
    "urls",
    "uri",
    "user",
    "users",
    "verdict",
    "version",
    "versions",
    "volume",
    "worker",
    "workers",
];

/// Last words of names of fields that hold what somebody else wrote.
const FREE: &[&str] = &[
    "argument",
    "arguments",
    "body",
    "cause",
    "causes",
    "content",
    "data",
    "detail",
    "details",
    "error",
    "errors",
    "event",
    "events",
    "exception",
    "input",
    "line",
    "lines",
    "log",
    "logs",
    "message",
    "messages",
    "note",
    "notes",
    "outcome",
    "output",
    "payload",
    "query",
    "reason",
    "reasons",
    "remark",
    "remarks",
    "statement",
    "stderr",
    "stdout",
    "text",
    "value",
    "values",
    "words",
];

/// Names that say nothing by themselves: `{"image": {"value": …}}` holds an image.
const HOLDERS: &[&str] = &["content", "data", "text", "value", "values"];

/// Whose words a field of this name holds, within a field that holds such ones. What is within free
/// text stays free, and an unknown name says nothing of what is within it.
pub(crate) fn place_of(name: &str, outer: Place) -> Place {
    if outer == Place::Free {
        return Place::Free;
    }
    let words = words(name);
    let last = words.last().map_or("", String::as_str);
    if outer == Place::Ours && HOLDERS.contains(&last) {
        Place::Ours
    } else if FREE.contains(&last) {
        Place::Free
    } else if OURS.contains(&last) {
        Place::Ours
    } else {
        Place::Plugin
    }
}

#[cfg(test)]
mod tests {
    use super::place_of;
    use crate::known::Place;

    #[test]
    fn the_last_word_says_whose_words_a_field_holds() {
        for (name, place) in [
            ("state", Place::Ours),
            ("health_status", Place::Ours),
            ("k8s_name", Place::Ours),
            ("API URL", Place::Ours),
            ("image", Place::Ours),
            ("error_message", Place::Free),
            ("Reason", Place::Free),
            ("nickname_of", Place::Plugin),
        ] {
            assert_eq!(place_of(name, Place::Plugin), place, "{name}");
            assert_eq!(place_of(name, Place::Free), Place::Free, "{name}");
        }
        assert_eq!(place_of("value", Place::Ours), Place::Ours);
        assert_eq!(place_of("value", Place::Plugin), Place::Free);
        assert_eq!(place_of("error", Place::Ours), Place::Free);
    }
}
