//! The log: written in turn, read through all of its files, followed over them.

use super::Served;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Child;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use toygres_tests::control::Deployment;
use toygres_tests::server::Home;
use toygres_tests::wait;

fn line(n: u32, level: &str, more: &str) -> String {
    format!(
        "{{\"timestamp\":\"2026-01-02T03:04:{:02}Z\",\"level\":\"{level}\",\"message\":\"line {n}\",\
         \"target\":\"t\"{more}}}\n",
        n % 60
    )
}

/// A home with a log in three files.
fn written() -> Home {
    let home = Home::bare();
    fs::create_dir_all(home.file("")).unwrap();
    let of = r#","instance_id":"create-a-00000001::sub::2""#;
    let old = line(0, "INFO", "") + &line(1, "WARN", of);
    let newer = line(2, "ERROR", r#","orchestration":"create-a-00000001","why":"it \"broke\"""#)
        + "no JSON at all\n";
    let newest = line(3, "DEBUG", r#","k8s_name":"b-00000002""#) + &line(4, "INFO", "");
    fs::write(home.file("server.log.2"), old).unwrap();
    fs::write(home.file("server.log.1"), newer).unwrap();
    fs::write(home.file("server.log"), newest).unwrap();
    home
}

/// The messages that a command shows.
#[track_caller]
fn shown(home: &Home, options: &[&str]) -> Vec<String> {
    let args = [&["server", "logs", "-o", "jsonl"], options].concat();
    let ran = home.run(&args).code(0);
    let messages = ran.stdout.lines().map(|line| {
        let entry: Value = serde_json::from_str(line).unwrap();
        entry["message"].as_str().unwrap().to_owned()
    });
    messages.collect()
}

#[test]
fn all_files_are_read_and_every_filter_holds() {
    let home = written();
    let all = ["line 0", "line 1", "line 2", "no JSON at all", "line 3", "line 4"];
    assert_eq!(shown(&home, &["--tail", "0"]), all);
    assert_eq!(shown(&home, &[]), all);
    assert_eq!(shown(&home, &["--tail", "2"]), ["line 3", "line 4"]);
    assert_eq!(shown(&home, &["--level", "warn"]), ["line 1", "line 2"]);
    assert_eq!(shown(&home, &["--level", "trace", "--tail", "1"]), ["line 4"]);
    assert_eq!(shown(&home, &["--grep", "BROKE"]), ["line 2"]);
    assert_eq!(shown(&home, &["--orchestration", "create-a-00000001"]), ["line 1", "line 2"]);
    assert_eq!(shown(&home, &["--instance", "a"]), ["line 1", "line 2"]);
    assert_eq!(shown(&home, &["-i", "b-00000002"]), ["line 3"]);
    assert_eq!(shown(&home, &["--instance", "c"]), Vec::<String>::new());
    let since = ["--since", "2026-01-02T03:04:03Z"];
    assert_eq!(shown(&home, &since), ["line 3", "line 4"]);
    let both = ["--level", "error", "--instance", "a"];
    assert_eq!(shown(&home, &both), ["line 2"]);
    let _wrong = home.run(&["server", "logs", "--since", "whenever"]).code(2);
    let _wrong = home.run(&["server", "logs", "--level", "loud"]).code(2);
}

#[test]
fn every_format_tells_the_same() {
    let home = written();
    let ran = home.run(&["server", "logs", "--tail", "3"]).code(0);
    assert!(ran.stderr.contains("the last 3"), "{ran:#?}");
    assert_eq!(
        ran.stdout,
        "no JSON at all\n\
         2026-01-02 03:04:03.000 DEBUG line 3 k8s_name=b-00000002\n\
         2026-01-02 03:04:04.000 INFO  line 4\n"
    );
    let rows = home.run(&["server", "logs", "--tail", "3", "-o", "json"]).code(0).json();
    assert_eq!(rows.as_array().unwrap().len(), 3);
    assert_eq!(rows[1]["instance"], "b-00000002");
    assert_eq!(rows[1]["fields"]["k8s_name"], "b-00000002");
    assert_eq!(rows[2]["level"], "info");
    assert_eq!(rows[0]["time"], Value::Null);
    let none = home.run(&["server", "logs", "--grep", "nowhere", "-o", "json"]).code(0);
    assert_eq!(none.json(), serde_json::json!([]));
    let none = Home::bare().run(&["server", "logs"]).code(0);
    assert!(none.stdout.contains("no log yet"), "{none:#?}");
    let _wrong = home.run(&["server", "logs", "--follow", "-o", "yaml"]).code(2);
}

/// A command whose lines are read as they come.
struct Following {
    child: Child,
    lines: Receiver<String>,
}

impl Following {
    fn new(home: &Home, options: &[&str]) -> Self {
        let mut child = home.spawn(&[&["server", "logs", "--follow"], options].concat());
        let out = BufReader::new(child.stdout.take().unwrap());
        let (send, lines) = channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        Self { child, lines }
    }

    #[track_caller]
    fn next(&self) -> String {
        self.lines.recv_timeout(Duration::from_secs(30)).unwrap()
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _ended = self.child.wait();
    }
}

#[test]
fn following_goes_on_when_the_log_is_set_aside() {
    let home = written();
    let following = Following::new(&home, &["--tail", "1", "-o", "jsonl"]);
    assert!(following.next().contains("line 4"));
    let append = |name: &str, text: &str| {
        use std::io::Write;
        let mut file = fs::OpenOptions::new().append(true).create(true).open(home.file(name));
        file.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    };
    append("server.log", &line(5, "INFO", ""));
    assert!(following.next().contains("line 5"));
    // Half a line is no line yet.
    let whole = line(6, "INFO", "");
    append("server.log", &whole[..20]);
    append("server.log", &whole[20..]);
    assert!(following.next().contains("line 6"));
    for n in 7..12 {
        append("server.log", &line(n, "INFO", ""));
        for number in (1..4).rev() {
            let from = home.file(&format!("server.log.{number}"));
            let _not_there = fs::rename(from, home.file(&format!("server.log.{}", number + 1)));
        }
        fs::rename(home.file("server.log"), home.file("server.log.1")).unwrap();
        append("server.log", &line(n + 100, "INFO", ""));
    }
    for n in 7..12 {
        assert!(following.next().contains(&format!("line {n}\"")));
        assert!(following.next().contains(&format!("line {}\"", n + 100)));
    }
    let people = Following::new(&home, &["--tail", "1"]);
    assert_eq!(people.next(), "2026-01-02 03:04:51.000 INFO  line 111");
}

#[test]
fn a_server_sets_its_log_aside_and_keeps_so_many() {
    let Some(deployment) = Deployment::new() else { return };
    let home = Home::new(&deployment)
        .set("TOYGRES_LOG_MAX_BYTES", "8192")
        .set("TOYGRES_LOG_KEEP", "3")
        .set("RUST_LOG", "info,toygres_server::api=debug");
    home.start(&[]);
    let following =
        Following::new(&home, &["--tail", "0", "--grep", "/api/instances/n", "-o", "jsonl"]);
    // Each leaves a line with its name. What is kept is four files of some thirty lines: no more
    // are asked for at once than a reader can be behind without losing one.
    for batch in 0..20 {
        for n in batch * 20..(batch + 1) * 20 {
            let answer = home.request("GET", &format!("/api/instances/n{n}x")).send();
            assert_eq!(answer.status, 404);
        }
        for n in batch * 20..(batch + 1) * 20 {
            let line = following.next();
            assert!(line.contains(&format!("/api/instances/n{n}x")), "{n}: {line}");
        }
    }
    wait::until("the log to be set aside", || Ok(home.file("server.log.3").exists().then_some(())))
        .unwrap();
    assert!(!home.file("server.log.4").exists());
    for name in ["server.log", "server.log.1", "server.log.2", "server.log.3"] {
        let data = fs::metadata(home.file(name)).unwrap();
        assert!(data.len() <= 8192, "{name}: {}", data.len());
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(data.permissions().mode() & 0o777, 0o600, "{name}");
    }
}

#[test]
fn an_instances_life_is_found_by_its_name_and_its_orchestration() {
    let Some(served) = Served::new(&[]) else { return };
    let created = served.home.request("POST", "/api/instances").json(r#"{"name":"seen"}"#).send();
    let created = created.json();
    let k8s_name = created["k8s_name"].as_str().unwrap();
    served.deployment.reaches(k8s_name, "running").unwrap();
    let id = created["create_orchestration_id"].as_str().unwrap();
    let by = |options: &[&str]| {
        let ran =
            served.home.run(&[&["server", "logs", "-o", "json", "--tail", "0"], options].concat());
        ran.code(0).json().as_array().unwrap().clone()
    };
    wait::until("the workflow's lines", || {
        let rows = by(&["--orchestration", id]);
        let deployed = rows.iter().any(|row| row.to_string().contains("deploy-postgres"));
        Ok(deployed.then_some(()))
    })
    .unwrap();
    assert!(by(&["--orchestration", id]).iter().all(|row| row["orchestration"] == id));
    assert!(!by(&["--instance", "seen"]).is_empty());
    assert!(by(&["--instance", k8s_name]).len() >= by(&["--orchestration", id]).len());
    assert!(by(&["--instance", "unseen"]).is_empty());
}
