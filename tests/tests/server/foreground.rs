//! The process in the foreground, and how it ends.

use rustix::process::{Pid, Signal, kill_process};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use toygres_tests::control::Deployment;
use toygres_tests::server::Home;
use toygres_tests::wait;

#[test]
fn a_signal_ends_it_in_order() {
    let Some(deployment) = Deployment::new() else { return };
    for signal in [Signal::TERM, Signal::INT] {
        let home = Home::new(&deployment);
        let server = home.spawn(&["server", "start", "--foreground", "-o", "json"]);
        wait::until("the server to be ready", || {
            Ok((!home.text("api-url").is_empty()).then_some(()))
        })
        .unwrap();
        assert_eq!(home.pid().map(i32::unsigned_abs), Some(server.id()));
        kill_process(Pid::from_child(&server), signal).unwrap();
        let output = server.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}");
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(answer["result"], "stopped");
        // Whoever keeps its stderr keeps its log.
        assert!(said.contains("\"message\":\"the server has ended\""), "{said}");
        assert!(!home.file("server.pid").exists() && !home.file("api-url").exists());
    }
}

#[test]
fn a_request_under_way_is_answered_before_the_end() {
    let Some(deployment) = Deployment::new() else { return };
    let home = Home::new(&deployment);
    home.start(&[]);
    let (pid, address) = (home.pid().unwrap(), home.address());
    let mut stream = TcpStream::connect(&address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let body = br#"{"name":"drained"}"#;
    let head = format!(
        "POST /api/instances HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        home.text("api-token"),
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&body[..5]).unwrap();
    let metrics = || home.request("GET", "/healthz").send();
    assert_eq!(metrics().status, 200);
    kill_process(Pid::from_raw(pid).unwrap(), Signal::TERM).unwrap();
    wait::until("the server to be ending", || {
        Ok(home.log().contains("the server ends").then_some(()))
    })
    .unwrap();
    // No new one is taken.
    wait::until("the port to be closed", || {
        Ok(TcpStream::connect(&address).is_err().then_some(()))
    })
    .unwrap();
    stream.write_all(&body[5..]).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    wait::until("the server to end", || Ok((!toygres_tests::server::lives(pid)).then_some(())))
        .unwrap();
    let found = deployment.count("SELECT count(*) FROM toygres_cms.instances");
    assert_eq!(found, 1);
}

#[test]
fn a_client_that_never_ends_does_not_hold_it() {
    let Some(deployment) = Deployment::new() else { return };
    let home = Home::new(&deployment).set("TOYGRES_DRAIN_MS", "500");
    home.start(&[]);
    let mut stream = TcpStream::connect(home.address()).unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localho").unwrap();
    let idle = TcpStream::connect(home.address()).unwrap();
    let stopped = home.run(&["server", "stop", "--timeout", "30s", "-o", "json"]).code(0).json();
    assert_eq!(stopped["result"], "stopped");
    drop(idle);
}
