//! A key that is not pinned any more signs nothing that comes back, and what is older comes on request.

use super::home::{BAD, Home, NEWER, RUN, version};
use super::trust::Signer;
use serde_json::json;
use std::fs;

/// Pins keys for the folder of the files.
fn pin(home: &Home, keys: &[&Signer]) {
    let source = home.files().canonicalize().unwrap();
    let pinned = keys.iter().map(|key| {
        format!("[[plugins.keys]]\nsource = \"{}/\"\nkey = \"{}\"\n", source.display(), key.public)
    });
    fs::write(home.path().join("config.toml"), pinned.collect::<String>()).unwrap();
    super::home::mode(home.path().join("config.toml"), 0o644);
}

fn install(home: &Home, name: &str, bytes: &[u8], signer: Option<&Signer>, more: &[&str]) {
    let file = home.file(name, bytes);
    if let Some(signer) = signer {
        home.file(&format!("{name}.minisig"), signer.sign(bytes).as_bytes());
    }
    let args: Vec<&str> =
        ["plugin", "install", &file].into_iter().chain(more.iter().copied()).collect();
    home.well(&args);
}

fn statuses(home: &Home) -> Vec<(String, String)> {
    let verified = home.run(&["plugin", "verify", "-o", "json"]);
    let rows: serde_json::Value = serde_json::from_str(&verified.stdout).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    rows.as_array()
        .unwrap()
        .iter()
        .map(|row| (text(&row["version"]), text(&row["status"])))
        .collect()
}

