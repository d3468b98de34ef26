//! A plugin's life: installed, upgraded, rolled back, disabled, removed.

use super::home::{BAD, CONFIG, Home, NEWER, RUN, mode, ran, version};
use serde_json::json;
use std::fs;
use std::process::Command;

#[test]
fn a_plugin_is_installed_upgraded_rolled_back_and_removed() {
    let home = Home::new();
    let (first, second) = (home.file("bad.so", &BAD), home.file("newer.so", &NEWER));
    let installed = home.json(&["plugin", "install", &first]);
    assert_eq!(installed[0]["action"], "installed");
    assert_eq!(installed[0]["commands"][0], "bad");
    assert_eq!(home.well(RUN), "{\n  \"answered\": true\n}\n");
    assert_eq!(home.json(&["plugin", "install", &first])[0]["action"], "unchanged");

    let upgraded = home.json(&["plugin", "install", &second]);
    assert_eq!(upgraded[0]["action"], "upgraded");
    assert_eq!(upgraded[0]["replaced_version"], "0.1.0");
    let row = home.row("bad");
    assert_eq!((&row["version"], &row["kept"]), (&json!("0.2.0"), &json!(["0.1.0"])));
    assert_eq!((&row["lock"], &row["sha256"]), (&json!("locked"), &upgraded[0]["sha256"]));

    let back = home.json(&["plugin", "rollback", "bad"]);
    assert_eq!((&back["version"], &back["replaced_version"]), (&json!("0.1.0"), &json!("0.2.0")));
    assert_eq!(home.row("bad")["sha256"], installed[0]["sha256"]);
    home.well(RUN);
    let again = home.json(&["plugin", "rollback", "bad", "--to", "0.2.0"]);
    assert_eq!(again["version"], "0.2.0");
    let none = home.run(&["plugin", "rollback", "bad", "--to", "9.9.9"]);
    assert_eq!(none.code, Some(5), "{}", none.stderr);
    assert!(none.stderr.contains("kept are: 0.1.0"), "{}", none.stderr);

    assert_eq!(home.run(&["plugin", "verify"]).code, Some(0));
    let refused = home.run(&["plugin", "remove", "bad"]);
    assert_eq!(refused.code, Some(6), "{}", refused.stderr);
    assert!(refused.stderr.contains("--force"), "{}", refused.stderr);
    home.well(RUN);
    let removed = home.json(&["plugin", "remove", "bad", "--yes"]);
    assert_eq!(removed["versions"], json!(["0.2.0", "0.1.0"]));
    assert_eq!(home.run(RUN).code, Some(2));
    let left = fs::read_dir(home.path().join("plugins/.versions")).unwrap().count();
    assert_eq!(left, 0);
    assert_eq!(home.run(&["plugin", "remove", "bad", "-f"]).code, Some(5));
}

#[test]
fn a_folder_is_installed_whole_or_not_at_all() {
    let home = Home::new();
    home.file("a.so", &BAD);
    home.file("b.so", &CONFIG);
    home.file("words.txt", b"no library");
    let broken = home.file("c.so", &BAD[..BAD.len() / 2]);
    let folder = home.files().display().to_string();
    let refused = home.run(&["plugin", "install", &folder]);
    assert_eq!(refused.code, Some(8), "{}", refused.stderr);
    assert_eq!(home.json(&["plugin", "list"]), json!([]));
    fs::remove_file(broken).unwrap();
    let rows = home.json(&["plugin", "install", &folder]);
    let names: Vec<_> = rows.as_array().unwrap().iter().map(|row| row["name"].clone()).collect();
    assert_eq!(names, ["bad", "config"]);
    home.well(&["server", "env", "-o", "json"]);
    home.well(RUN);
    fs::copy(home.files().join("a.so"), home.files().join("twice.so")).unwrap();
    let twice = home.run(&["plugin", "install", &folder]);
    assert_eq!(twice.code, Some(8), "{}", twice.stderr);
    assert!(twice.stderr.contains("has the same name"), "{}", twice.stderr);
}

#[test]
fn a_disabled_plugin_stays_and_says_how_to_enable_it() {
    let home = Home::with_bad();
    // One that no lock file knows is disabled by its name too.
    fs::write(home.path().join("plugins/config.so"), &*CONFIG).unwrap();
    mode(home.path().join("plugins/config.so"), 0o644);
    for (name, run) in [("bad", RUN), ("config", &["server", "env"][..])] {
        home.well(run);
        let disabled = home.json(&["plugin", "disable", name]);
        assert_eq!(disabled, json!({ "name": name, "enabled": false, "changed": true }));
        assert_eq!(home.json(&["plugin", "disable", name])["changed"], false);
        let refused = home.run(run);
        assert_eq!(refused.code, Some(8), "{}", refused.stderr);
        let says = format!("toygres plugin enable {name}");
        assert!(refused.stderr.contains(&says), "{}", refused.stderr);
        let which = home.run(&["plugin", "which", run[1]]);
        assert!(which.stderr.contains(&says), "{}", which.stderr);
        assert_eq!(home.row(name)["status"], "disabled");
        let exec = home.run(&["plugin", "exec", name, run[1]]);
        assert_eq!(exec.code, Some(8), "{}", exec.stderr);
        home.well(&["plugin", "enable", name]);
        home.well(run);
    }
    assert!(!home.well(&["server", "--help"]).contains("fault"));
    assert_eq!(home.run(&["plugin", "disable", "nobody"]).code, Some(5));
}

