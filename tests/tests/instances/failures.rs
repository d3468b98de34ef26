//! What goes wrong: each with its exit code, what it was, and the next command.

use crate::support::plane::Plane;
use crate::support::{Ran, Toygres};
use crate::toygres;
use k8s_openapi::api::apps::v1::StatefulSet;
use kube::{Api, ResourceExt};
use serde_json::json;
use std::io::Read;
use std::net::TcpListener;
use toygres_tests::{kube::client, wait};

const COMMANDS: &[&[&str]] =
    &[&["create", "nowhere"], &["list"], &["get", "nowhere"], &["delete", "nowhere", "--force"]];

#[test]
fn a_server_that_is_down_is_undetermined() {
    for command in COMMANDS {
        for url in ["http://127.0.0.1:1", "http://localhost:1"] {
            let ran = Toygres::new()
                .env("TOYGRES_API_URL", url)
                .args(command.iter().copied())
                .args(["-o", "json"])
                .run()
                .code(4);
            assert_eq!(ran.stdout, "", "{command:?}");
            let error = ran.error();
            assert_eq!(
                (&error["kind"], &error["retryable"]),
                (&json!("unavailable"), &json!(true))
            );
            assert!(error["hint"].as_str().unwrap().contains("toygres server start"), "{error}");
        }
    }
}

#[test]
fn a_wrong_token_is_refused_and_named() {
    for command in COMMANDS {
        let plane = Plane::shared();
        let ran = plane
            .toygres()
            .env("TOYGRES_API_TOKEN", "canary-TOKEN")
            .args(command.iter().copied())
            .args(["-o", "json"])
            .run()
            .code(4)
            .hides("canary");
        let error = ran.error();
        assert_eq!((&error["kind"], &error["retryable"]), (&json!("unavailable"), &json!(false)));
        assert!(error["message"].as_str().unwrap().contains("token"), "{error}");
    }
}

#[test]
fn what_cannot_be_asked_for_is_refused_before_anything_is_made() {
    let long = "x".repeat(43);
    let secret = "canary".repeat(20);
    for (args, says) in [
        (vec!["create", "Upper"], "`upper` would do"),
        (vec!["create", "under_score"], "`under-score` would do"),
        (vec!["create", "1digit"], "begins with a letter"),
        (vec!["create", &long], "at most 42 characters"),
        (vec!["create", ""], "begins with a letter"),
        (vec!["create", "ok", "--version", "9.6"], "13 to 18"),
        (vec!["create", "ok", "--version", "latest"], "13 to 18"),
        (vec!["create", "ok", "--storage", "500MB"], "whole GB"),
        (vec!["create", "ok", "--storage", "0"], "1 to 32767 GB"),
        (vec!["create", "ok", "--storage", "99TB"], "1 to 32767 GB"),
        (vec!["create", "ok", "--password", ""], "generated"),
        (vec!["create", "ok", "--password", &secret], "at most 99"),
        (vec!["create", "ok", "--password", "a\nb"], "one line"),
        (vec!["create", "ok", "--password-file", "/nowhere/at/all"], "cannot be read"),
        (vec!["create", "ok", "--password", "x", "--password-file", "y"], "cannot be used with"),
        (vec!["create", "ok", "--dns-label", "X"], "3 to 63"),
        (vec!["create", "ok", "--dns-label", "abc", "--internal"], "cannot be used with"),
        (vec!["create", "ok", "--internal", "--load-balancer"], "cannot be used with"),
        (vec!["create", "ok", "--tag", "nonsense"], "NAME=VALUE"),
        (vec!["create", "ok", "--tag", "a=1", "--tag", "a=2"], "given twice"),
        (vec!["create", "ok", "--timeout", "1m"], "--wait"),
        (vec!["create", "ok", "--wait", "--timeout", "soon"], "a duration such as"),
        (vec!["create"], "<NAME>"),
        (vec!["get", ""], "the name is empty"),
    ] {
        let ran = toygres(&args).code(2).says(says).hides("canary");
        assert_eq!(ran.stdout, "", "{args:?}");
    }
    let rows = toygres(&["list", "--all", "-o", "json"]).code(0).json();
    assert!(!rows.as_array().unwrap().iter().any(|row| row["name"] == "ok"), "{rows}");
}

#[test]
fn a_taken_name_is_told_with_what_has_it() {
    let first = toygres(&["create", "taken", "-o", "json"]).code(0).json();
    let error = toygres(&["create", "taken", "-o", "json"]).code(9).error();
    let message = error["message"].as_str().unwrap();
    assert!(message.contains(first["k8s_name"].as_str().unwrap()), "{error}");
    assert!(error["hint"].as_str().unwrap().contains("toygres "), "{error}");
    toygres(&["delete", "taken", "--force", "--wait"]).code(0);
    // Once it is gone its name is free.
    let second = toygres(&["create", "taken", "-o", "json"]).code(0).json();
    assert_ne!(first["k8s_name"], second["k8s_name"]);
    toygres(&["delete", "taken", "--force", "--wait"]).code(0);
}