fn expect(found: &[(String, String)], expected: &[(&str, &str)]) {
    let found: Vec<_> = found.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_version_of_a_revoked_key_comes_back_only_when_it_is_forced() {
    let home = Home::new();
    let (first, second) = (Signer::new(), Signer::new());
    pin(&home, &[&first]);
    install(&home, "bad.so", &BAD, Some(&first), &[]);
    expect(&statuses(&home), &[("0.1.0", "ok")]);
    pin(&home, &[&second]);
    install(&home, "newer.so", &NEWER, Some(&second), &[]);

    let verified = home.run(&["plugin", "verify"]);
    assert_eq!(verified.code, Some(1), "{}", verified.stderr);
    assert!(verified.stderr.contains(&first.public), "{}", verified.stderr);
    expect(&statuses(&home), &[("0.2.0", "ok"), ("0.1.0", "revoked")]);
    let back = home.run(&["plugin", "rollback", "bad"]);
    assert_eq!(back.code, Some(6), "{}", back.stderr);
    for part in ["`bad` 0.1.0 is signed by", &first.public, &second.public, "--force", "hint: "] {
        assert!(back.stderr.contains(part), "{part}: {}", back.stderr);
    }
    assert_eq!(home.row("bad")["version"], "0.2.0");
    // Both are pinned: it comes back, and is well.
    pin(&home, &[&first, &second]);
    home.well(&["plugin", "rollback", "bad"]);
    expect(&statuses(&home), &[("0.1.0", "ok"), ("0.2.0", "ok")]);
    // No key is pinned any more: both are revoked.
    fs::remove_file(home.path().join("config.toml")).unwrap();
    expect(&statuses(&home), &[("0.1.0", "revoked"), ("0.2.0", "revoked")]);
    let forth = home.run(&["plugin", "rollback", "bad"]);
    assert_eq!(forth.code, Some(6), "{}", forth.stderr);
    let hint = forth.stderr.split_once("all the same: toygres ").unwrap().1.trim().to_owned();
    home.well(&hint.split(' ').collect::<Vec<_>>());
    assert_eq!(home.row("bad")["version"], "0.2.0");
    home.well(RUN);
}

#[test]
fn a_disabled_version_of_a_revoked_key_stays_disabled() {
    let home = Home::new();
    let (first, second) = (Signer::new(), Signer::new());
    pin(&home, &[&first]);
    install(&home, "bad.so", &BAD, Some(&first), &[]);
    home.well(&["plugin", "disable", "bad"]);
    pin(&home, &[&second]);
    let enabled = home.run(&["plugin", "enable", "bad"]);
    assert_eq!(enabled.code, Some(6), "{}", enabled.stderr);
    assert!(enabled.stderr.contains(&first.public), "{}", enabled.stderr);
    assert_eq!(home.row("bad")["status"], "disabled");
    home.well(&["plugin", "enable", "bad", "--force"]);
    home.well(RUN);
}

/// A key that was asked for once and never pinned was not taken back.
#[test]
fn a_key_that_was_never_pinned_is_not_revoked() {
    let home = Home::new();
    let signer = Signer::new();
    for (name, bytes) in [("bad.so", &*BAD), ("newer.so", &*NEWER)] {
        install(&home, name, bytes, Some(&signer), &["--key", &signer.public]);
    }
    expect(&statuses(&home), &[("0.2.0", "ok"), ("0.1.0", "ok")]);
    home.well(&["plugin", "rollback", "bad"]);
}

/// What was signed gives way to what nobody signed only when that is asked for, as at an install.
#[test]
fn an_unsigned_version_comes_back_only_when_it_is_forced() {
    let home = Home::new();
    let signer = Signer::new();
    install(&home, "bad.so", &BAD, None, &[]);
    install(&home, "newer.so", &NEWER, Some(&signer), &["--key", &signer.public]);
    let back = home.run(&["plugin", "rollback", "bad"]);
    assert_eq!(back.code, Some(6), "{}", back.stderr);
    assert!(back.stderr.contains("is not signed"), "{}", back.stderr);
    pin(&home, &[&signer]);
    expect(&statuses(&home), &[("0.2.0", "ok"), ("0.1.0", "unsigned")]);
    home.well(&["plugin", "rollback", "bad", "--force"]);
}

#[test]
fn an_older_version_that_is_signed_is_not_installed_without_a_word() {
    let home = Home::new();
    let signer = Signer::new();
    pin(&home, &[&signer]);
    install(&home, "newer.so", &NEWER, Some(&signer), &[]);
    for older in [BAD.clone(), version(b"0.1.9")] {
        let file = home.file("older.so", &older);
        home.file("older.so.minisig", signer.sign(&older).as_bytes());
        let refused = home.run(&["plugin", "install", &file]);
        assert_eq!(refused.code, Some(6), "{}", refused.stderr);
        for part in ["is older than 0.2.0, which is in use", "--force"] {
            assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
        }
        assert_eq!(home.row("bad")["version"], "0.2.0");
    }
    let file = home.files().join("older.so").display().to_string();
    let done = home.run(&["plugin", "install", &file, "--force", "-o", "json"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.stderr.contains("is older than 0.2.0"), "{}", done.stderr);
    let rows: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(rows[0]["action"], json!("downgraded"));
    home.well(RUN);
}

/// A source that is pinned by a way with a link in it is pinned all the same.
#[test]
fn a_pin_holds_for_what_the_path_leads_to() {
    let home = Home::new();
    let signer = Signer::new();
    let link = home.path().join("link");
    std::os::unix::fs::symlink(home.files(), &link).unwrap();
    let pinned = format!(
        "[[plugins.keys]]\nsource = \"{}/\"\nkey = \"{}\"\n",
        link.display(),
        signer.public
    );
    fs::write(home.path().join("config.toml"), pinned).unwrap();
    super::home::mode(home.path().join("config.toml"), 0o644);
    let file = home.file("bad.so", &BAD);
    let through = link.join("bad.so").display().to_string();
    for path in [&file, &through] {
        let refused = home.run(&["plugin", "install", path]);
        assert_eq!(refused.code, Some(8), "{}", refused.stderr);
        assert!(refused.stderr.contains("is not signed"), "{}", refused.stderr);
    }
}
