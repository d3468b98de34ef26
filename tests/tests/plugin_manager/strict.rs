//! Only what is locked is opened, where the operator or the owner of the machine wants it so.

use super::home::{BAD, CONFIG, Home, RUN, mode, ran};
use std::fs;

#[test]
fn nothing_but_what_is_locked_is_opened() {
    let home = Home::with_bad();
    fs::write(home.path().join("plugins/config.so"), &*CONFIG).unwrap();
    mode(home.path().join("plugins/config.so"), 0o644);
    let env = ["server", "env", "-o", "json"];
    home.well(&env);
    let strict: [&[&str]; 2] = [&["--strict"], &[]];
    for (n, flag) in strict.into_iter().enumerate() {
        if n == 1 {
            fs::write(home.path().join("config.toml"), "[plugins]\nstrict = true\n").unwrap();
        }
        let run: Vec<&str> = RUN.iter().chain(flag).copied().collect();
        home.well(&run);
        let env: Vec<&str> = env.iter().chain(flag).copied().collect();
        let refused = home.run(&env);
        assert_eq!(refused.code, Some(8), "{}", refused.stderr);
        for part in ["in no lock file", "plugin install", ["--strict", "config.toml"][n]] {
            assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
        }
    }
    // No variable and no folder of one's own is a way around it.
    let around = ran(home
        .command(&env)
        .env("TOYGRES_PLUGINS_STRICT", "0")
        .env("TOYGRES_PLUGIN_PATH", home.path().join("plugins")));
    assert_eq!(around.code, Some(8), "{}", around.stderr);
    let verified = home.run(&["plugin", "verify"]);
    assert_eq!(verified.code, Some(1), "{}", verified.stderr);
    // A file on the disk is nobody's word; its digest is somebody's.
    let copied = home.path().join("plugins/config.so").display().to_string();
    let refused = home.run(&["plugin", "install", &copied]);
    assert_eq!(refused.code, Some(6), "{}", refused.stderr);
    let verified = home.run(&["plugin", "verify", "config", "-o", "json"]);
    let rows: serde_json::Value = serde_json::from_str(&verified.stdout).unwrap();
    let digest = rows[0]["found_sha256"].as_str().unwrap();
    home.well(&["plugin", "install", &copied, "--sha256", digest]);
    home.well(&env);
}

/// Mending the file is what helps, not locking what the home folder already holds.
#[test]
fn a_configuration_that_cannot_be_read_is_what_the_hint_names() {
    let home = Home::with_bad();
    fs::write(home.path().join("plugins/config.so"), &*CONFIG).unwrap();
    mode(home.path().join("plugins/config.so"), 0o644);
    let file = home.path().join("config.toml");
    for text in [&b"[plugins]\nstrict = \"yes\"\n"[..], b"\xff\xfe"] {
        fs::write(&file, text).unwrap();
        let refused = home.run(&["server", "env", "-o", "json"]);
        assert_eq!(refused.code, Some(8), "{}", refused.stderr);
        let hint = format!("correct {}", file.display());
        assert!(refused.stderr.contains(&hint), "{}", refused.stderr);
    }
}

/// A folder that was typed is meant: where its plugin is refused and another one has the command,
/// that is said.
#[test]
fn a_refused_plugin_of_a_typed_folder_is_told() {
    let home = Home::with_bad();
    let folder = home.files().join("typed");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("bad.so"), &*BAD).unwrap();
    mode(folder.join("bad.so"), 0o666);
    let folder = folder.display().to_string();
    let run: Vec<&str> = RUN.iter().copied().chain(["--plugin-dir", &folder]).collect();
    let other = home.run(&run);
    assert_eq!(other.code, Some(0), "{}", other.stderr);
    assert!(other.stderr.contains("is refused: others may write its file"), "{}", other.stderr);
    assert!(!home.run(RUN).stderr.contains("is refused"));
}

#[test]
fn a_variable_tightens() {
    let home = Home::new();
    let plugins = home.files().display().to_string();
    home.file("bad.so", &BAD);
    let run: Vec<&str> = RUN.iter().copied().chain(["--plugin-dir", &plugins]).collect();
    home.well(&run);
    let strict = ran(home.command(&run).env("TOYGRES_PLUGINS_STRICT", "true"));
    assert_eq!(strict.code, Some(8), "{}", strict.stderr);
    assert!(strict.stderr.contains("TOYGRES_PLUGINS_STRICT"), "{}", strict.stderr);
}

#[test]
fn a_lock_file_that_is_broken_newer_or_others_may_write_is_an_answer() {
    let lock = |home: &Home| home.path().join("plugins.lock");
    type Break = fn(&Home);
    let broken: [(Break, &str); 3] = [
        (
            |home| fs::write(home.path().join("plugins.lock"), "version = [").unwrap(),
            "cannot be read",
        ),
        (
            |home| fs::write(home.path().join("plugins.lock"), "version = 99\n").unwrap(),
            "has format 99",
        ),
        (|home| mode(home.path().join("plugins.lock"), 0o666), "others may write"),
    ];
    for (break_it, says) in broken {
        let home = Home::with_bad();
        break_it(&home);
        let bytes = fs::read(lock(&home)).unwrap();
        for args in [RUN, &["plugin", "disable", "bad"], &["plugin", "verify"]] {
            let refused = home.run(args);
            assert_eq!(refused.code, Some(8), "{args:?}: {}", refused.stderr);
            assert!(refused.stderr.contains(says), "{args:?}: {}", refused.stderr);
        }
        assert_eq!(fs::read(lock(&home)).unwrap(), bytes);
        let list = home.json(&["plugin", "list"]);
        assert_eq!(list[0]["fault"], "lock", "{list}");
    }
}

/// To check a library is to run its constructors, which only what is locked may do then.
#[test]
fn a_check_opens_nothing_that_is_not_locked() {
    let home = Home::new();
    let file = home.file("bad.so", &BAD);
    let opens = |args: &[&str]| {
        let rows = home.json(args);
        let row = rows.as_array().unwrap().iter().find(|row| row["check"] == "opens").cloned();
        row.unwrap()["outcome"].as_str().unwrap().to_owned()
    };
    assert_eq!(opens(&["plugin", "check", &file]), "ok");
    assert_eq!(opens(&["--strict", "plugin", "check", &file]), "skipped");
    let here = home.run(&["--strict", "plugin", "check", "--open-here", &file]);
    assert_eq!(here.code, Some(8), "{}", here.stderr);
}
