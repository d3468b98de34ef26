//! Up, down and up again.

use crate::home::{Home, database, psql, url};
use crate::processes::{gone, kill, listens, lives, loopback, owner, pid, with_word};
use std::os::unix::fs::MetadataExt;

#[test]
fn what_is_up_answers_and_what_is_down_is_kept() {
    let home = Home::new();
    home.run(&["local", "status"]).code(3).shows("Never brought up");
    let first = home.up();
    assert_eq!(first["result"], "started");
    let url = home.database_url();
    psql(&url, "CREATE TABLE kept AS SELECT 42 AS answer").unwrap();
    assert!(psql(&url.replace("toygres:", "toygres:x"), "SELECT 1").is_err(), "no password needed");
    let nodes = home.kubectl(&["get", "nodes", "-o", "name"]).code(0);
    assert_eq!(nodes.stdout, "node/local\n");
    let status = home.run(&["local", "status", "-o", "json"]).code(0).json();
    assert_eq!(status["postgres"]["pid"], first["postgres"]["pid"]);
    let processes = ["daemon", "postgres"].map(|part| pid(&status[part]["pid"]));

    let down = home.down().json();
    assert_eq!(down["result"], "stopped");
    for pid in processes {
        assert!(!lives(pid), "{pid} lives");
    }
    assert_eq!(with_word(home.path("").to_str().unwrap()), [] as [String; 0]);
    let status = home.run(&["local", "status", "-o", "json"]).code(3).json();
    assert_eq!((&status["up"], &status["made"]), (&false.into(), &true.into()));
    assert_eq!(home.down().json()["result"], "already_down");

    let second = home.up();
    for part in ["postgres", "kubernetes"] {
        assert_eq!(second[part]["port"], first[part]["port"], "{part} moved");
        assert_ne!(second[part]["pid"], first[part]["pid"]);
    }
    assert_eq!(home.database_url(), url);
    assert_eq!(psql(&url, "SELECT answer FROM kept").unwrap(), "42");
}

#[test]
fn up_twice_is_up() {
    let home = Home::new();
    let first = home.up();
    let second = home.up();
    assert_eq!(second["result"], "already_up");
    assert_eq!(second["daemon"], first["daemon"]);
    assert_eq!(second["postgres"], first["postgres"]);
}

#[test]
fn of_many_at_once_one_brings_it_up() {
    let home = Home::new();
    let runs: Vec<_> = (0..4).map(|_| home.start(&["local", "up", "-o", "json"])).collect();
    let answers: Vec<_> = runs
        .into_iter()
        .map(|run| crate::support::Ran::of(run.wait_with_output().unwrap()).code(0).json())
        .collect();
    let started = answers.iter().filter(|answer| answer["result"] == "started").count();
    assert_eq!(started, 1, "{answers:#?}");
    assert!(answers.iter().all(|answer| answer["daemon"] == answers[0]["daemon"]));
}

#[test]
fn secrets_are_for_the_owner_and_everything_is_on_loopback() {
    let home = Home::new();
    let up = home.up();
    home.apply(&database("mydb", "pass"));
    home.ready("mydb-0");
    psql(&url(&home, "mydb", "pass"), "SELECT 1").unwrap();
    let password = home.database_url().split([':', '@']).nth(2).unwrap().to_owned();
    let mut secrets = 0;
    // A folder, and whether others are kept out of it.
    let mut folders = vec![(home.path(""), false)];
    while let Some((folder, closed)) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let open = entry.metadata().unwrap().mode() & 0o077;
            if entry.file_type().unwrap().is_dir() {
                folders.push((entry.path(), closed || open == 0));
                continue;
            }
            let bytes = std::fs::read(entry.path()).unwrap_or_default();
            if String::from_utf8_lossy(&bytes).contains(&password) {
                secrets += 1;
            }
            assert!(closed || open == 0, "others may read {}", entry.path().display());
        }
    }
    assert!(secrets >= 2, "the context and what is kept hold the password");

    let status = home.status();
    let daemon = pid(&status["daemon"]["pid"]);
    assert_eq!(listens(daemon), [loopback(&up["kubernetes"]["port"])]);
    let servers = [&status["postgres"], &status["pods"][0]];
    for server in servers {
        assert_eq!(listens(pid(&server["pid"])), [loopback(&server["port"])]);
        assert_ne!(owner(pid(&server["pid"])), 0, "PostgreSQL refuses root");
    }
    assert_ne!(status["postgres"]["port"], status["pods"][0]["port"]);
}

