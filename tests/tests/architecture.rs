//! What must stay absent (`docs/architecture.md`), checked in the sources.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every Rust file below a folder, with its text.
fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    found
}

/// Lines of code that hold any of the words, tests and comments left out.
#[track_caller]
fn absent(files: &[(PathBuf, String)], words: &[&str], allowed: &[&str]) {
    assert!(!files.is_empty(), "there is nothing to look at");
    for (path, text) in files {
        let name = path.display().to_string();
        if allowed.iter().any(|file| name.ends_with(file)) {
            continue;
        }
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (number, line) in code.lines().enumerate() {
            let is_comment = line.trim_start().starts_with("//");
            let word = words.iter().find(|word| line.contains(**word)).filter(|_| !is_comment);
            assert!(word.is_none(), "{name}:{}: `{}`", number + 1, word.unwrap());
        }
    }
}

#[test]
fn nothing_but_load_opens_a_library() {
    let host = sources(&root().join("toygres-cli/src"));
    absent(&host, &["libloading", "dlopen"], &["/load.rs"]);
    for place in ["plugin-api/src", "plugins"] {
        absent(&sources(&root().join(place)), &["libloading", "dlopen"], &[]);
    }
}

#[test]
fn nothing_but_output_writes_to_stdout() {
    let words = ["println!", "print!(", "io::stdout()", "stdout()."];
    // Asking whether stdout is a terminal writes nothing; a new plugin's tests are no part of the
    // host.
    let allowed = ["/output.rs", "/runner/once.rs", "/new/template/tests/database.rs"];
    absent(&sources(&root().join("toygres-cli/src")), &words, &allowed);
    absent(&sources(&root().join("plugins")), &words, &[]);
}

#[test]
fn the_host_knows_no_domain() {
    let words = [
        "instance_events",
        "instance_health_checks",
        "drift_detections",
        "create-instance",
        "delete-instance",
        "health-monitor",
        "worker_queue",
        "orchestrator_queue",
        "k8s_name",
    ];
    absent(&sources(&root().join("toygres-cli/src")), &words, &[]);
    absent(&sources(&root().join("plugin-api/src")), &words, &[]);
}

#[test]
fn no_plugin_depends_on_another() {
    let plugins = root().join("plugins");
    let names: Vec<String> = fs::read_dir(&plugins)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "model")
        .collect();
    assert!(names.len() >= 3, "{names:?}");
    for name in &names {
        let manifest = fs::read_to_string(plugins.join(name).join("Cargo.toml")).unwrap();
        for other in names.iter().filter(|other| *other != name) {
            let dependency = format!("toygres-{other}");
            let depends = manifest.lines().any(|line| {
                line.starts_with(&format!("{dependency}."))
                    || line.starts_with(&format!("{dependency} "))
            });
            assert!(!depends, "the plugin {name} depends on {dependency}");
        }
        let host = manifest.contains("toygres-cli");
        assert!(!host, "the plugin {name} depends on the host");
    }
}

#[test]
fn unsafe_code_stands_where_it_is_explained() {
    let host = sources(&root().join("toygres-cli/src"));
    let explained = ["/load.rs", "/guard.rs", "/memory.rs", "/runner/signals.rs"];
    absent(&host, &["unsafe "], &explained);
    absent(&sources(&root().join("plugins")), &["unsafe "], &[]);
    absent(&sources(&root().join("plugin-api/src")), &["unsafe "], &["/abi.rs"]);
}

/// The texts between double quotes in a source, tests and comments left out, as they are written but
/// for line ends that a backslash joins.
fn literals(code: &str) -> Vec<String> {
    let code = code.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code = lines.collect::<Vec<_>>().join("\n");
    let (mut found, mut open) = (Vec::new(), None::<String>);
    let mut letters = code.chars().peekable();
    while let Some(letter) = letters.next() {
        match (&mut open, letter) {
            (None, '\'') if letters.peek() == Some(&'"') => {
                letters.next();
            }
            (None, '"') => open = Some(String::new()),
            (Some(_), '"') => found.extend(open.take()),
            (Some(text), '\\') => match letters.next() {
                Some('\n') => while letters.next_if(|letter| letter.is_whitespace()).is_some() {},
                Some(escaped) => text.extend(['\\', escaped]),
                None => {}
            },
            (Some(text), letter) => text.push(letter),
            (None, _) => {}
        }
    }
    found
}

