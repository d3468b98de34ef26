//! Several at once: none is lost, and what runs goes on.

use super::home::{BAD, CONFIG, Home, NEWER, RUN};
use std::process::{Child, Stdio};
use toygres_tests::toygres;

fn begin(home: &Home, args: &[&str]) -> Child {
    let mut command = home.command(args);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap()
}

#[track_caller]
fn end(child: Child) {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn two_and_eight_installs_at_once_lose_none() {
    let home = Home::new();
    let two = [home.file("bad.so", &BAD), home.file("config.so", &CONFIG)];
    let running: Vec<Child> =
        two.iter().map(|file| begin(&home, &["plugin", "install", file])).collect();
    running.into_iter().for_each(end);
    let names = ["db", "drift", "health", "instances", "orchestrations"];
    let files = names.map(|name| toygres::plugins().join(format!("libtoygres_{name}.so")));
    let files = files.map(|path| path.display().to_string());
    let newer = home.file("newer.so", &NEWER);
    // Five new ones, an upgrade, and two that are there already.
    let eight: Vec<&str> =
        files.iter().chain(&two).map(String::as_str).chain([newer.as_str()]).collect();
    let running: Vec<Child> =
        eight.iter().map(|file| begin(&home, &["plugin", "install", file])).collect();
    running.into_iter().for_each(end);
    let list = home.json(&["plugin", "list"]);
    let there: Vec<&str> =
        list.as_array().unwrap().iter().filter_map(|row| row["name"].as_str()).collect();
    for name in names.iter().chain(&["bad", "config"]) {
        assert!(there.contains(name), "{name}: {there:?}");
    }
    // Whichever of the two was last is in use, and the other one is kept.
    let bad = home.row("bad");
    assert_eq!(bad["kept"].as_array().unwrap().len(), 1, "{bad}");
    assert_eq!(home.run(&["plugin", "verify"]).code, Some(0));
}

#[test]
fn commands_run_while_their_plugin_is_upgraded_and_rolled_back() {
    let home = Home::with_bad();
    let newer = home.file("newer.so", &NEWER);
    for _ in 0..3 {
        let running: Vec<Child> = (0..4).map(|_| begin(&home, RUN)).collect();
        home.well(&["plugin", "install", &newer]);
        let more: Vec<Child> = (0..4).map(|_| begin(&home, RUN)).collect();
        home.well(&["plugin", "rollback", "bad"]);
        running.into_iter().chain(more).for_each(end);
    }
    // One that has its library open for long: it goes on although the file is gone.
    let watching =
        begin(&home, &["server", "bad", "--fault", "none", "--watch", "--interval", "100ms"]);
    let mut watching = watching;
    let mut out = std::io::BufReader::new(watching.stdout.take().unwrap());
    let mut line = || {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut out, &mut line).unwrap();
        line
    };
    assert!(line().contains("answered"));
    home.well(&["plugin", "remove", "bad", "--force"]);
    for _ in 0..3 {
        assert!(line().contains("answered"));
    }
    watching.kill().unwrap();
    watching.wait().unwrap();
}