#[test]
fn purging_leaves_nothing_and_is_asked_for() {
    let home = Home::new();
    let up = home.up();
    home.run(&["local", "down", "--purge"]).code(6).says("--force");
    assert!(lives(pid(&up["daemon"]["pid"])), "it was refused");
    let down = home.run(&["local", "down", "--purge", "--force", "-o", "json"]).code(0).json();
    assert_eq!(down["purged"], true);
    assert!(!home.path("local").exists() && !home.path("kubeconfig").exists());
    assert_eq!(std::fs::read_to_string(home.path("config.toml")).unwrap(), "");
    home.run(&["local", "down"]).code(0).shows("Nothing was ever brought up");
    home.up();
}

#[test]
fn a_control_plane_that_loses_its_database_is_told_of() {
    let home = Home::new().env("TOYGRES_PORT", "0");
    home.up();
    home.run(&["server", "start"]).code(0);
    let file = std::fs::read_to_string(home.path("server.pid")).unwrap();
    let server: i32 = file.lines().next().unwrap().parse().unwrap();
    let down = home.down().says("toygres server stop").json();
    assert_eq!(down["server"], server);
    assert!(lives(server), "it was not ours to stop");
    home.run(&["server", "stop"]).code(0);
    assert!(home.down().json()["server"].is_null());
}

#[test]
fn a_taken_port_is_left_to_whoever_has_it() {
    let home = Home::new();
    let up = home.up();
    home.down();
    let taken: Vec<_> = ["postgres", "kubernetes"]
        .iter()
        .map(|part| u16::try_from(up[part]["port"].as_u64().unwrap()).unwrap())
        .map(|port| std::net::TcpListener::bind(("127.0.0.1", port)).unwrap())
        .collect();
    let moved = home.up();
    for part in ["postgres", "kubernetes"] {
        assert_ne!(moved[part]["port"], up[part]["port"]);
    }
    drop(taken);
    psql(&home.database_url(), "SELECT 1").unwrap();
    home.kubectl(&["get", "nodes"]).code(0);
}

#[test]
fn a_daemon_that_hangs_is_killed_and_nothing_stays() {
    let home = Home::new();
    let up = home.up();
    let daemon = pid(&up["daemon"]["pid"]);
    let stop = rustix::process::Signal::STOP;
    rustix::process::kill_process(rustix::process::Pid::from_raw(daemon).unwrap(), stop).unwrap();
    let down = home.run(&["local", "down", "--timeout", "1s", "-o", "json"]).code(0);
    let down = down.says("was killed").json();
    assert_eq!((&down["killed"], &down["left_running"]), (&true.into(), &1.into()));
    gone(daemon);
    gone(pid(&up["postgres"]["pid"]));
    home.up();
}

#[test]
fn a_number_that_another_process_got_is_left_alone() {
    let home = Home::new();
    let up = home.up();
    kill(pid(&up["daemon"]["pid"]));
    kill(pid(&up["postgres"]["pid"]));
    let mut other = std::process::Command::new("sleep").arg("600").spawn().unwrap();
    // As if the system had given both numbers to it.
    for (file, old) in [
        ("local/daemon.json", &up["daemon"]["pid"]),
        ("local/postgres/data/postmaster.pid", &up["postgres"]["pid"]),
    ] {
        let text = std::fs::read_to_string(home.path(file)).unwrap();
        let text = text.replacen(&old.to_string(), &other.id().to_string(), 1);
        std::fs::write(home.path(file), text).unwrap();
    }
    home.run(&["local", "status"]).code(3);
    assert_eq!(home.down().json()["result"], "already_down");
    assert!(other.try_wait().unwrap().is_none(), "it was signalled");
    home.up();
    assert!(other.try_wait().unwrap().is_none(), "it was signalled");
    other.kill().unwrap();
    other.wait().unwrap();
}
