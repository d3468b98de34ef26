//! Ctrl-C where something hangs: the command ends, soon, and as interrupted.

#[path = "support/mod.rs"]
mod support;

use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::Child;
use support::Toygres;
use toygres_tests::toygres;

fn interrupt(child: &Child) {
    let process = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(process, Signal::INT).unwrap();
}

/// Native code in this process cannot be stopped; toygres leaves without it, and blames nobody.
#[test]
fn a_plugin_that_goes_on_is_left() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(toygres::bad_plugin(), folder.path().join("libtoygres_bad_plugin.so")).unwrap();
    let (mut child, _home) = Toygres::new()
        .env("TOYGRES_PLUGIN_PATH", folder.path().to_str().unwrap())
        .args(["server", "bad", "--fault", "go-on"])
        .start();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    stderr.read_line(&mut said).unwrap();
    assert!(said.contains("it goes on"), "{said}");
    interrupt(&child);
    let status = child.wait().unwrap();
    said.clear();
    stderr.read_to_string(&mut said).unwrap();
    assert_eq!((status.code(), said.as_str()), (Some(130), "error: interrupted\n"));
}

/// The question to an API that is silent is given up at once.
#[test]
fn a_question_to_a_silent_api_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let (child, _home) = Toygres::new()
        .env("TOYGRES_API_URL", &url)
        .env("TOYGRES_API_TOKEN", "canary-token")
        .args(["list"])
        .start();
    let (mut asked, _) = silent.accept().unwrap();
    let mut request = [0; 5];
    asked.read_exact(&mut request).unwrap();
    assert_eq!(&request, b"GET /");
    interrupt(&child);
    let ran = support::Ran::of(child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.stderr.as_str()), (130, "error: interrupted\n"), "{ran:#?}");
}