#[test]
fn a_copied_library_is_used_and_gives_way_to_an_installed_one() {
    let home = Home::new();
    let plugins = home.path().join("plugins");
    fs::create_dir(&plugins).unwrap();
    mode(&plugins, 0o755);
    let copied = plugins.join("mine.so");
    fs::write(&copied, &*BAD).unwrap();
    mode(&copied, 0o644);
    home.well(RUN);
    assert_eq!(home.row("bad")["lock"], "unlocked");
    let file = home.file("bad.so", &NEWER);
    home.well(&["plugin", "install", &file]);
    let list = home.json(&["plugin", "list"]);
    let states: Vec<_> =
        list.as_array().unwrap().iter().map(|row| (&row["status"], &row["lock"])).collect();
    let (locked, copied_one) =
        ((json!("ok"), json!("locked")), (json!("shadowed"), json!("unlocked")));
    assert_eq!(states, [(&locked.0, &locked.1), (&copied_one.0, &copied_one.1)]);
    let removed = home.json(&["plugin", "remove", "bad", "--force"]);
    assert_eq!(removed["paths"].as_array().unwrap().len(), 2);
    assert!(!copied.exists());
}

#[test]
fn exec_runs_what_clashes_or_is_shadowed() {
    let home = Home::with_bad();
    let other = super::home::patched(&CONFIG, b"\"name\":\"env\"", b"\"name\":\"bad\"");
    let other = home.file("other.so", &other);
    let refused = home.run(&["plugin", "install", &other]);
    assert_eq!(refused.code, Some(8), "{}", refused.stderr);
    home.well(&["plugin", "install", &other, "--force"]);
    let clash = home.run(RUN);
    assert_eq!(clash.code, Some(8), "{}", clash.stderr);
    assert!(clash.stderr.contains("plugin exec"), "{}", clash.stderr);
    for command in [&["bad"][..], &["server", "bad"]] {
        let args = ["plugin", "exec", "bad"].iter().chain(command);
        let args: Vec<&str> = args.copied().chain(RUN[2..].iter().copied()).collect();
        assert_eq!(home.well(&args), "{\n  \"answered\": true\n}\n");
    }
    let help = home.well(&["plugin", "exec", "bad", "bad", "--help"]);
    assert!(help.contains("--fault"), "{help}");
    assert_eq!(home.run(&["plugin", "exec", "nobody", "bad"]).code, Some(5));
    let wrong = home.run(&["plugin", "exec", "bad", "env"]);
    assert_eq!(wrong.code, Some(2), "{}", wrong.stderr);
    assert!(wrong.stderr.contains("its commands: bad"), "{}", wrong.stderr);
    // A library that was changed is opened by no way around.
    let path = home.row("bad")["path"].as_str().unwrap().to_owned();
    fs::write(path, version(b"0.3.0")).unwrap();
    let exec = home.run(&["plugin", "exec", "bad", "bad", "--fault", "none"]);
    assert_eq!(exec.code, Some(8), "{}", exec.stderr);
    assert!(exec.stderr.contains("expected sha256"), "{}", exec.stderr);
}

#[test]
fn what_was_changed_is_found_refused_and_accepted_by_its_digest() {
    let home = Home::with_bad();
    let path = home.row("bad")["path"].as_str().unwrap().to_owned();
    // Of the same size, so that only the digest tells.
    fs::write(&path, &*NEWER).unwrap();
    let refused = home.run(RUN);
    assert_eq!(refused.code, Some(8), "{}", refused.stderr);
    let verified = home.run(&["plugin", "verify", "-o", "json"]);
    assert_eq!(verified.code, Some(1), "{}", verified.stderr);
    let rows: serde_json::Value = serde_json::from_str(&verified.stdout).unwrap();
    assert_eq!(rows[0]["status"], "changed");
    let found = rows[0]["found_sha256"].as_str().unwrap();
    let error: serde_json::Value = serde_json::from_str(&refused.stderr).unwrap();
    let hint = error["hint"].as_str().unwrap();
    assert!(hint.ends_with(&format!("toygres plugin install {path} --sha256 {found}")), "{hint}");
    assert_eq!(home.json(&["plugin", "install", &path, "--sha256", found])[0]["version"], "0.2.0");
    home.well(RUN);
    // The version before it is the one that was changed: it does not come back.
    let back = home.run(&["plugin", "rollback", "bad"]);
    assert_eq!(back.code, Some(8), "{}", back.stderr);
    home.well(RUN);
}

#[test]
fn a_disk_that_is_full_or_cannot_be_written_is_an_answer_and_changes_nothing() {
    let home = Home::with_bad();
    let file = home.file("newer.so", &NEWER);
    let before = fs::read(home.path().join("plugins.lock")).unwrap();
    // Half of the library fits; a process that ignores the signal gets an error.
    let blocks = NEWER.len() / 2 / 512;
    let full = ran(Command::new("sh")
        .args([
            "-c",
            &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" plugin install \"$1\""),
        ])
        .arg(toygres_tests::toygres::binary())
        .arg(&file)
        .env("TOYGRES_HOME", home.path()));
    assert_eq!(full.code, Some(9), "{}", full.stderr);
    assert!(full.stderr.contains("cannot be written; nothing was changed"), "{}", full.stderr);
    assert_eq!(fs::read(home.path().join("plugins.lock")).unwrap(), before);
    let versions = fs::read_dir(home.path().join("plugins/.versions/bad")).unwrap();
    assert_eq!(versions.count(), 1);
    home.well(RUN);

    let nowhere = ran(home.command(&["plugin", "install", &file]).env("TOYGRES_HOME", &file));
    assert_eq!(nowhere.code, Some(9), "{}", nowhere.stderr);
    assert!(nowhere.stderr.contains("TOYGRES_HOME"), "{}", nowhere.stderr);
}
