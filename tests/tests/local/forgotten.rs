//! What a Secret held is in no file any more once it is deleted or changed.

use crate::home::{Home, database};
use crate::processes::{kill, pid};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use std::fs;
use std::path::{Path, PathBuf};
use toygres_tests::wait;

/// The files below a folder that hold one of these texts.
fn holding(folder: &Path, texts: &[String]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(holding(&path, texts));
        } else if let Ok(bytes) = fs::read(&path) {
            let holds = |text: &String| bytes.windows(text.len()).any(|it| it == text.as_bytes());
            found.extend(texts.iter().any(holds).then_some(path));
        }
    }
    found
}

/// A password, as it is and as a Secret has it.
fn forms(password: &str) -> Vec<String> {
    vec![password.to_owned(), BASE64_STANDARD.encode(password)]
}

#[track_caller]
fn is_forgotten(home: &Home, password: &str) {
    let mut last = Vec::new();
    wait::until("the password to be in no file", || {
        last = holding(&home.path(""), &forms(password));
        Ok(last.is_empty().then_some(()))
    })
    .unwrap_or_else(|error| panic!("{error}: {last:?}"));
}

#[test]
fn the_password_of_a_deleted_secret_is_in_no_file() {
    let home = Home::new();
    home.up();
    home.apply(&database("mydb", "canary-first-7f3a1c"));
    home.ready("mydb-0");
    assert!(!holding(&home.path(""), &forms("canary-first-7f3a1c")).is_empty(), "it is kept");
    // Another one in its place.
    let second = database("mydb", "canary-second-7f3a1c");
    home.apply(second.split("---").next().unwrap());
    is_forgotten(&home, "canary-first-7f3a1c");
    home.kubectl(&["delete", "secret/mydb-credentials"]).code(0);
    is_forgotten(&home, "canary-second-7f3a1c");
    // What is left is as it was, also for the next daemon.
    kill(pid(&home.status()["daemon"]["pid"]));
    home.run(&["local", "up", "-o", "json"]).code(0);
    assert_eq!(home.object("service", "mydb-svc")["spec"]["selector"]["instance"], "mydb");
}

#[test]
fn a_daemon_that_was_killed_before_it_cleared_its_files_does_so_later() {
    let home = Home::new();
    home.up();
    for n in 0..8 {
        home.apply(&format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{ name: s{n}, namespace: toygres }}\n\
             stringData: {{ password: canary-{n}-7f3a1c }}\n"
        ));
    }
    home.kubectl(&["delete", "secret", "s0", "s1", "s2", "s3", "s4", "s5", "s6"]).code(0);
    kill(pid(&home.status()["daemon"]["pid"]));
    home.up();
    for n in 0..7 {
        is_forgotten(&home, &format!("canary-{n}-7f3a1c"));
    }
    let kept = &home.object("secret", "s7")["data"]["password"];
    assert_eq!(*kept, BASE64_STANDARD.encode("canary-7-7f3a1c"));
}
