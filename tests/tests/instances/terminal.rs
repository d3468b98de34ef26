//! On a terminal: steps as they go, the question before a deletion, an interruption.

use crate::support::plane::Plane;
use crate::toygres;
use expectrl::session::{OsSession, Session};
use expectrl::{Eof, Expect};
use std::process::Command;
use std::time::Duration;
use toygres_tests::toygres::{binary, plugins};

/// A command on a terminal of its own, so many columns wide.
fn on_terminal(columns: u16, args: &[&str]) -> OsSession {
    let mut command = Command::new("sh");
    command
        // It begins when the terminal has its size.
        .args(["-c", "read _; exec \"$0\" \"$@\""])
        .arg(binary())
        .args(args)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("TERM", "xterm-256color")
        .env("LANG", "C.UTF-8")
        .env("TOYGRES_HOME", Plane::shared().home())
        .env("TOYGRES_PLUGIN_PATH", plugins());
    let mut session = Session::spawn(command).unwrap();
    session.set_expect_timeout(Some(Duration::from_secs(60)));
    session.get_process_mut().set_window_size(columns, 40).unwrap();
    session.send_line("").unwrap();
    session
}

/// Everything that it wrote until it ended, and its exit code.
fn whole(mut session: OsSession) -> (String, i32) {
    let found = session.expect(Eof).unwrap();
    let bytes = found.get(0).map(<[u8]>::to_vec).unwrap_or_default();
    let ended = session.get_process().wait().unwrap();
    let code = match ended {
        expectrl::process::unix::WaitStatus::Exited(_, code) => code,
        other => panic!("{other:?}"),
    };
    (String::from_utf8_lossy(&bytes).into_owned(), code)
}

#[test]
fn the_steps_of_a_creation_are_drawn_as_they_go() {
    let mut session = on_terminal(100, &["create", "drawn", "--wait"]);
    session.expect("Creating drawn (drawn-").unwrap();
    session.expect("deploy-postgres").unwrap();
    // The next frame goes up over the one before.
    session.expect("\u{1b}[").unwrap();
    session.expect("wait-for-ready").unwrap();
    let (written, code) = whole(session);
    assert_eq!(code, 0, "{written}");
    assert!(written.contains("Instance: drawn") && written.contains("Running"), "{written}");
    toygres(&["delete", "drawn", "--force", "--wait"]).code(0);
}

#[test]
fn a_deletion_is_asked_for_by_name() {
    toygres(&["create", "asked", "--wait"]).code(0);
    let mut session = on_terminal(80, &["delete", "asked"]);
    session.expect("Delete Instance").unwrap();
    session.expect("Type `asked` to confirm").unwrap();
    session.send_line("yes").unwrap();
    let (written, code) = whole(session);
    assert_eq!(code, 6, "{written}");
    assert!(written.contains("nothing was changed"), "{written}");
    assert_eq!(toygres(&["get", "asked", "-o", "json"]).code(0).json()["state"], "running");

    let mut session = on_terminal(80, &["delete", "asked", "--wait"]);
    session.expect("Type `asked` to confirm").unwrap();
    session.send_line("asked").unwrap();
    let (written, code) = whole(session);
    assert_eq!(code, 0, "{written}");
    assert!(written.contains("Deleted"), "{written}");
}

#[test]
fn an_interruption_ends_the_waiting_and_not_the_creation() {
    let mut session = on_terminal(80, &["create", "left", "--wait"]);
    session.expect("Creating left (left-").unwrap();
    session.send("\u{3}").unwrap();
    let (written, code) = whole(session);
    assert_eq!(code, 130, "{written}");
    assert!(written.contains("creation of `left` goes on"), "{written}");
    assert!(written.contains("toygres delete left"), "{written}");
    toygres_tests::wait::until("the instance to run all the same", || {
        let state = toygres(&["get", "left", "-o", "json"]).code(0).json()["state"].clone();
        Ok((state == "running").then_some(()))
    })
    .unwrap();
    toygres(&["delete", "left", "--force", "--wait"]).code(0);
}
