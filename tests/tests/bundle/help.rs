//! What is told before any plugin's code runs.

use crate::both::Both;
use serde_json::Value;

/// How every command is typed: all that the manifests name.
pub(crate) fn commands(both: &Both) -> Vec<Vec<String>> {
    let list = both.run(&both.opening, &["plugin", "list", "-o", "json"]);
    let list: Value = serde_json::from_str(&list.stdout).unwrap();
    let mut commands = Vec::new();
    for plugin in list.as_array().unwrap() {
        let name = plugin["name"].as_str().unwrap();
        let info = both.run(&both.opening, &["plugin", "info", name, "-o", "json"]);
        let info: Value = serde_json::from_str(&info.stdout).unwrap();
        for command in info["commands"].as_array().unwrap() {
            let name = command["name"].as_str().unwrap().to_owned();
            commands.push(match command["scope"].as_str().unwrap() {
                "top" => vec![name],
                scope => vec![scope.to_owned(), name],
            });
        }
    }
    assert!(commands.len() >= 20, "{commands:?}");
    commands
}

#[test]
fn every_help_and_every_usage_error() {
    let both = Both::new();
    for args in [&["--help"][..], &["server", "--help"], &["local", "--help"], &["--version"], &[]]
    {
        both.same(args);
    }
    both.same_with(&["server", "nosuch"], 2);
    both.same_with(&["server", "orchestration-s"], 2);
    for command in commands(&both) {
        let typed = |more: &[&'static str]| -> Vec<String> {
            command.iter().cloned().chain(more.iter().map(ToString::to_string)).collect()
        };
        for (more, code) in [(&["--help"][..], 0), (&["--nosuch"], 2), (&["-o", "nosuch"], 2)] {
            let typed = typed(more);
            both.same_with(&typed.iter().map(String::as_str).collect::<Vec<_>>(), code);
        }
    }
}

/// Pages and completion scripts.
#[test]
fn what_a_packager_takes_along() {
    let both = Both::new();
    for shell in ["bash", "zsh", "fish", "powershell"] {
        both.same_with(&["completions", shell], 0);
    }
    both.same_with(&["man"], 0);
    for command in commands(&both) {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        both.same_with(&[&["man"], &words[..]].concat(), 0);
        both.same_with(&[&["help"], &words[..]].concat(), 0);
    }
}

/// What a plugin says of itself is the same, but for where it lies.
#[test]
fn manifests() {
    let both = Both::new();
    for name in
        ["config", "db", "drift", "health", "instances", "local", "orchestrations", "server"]
    {
        let said = |side| {
            let ran = both.run(side, &["plugin", "info", name, "-o", "json"]);
            let mut said: Value = serde_json::from_str(&ran.stdout).unwrap();
            said["path"].take();
            let origin = said["origin"].take();
            (origin, said, ran.code)
        };
        let (opening, linked) = (said(&both.opening), said(&both.linked));
        assert_eq!((&linked.1, linked.2), (&opening.1, opening.2));
        assert_eq!((&linked.0, &opening.0), (&"bundled".into(), &"TOYGRES_PLUGIN_PATH".into()));
    }
}