/// Whether a text holds a command that is put together from somebody's words: one of these programs,
/// and behind it, before the command ends, a placeholder.
fn is_formatted_command(text: &str) -> bool {
    let programs = ["kubectl", "psql", "rm", "chmod", "chown", "ls", "cat", "cd", "mkdir"];
    let groups = ["get", "list", "create", "delete", "server", "local", "plugin", "{"];
    let text = text.replace("{{", "");
    let begins = |at: usize| at == 0 || text[..at].ends_with(['`', ' ', '\'', '(']);
    let command = |at: usize| text[at..].split('`').next().unwrap_or_default().contains('{');
    let of_program = |program: &str| {
        let program = format!("{program} ");
        text.match_indices(&program).any(|(at, _)| begins(at) && command(at))
    };
    let of_toygres = text.match_indices("toygres ").any(|(at, name)| {
        let rest = &text[at + name.len()..];
        begins(at) && groups.iter().any(|group| rest.starts_with(group)) && command(at)
    });
    of_toygres || programs.iter().any(|program| of_program(program))
}

/// `toygres_plugin_api::shell` makes commands: what is formatted by hand is pasted with whatever
/// somebody else called a thing.
#[test]
fn commands_are_made_by_one_builder() {
    for (text, is_command) in [
        ("see `toygres get {name}`", true),
        ("remove it: rm {}", true),
        ("toygres delete {}", true),
        ("kubectl get pods -n {namespace}", true),
        ("see `toygres get NAME`; there is no `{name}`", false),
        ("{} has no manifest: it is no toygres plugin", false),
        ("this toygres has {}", false),
    ] {
        assert_eq!(is_formatted_command(text), is_command, "{text}");
    }
    // Paths go through `fault::typed` there, and names of plugins are checked before.
    let allowed = ["/fault.rs", "/plugin/new.rs", "/plugin/new/write.rs"];
    // The help of a group, whose name is ours.
    let own = [
        "{about}\\n\\nUsage: toygres {name} <COMMAND>\\n",
        "\\nUse 'toygres {name} <COMMAND> --help' for the options of one.\\n",
        "toygres {command}",
    ];
    let mut formatted = Vec::new();
    for place in ["toygres-cli/src", "plugins", "plugin-api/src"] {
        let files = sources(&root().join(place));
        assert!(!files.is_empty(), "there is nothing to look at in {place}");
        for (path, text) in files {
            let name = path.display().to_string();
            let is_test = name.contains("/tests") || name.contains("/template/");
            if is_test || allowed.iter().any(|file| name.ends_with(file)) {
                continue;
            }
            for literal in literals(&text) {
                if !own.contains(&literal.as_str()) && is_formatted_command(&literal) {
                    formatted.push(format!("{name}: {literal:?}"));
                }
            }
        }
    }
    assert!(formatted.is_empty(), "{}", formatted.join("\n"));
}

/// A role may have `standard_conforming_strings` off: a backslash in a plain literal would be gone.
#[test]
fn no_plain_literal_of_sql_has_a_backslash() {
    let words = [r"\\s", r"\s*", r"^\s", r"\\d", r":\d", r"'\1", r"/\1'"];
    for place in ["plugins", "toygres-cli/src/lend", "crates/connect/src"] {
        absent(&sources(&root().join(place)), &words, &[]);
    }
}

/// Every connection to a database is made by one crate, by one reading of where it leads.
#[test]
fn nothing_but_connect_reads_connection_strings() {
    let words = [
        "PgConnectOptions::from_str",
        "parse::<Config>",
        "tokio_postgres::connect(",
        "url::Url::parse(&database",
    ];
    absent(&sources(&root().join("toygres-cli/src")), &words, &[]);
    absent(&sources(&root().join("plugins")), &words, &["/postgres/probe.rs"]);
}
