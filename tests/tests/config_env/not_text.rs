//! Values that are not UTF-8: a path is used as it is, a text is refused by its name.

use crate::stage::{Listener, Stage, not_text, ran};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

fn with(mut command: Command, name: &str, value: impl AsRef<OsStr>) -> Command {
    command.env(name, value);
    command
}

/// Whatever cannot be done with such a home folder, it is not done with another one.
#[test]
fn no_other_home_folder_takes_the_place_of_one_that_is_not_text() {
    let stage = Stage::new();
    let own = stage.file("user/.toygres/local/precious", "kept");
    let home = not_text(&stage.path("user"), "home");
    fs::create_dir_all(home.join("local")).unwrap();
    let odd = not_text(&stage.path("user"), "folder");
    fs::create_dir_all(odd.join(".toygres/local")).unwrap();
    for args in [
        &["local", "down", "--purge", "--yes"][..],
        &["local", "up"],
        &["local", "status"],
        &["server", "start", "--timeout", "2s"],
        &["server", "status"],
    ] {
        let named = ran(with(stage.command(args), "TOYGRES_HOME", &home)).code(2);
        named.says("invalid value of `TOYGRES_HOME`: not UTF-8");
        let below = ran(with(stage.command(args), "HOME", &odd)).code(2);
        below.says("invalid value of `HOME`: not UTF-8");
        assert_eq!(fs::read_to_string(&own).unwrap(), "kept");
        assert!(home.join("local").is_dir() && odd.join(".toygres/local").is_dir(), "{args:?}");
        assert!(!stage.path("user/.toygres/kubeconfig").exists(), "{args:?}");
    }
}

#[test]
fn plugins_are_found_in_folders_whose_names_are_not_text() {
    let library = toygres_tests::toygres::plugins().join("libtoygres_config.so");
    if !library.exists() {
        eprintln!("passed over: the plugins are linked into the binary");
        return;
    }
    let stage = Stage::new();
    let folder = not_text(&stage.path("user"), "plugins");
    fs::create_dir_all(&folder).unwrap();
    let home = not_text(&stage.path("user"), "home");
    fs::create_dir_all(home.join("plugins")).unwrap();
    for place in [folder.clone(), home.join("plugins")] {
        fs::copy(&library, place.join("libtoygres_config.so")).unwrap();
    }
    let list = || stage.bare(&["plugin", "list", "-o", "json"]);
    let mut typed = list();
    typed.arg("--plugin-dir").arg(&folder);
    let mut joined = list();
    joined.arg(OsStr::from_bytes(&[b"--plugin-dir=", folder.as_os_str().as_bytes()].concat()));
    for command in [
        typed,
        joined,
        with(list(), "TOYGRES_PLUGIN_PATH", &folder),
        with(list(), "TOYGRES_HOME", &home),
    ] {
        let found = ran(command).code(0).json();
        assert_eq!(found[0]["name"], "config", "{found:#}");
    }
    ran(with(stage.bare(&["server", "env"]), "TOYGRES_PLUGIN_PATH", &folder)).code(0);
}

#[test]
fn a_kubeconfig_whose_name_is_not_text_is_used() {
    let stage = Stage::new();
    let api = Listener::http();
    let kubeconfig = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: a\nclusters: [{{name: a, cluster: \
         {{server: \"http://{}\"}}}}]\ncontexts: [{{name: a, context: {{cluster: a, user: a}}}}]\n\
         users: [{{name: a, user: {{}}}}]\n",
        api.address()
    );
    let path = not_text(&stage.path("work"), "kc");
    fs::write(&path, kubeconfig).unwrap();
    let mut command = with(stage.command(&["server", "health"]), "KUBECONFIG", &path);
    command.env("DATABASE_URL", "postgres://u@127.0.0.1:1/d");
    ran(command);
    assert!(api.heard().contains("GET "), "{}", api.heard());
}

#[test]
fn a_text_that_is_none_is_refused_by_name_and_nothing_takes_its_place() {
    let stage = Stage::new();
    let (database, api) = (Listener::postgres(), Listener::http());
    let config = format!(
        "[database]\nurl = \"postgres://u:p@{}/d\"\n[api]\nurl = \"http://{}\"\ntoken = \"of-the-file\"\n",
        database.address(),
        api.address()
    );
    stage.file("user/.toygres/config.toml", config);
    let odd = OsStr::from_bytes(b"postgres://u:\xff@h/d");
    for (name, args) in [
        ("DATABASE_URL", &["server", "db-status"][..]),
        ("DATABASE_URL", &["server", "config"]),
        ("PGPASSWORD", &["server", "db-query", "select 1"]),
        ("TOYGRES_API_TOKEN", &["list"]),
        ("TOYGRES_API_URL", &["list"]),
        ("TOYGRES_CONTEXT", &["list"]),
        ("TOYGRES_PASSWORD", &["create", "x"]),
    ] {
        let refused = ran(with(stage.command(args), name, odd)).code(2);
        refused.says(&format!("invalid value of `{name}`: not UTF-8"));
    }
    assert_eq!((database.heard(), api.heard()), (String::new(), String::new()));
}

#[test]
fn an_argument_that_is_no_text_is_named_by_its_option_and_not_repeated() {
    let stage = Stage::new();
    for (words, named) in [
        (&[&b"--columns"[..], b"canary\xff"][..], "invalid value of `--columns`: not UTF-8"),
        (&[b"--columns=canary\xff"], "invalid value of `--columns`: not UTF-8"),
        (&[b"canary\xff"], "invalid argument 3: not UTF-8"),
    ] {
        let mut command = stage.command(&["server", "db-query"]);
        command.args(words.iter().map(|word| OsStr::from_bytes(word)));
        ran(command).code(2).says(named).hides("canary");
    }
}

#[test]
fn a_relative_home_folder_is_made_absolute_and_an_empty_one_is_not_set() {
    let stage = Stage::new();
    let home = |value: &str| {
        let command = stage.command(&["server", "config", "-o", "json"]);
        let config = ran(with(command, "TOYGRES_HOME", value)).code(0).json();
        let text = |pointer: &str| config.pointer(pointer).unwrap().as_str().unwrap().to_owned();
        [text("/paths/home/value"), text("/paths/log_file/value"), text("/file/path")]
    };
    let below = |folder: &Path| {
        let text = |path: &Path| path.display().to_string();
        [text(folder), text(&folder.join("server.log")), text(&folder.join("config.toml"))]
    };
    let work = stage.path("work").canonicalize().unwrap();
    assert_eq!(home("some/home"), below(&work.join("some/home")));
    assert_eq!(home(""), below(&stage.path("user/.toygres")));
}
