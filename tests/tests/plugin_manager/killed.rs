//! Killed at any moment: the old or the new, never between.

use super::home::{BAD, Home, NEWER, RUN, version};
use serde_json::Value;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Moments at which each change is killed.
const KILLS: u32 = 16;

/// A change, what it is made on, and the versions in use before and after it.
struct Change {
    args: fn(&Home) -> Vec<String>,
    home: fn() -> Home,
    before: Option<&'static str>,
    after: Option<&'static str>,
}

fn upgraded() -> Home {
    let home = Home::with_bad();
    let file = home.file("newer.so", &NEWER);
    home.well(&["plugin", "install", &file]);
    home
}

fn args(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Kills the change after more and more of the time that it takes.
fn killed(change: &Change) {
    let whole = (change.home)();
    let began = Instant::now();
    let words = (change.args)(&whole);
    whole.well(&words.iter().map(String::as_str).collect::<Vec<_>>());
    let took = began.elapsed().max(Duration::from_millis(20));
    let mut home = (change.home)();
    for kill in 0..KILLS {
        let words = (change.args)(&home);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut running = home.command(&words);
        let mut running = running
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(took * kill / KILLS);
        running.kill().unwrap();
        running.wait().unwrap();
        if is_made(&home, change) {
            home = (change.home)();
        }
    }
    // It can still be made after all of that.
    let words = (change.args)(&home);
    home.well(&words.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(is_made(&home, change));
}

/// Whether the new is there; the old is otherwise, and either is whole.
fn is_made(home: &Home, change: &Change) -> bool {
    let verified = home.json(&["plugin", "verify"]);
    let rows = verified.as_array().unwrap();
    assert!(rows.iter().all(|row| row["status"] == "ok"), "{verified}");
    let used = rows.iter().find(|row| row["role"] == "used");
    let version = used.and_then(|row| row["version"].as_str());
    assert!(version == change.before || version == change.after, "{version:?}: {verified}");
    let ran = home.run(RUN);
    match version {
        Some(_) => {
            assert_eq!(ran.code, Some(0), "{}", ran.stderr);
            let answer: Value = serde_json::from_str(&ran.stdout).unwrap();
            assert_eq!(answer["answered"], true);
        }
        None => assert_eq!(ran.code, Some(2), "{}", ran.stderr),
    }
    version == change.after
}

#[test]
fn an_install() {
    killed(&Change {
        args: |home| args(&["plugin", "install", &home.file("bad.so", &BAD)]),
        home: Home::new,
        before: None,
        after: Some("0.1.0"),
    });
}

#[test]
fn an_upgrade() {
    killed(&Change {
        args: |home| args(&["plugin", "install", &home.file("third.so", &version(b"0.3.0"))]),
        home: Home::with_bad,
        before: Some("0.1.0"),
        after: Some("0.3.0"),
    });
}

#[test]
fn a_rollback() {
    killed(&Change {
        args: |_| args(&["plugin", "rollback", "bad", "--to", "0.1.0"]),
        home: upgraded,
        before: Some("0.2.0"),
        after: Some("0.1.0"),
    });
}

#[test]
fn a_removal() {
    killed(&Change {
        args: |_| args(&["plugin", "remove", "bad", "--force"]),
        home: upgraded,
        before: Some("0.2.0"),
        after: None,
    });
}