#[test]
fn a_name_that_nothing_has_comes_with_those_like_it() {
    toygres(&["create", "analytics"]).code(0);
    for (typed, hint) in [
        ("anlytics", "did you mean `analytics`?"),
        ("zzzzzz", "see `toygres list`"),
        ("a/b?c", "toygres list"),
    ] {
        for command in [&["get", typed][..], &["delete", typed, "--force"]] {
            let error = toygres(&[command, &["-o", "json"]].concat()).code(5).error();
            assert_eq!(error["kind"], "not_found");
            assert!(error["hint"].as_str().unwrap().contains(hint), "{error}");
        }
    }
    toygres(&["delete", "analytics", "--force", "--wait"]).code(0);
}

#[test]
fn a_deletion_needs_a_word_and_a_terminal_to_say_it_on() {
    toygres(&["create", "kept"]).code(0);
    let ran = toygres(&["delete", "kept"]).code(6).says("Delete Instance").says("--force");
    assert_eq!(ran.stdout, "");
    let state = toygres(&["get", "kept", "-o", "json"]).code(0).json()["state"].clone();
    assert!(state == "creating" || state == "running", "{state}");
    toygres(&["delete", "kept", "--force", "--wait"]).code(0);
}

#[test]
fn a_wait_that_is_too_long_says_what_blocks_and_creation_goes_on() {
    let late = ["create", "late", "--wait", "--timeout", "1ms", "-o", "json"];
    let error = toygres(&late).code(7).error();
    assert_eq!(error["kind"], "timed_out");
    assert_eq!(error["causes"].as_array().unwrap().len(), 1, "{error}");
    assert!(error["hint"].as_str().unwrap().contains("creation goes on"), "{error}");
    wait::until("the instance to run all the same", || {
        let state = toygres(&["get", "late", "-o", "json"]).code(0).json()["state"].clone();
        Ok((state == "running").then_some(()))
    })
    .unwrap();
    toygres(&["delete", "late", "--force", "--wait"]).code(0);
}

/// Deletes the StatefulSet of the instance of this name as soon as there is one.
fn break_in_the_making(name: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let kubeconfig = Plane::shared().home().join("kubeconfig");
    let sets: Api<StatefulSet> = runtime
        .block_on(async {
            client(&kubeconfig).await.map(|client| Api::namespaced(client, "toygres"))
        })
        .unwrap();
    wait::until("the StatefulSet to be there", || {
        runtime.block_on(async {
            let there = sets.list(&Default::default()).await?;
            let prefix = format!("{name}-");
            let Some(set) = there.iter().find(|set| set.name_any().starts_with(&prefix)) else {
                return Ok(None);
            };
            sets.delete(&set.name_any(), &Default::default()).await?;
            Ok(Some(()))
        })
    })
    .unwrap();
}

#[test]
fn a_creation_that_fails_is_a_negative_answer_with_its_reason() {
    let args = ["create", "broken", "--wait", "-o", "json"];
    let (child, _home) = Plane::shared().toygres().args(args).start();
    break_in_the_making("broken");
    let ran = Ran::of(child.wait_with_output().unwrap()).code(1).says("`broken` was not created");
    let data = ran.json();
    assert_eq!(data["state"], "failed");
    let reason = data["message"].as_str().unwrap();
    assert!(reason.contains("StatefulSet"), "{reason}");
    // People are told the same, and what to do next.
    let shown = toygres(&["get", "broken"]).code(0).shows(reason).shows("Failed");
    assert!(shown.stdout.contains("Reason:"), "{shown:#?}");
    let failed = toygres(&["list", "--state", "failed", "-o", "json"]).code(0).json();
    assert!(failed.as_array().unwrap().iter().any(|row| row["name"] == "broken"), "{failed}");
    toygres(&["delete", "broken", "--force", "--wait"]).code(0);
}

#[test]
fn an_interruption_before_the_answer_says_that_the_request_may_have_been_taken() {
    // An API that takes requests and never answers.
    let api = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", api.local_addr().unwrap());
    let (child, _home) = Toygres::new()
        .env("TOYGRES_API_URL", &url)
        .env("TOYGRES_API_TOKEN", "canary-TOKEN-canary")
        .args(["create", "hangdb", "--password", "x", "-o", "json"])
        .start();
    let mut heads = Vec::new();
    for stream in api.incoming() {
        let mut stream = stream.unwrap();
        let mut head = [0; 4];
        let posted = stream.read_exact(&mut head).is_ok() && &head == b"POST";
        // Kept open: nobody is told that there will be no answer.
        heads.push(stream);
        if posted {
            break;
        }
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let ran = Ran::of(child.wait_with_output().unwrap()).code(130);
    let error = ran.error();
    assert!(error["message"].as_str().unwrap().contains("may be created all the same"), "{error}");
    assert!(error["hint"].as_str().unwrap().contains("`toygres get hangdb`"), "{error}");
}
