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
    absent(&host, &["unsafe "], &["/load.rs", "/guard.rs"]);
    absent(&sources(&root().join("plugins")), &["unsafe "], &[]);
    absent(&sources(&root().join("plugin-api/src")), &["unsafe "], &["/abi.rs"]);
}
