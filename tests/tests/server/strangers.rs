//! Other processes: a pid file that names one is no reason to touch it.

use super::Served;
use std::process::{Child, Command};
use toygres_tests::server::{Home, lives};

struct Stranger(Child);

impl Stranger {
    fn new() -> Self {
        Self(Command::new("sleep").arg("600").spawn().unwrap())
    }

    fn pid(&self) -> i32 {
        i32::try_from(self.0.id()).unwrap()
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _ended = self.0.wait();
    }
}

/// The record that a server left, as if its number now were another process's.
fn recycled(home: &Home, pid: i32) {
    let text = std::fs::read_to_string(home.file("server.pid")).unwrap();
    let old = home.pid().unwrap();
    let text = text.replacen(&format!("{old}\n"), &format!("{pid}\n"), 1);
    let text = text.replace(&format!("\"pid\":{old}"), &format!("\"pid\":{pid}"));
    std::fs::write(home.file("server.pid"), text).unwrap();
}

#[test]
fn a_recycled_number_is_never_signalled() {
    let Some(served) = Served::new(&[]) else { return };
    let home = &served.home;
    home.kill().unwrap();
    let stranger = Stranger::new();
    recycled(home, stranger.pid());
    assert_eq!(home.pid(), Some(stranger.pid()));
    let _gone = home.run(&["server", "status"]).code(3);
    for stop in [&["server", "stop"][..], &["server", "stop", "--force"]] {
        let ran = home.run(&[stop, &["-o", "json"]].concat()).code(0);
        assert_eq!(ran.json()["result"], "not_running");
        assert!(lives(stranger.pid()));
    }
    home.start(&[]);
    let started = home.pid().unwrap();
    assert_ne!(started, stranger.pid());
    home.kill().unwrap();
    recycled(home, stranger.pid());
    let restarted = home.run(&["server", "restart", "-o", "json"]).code(0).json();
    assert_eq!(restarted["result"], "started");
    assert!(lives(stranger.pid()));
}

#[test]
fn a_pid_file_of_any_sort_is_no_server() {
    let home = Home::bare();
    let stranger = Stranger::new();
    std::fs::create_dir_all(home.file("")).unwrap();
    for text in [
        format!("{}\n", stranger.pid()),
        "1\n".to_owned(),
        "-1\n{}\n".to_owned(),
        "0\n".to_owned(),
        String::new(),
        "no number\n{\"pid\":\"x\"}\n".to_owned(),
        format!("{}\n{{\"pid\":{}}}\n", stranger.pid(), stranger.pid()),
        "\u{0}\u{0}\u{0}".to_owned(),
    ] {
        std::fs::write(home.file("server.pid"), &text).unwrap();
        let _gone = home.run(&["server", "status"]).code(3);
        let ran = home.run(&["server", "stop", "--force", "-o", "json"]).code(0);
        assert_eq!(ran.json()["result"], "not_running", "{text}");
        assert!(lives(stranger.pid()));
    }
}

#[test]
fn a_server_whose_lock_file_was_removed_is_still_known() {
    let Some(served) = Served::new(&[]) else { return };
    let (home, pid) = (&served.home, served.home.pid().unwrap());
    std::fs::remove_file(home.file("server.pid.lock")).unwrap();
    let started = home.run(&["server", "start", "-o", "json"]).code(0).json();
    assert_eq!(
        (started["result"].as_str(), started["pid"].as_i64()),
        (Some("already_running"), Some(pid.into()))
    );
    let ran = home.run(&["server", "start", "--foreground", "-o", "json"]).code(9);
    assert!(ran.error()["message"].as_str().unwrap().contains("already runs"), "{ran:#?}");
    let _stopped = home.run(&["server", "stop"]).code(0);
    assert!(!lives(pid));
}

#[test]
fn a_server_whose_pid_file_was_removed_is_still_known() {
    let Some(served) = Served::new(&[]) else { return };
    let (home, pid) = (&served.home, served.home.pid().unwrap());
    std::fs::remove_file(home.file("server.pid")).unwrap();
    let status = home.run(&["server", "status", "-o", "json"]).code(0).json();
    assert_eq!(status["pid"].as_i64(), Some(pid.into()));
    let stopped = home.run(&["server", "stop", "-o", "json"]).code(0).json();
    assert_eq!(stopped["result"], "stopped");
    assert!(!lives(pid));
}
