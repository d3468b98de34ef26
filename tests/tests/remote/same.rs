//! The same command here and through a server: the same output, byte by byte, and the same exit
//! code.

use crate::support::FORMATS;
use crate::{away, here, plane};
use regex::Regex;
use std::sync::{LazyLock, OnceLock};

/// The orchestration of an instance that was created.
fn created() -> &'static str {
    static CREATED: OnceLock<String> = OnceLock::new();
    CREATED.get_or_init(|| {
        here(&["create", "samedb", "--wait"]).code(0);
        let one = here(&["get", "samedb", "-o", "json"]).code(0).json();
        one["create_orchestration_id"].as_str().unwrap().to_owned()
    })
}

/// How long ago something was is told from now, and one run is later than the other; it may also
/// take longer.
fn settled(text: &str) -> String {
    static AGO: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(\d+( minutes?| seconds?|[sm]) ago|just now) *|returned \(.*\)").unwrap()
    });
    AGO.replace_all(text, "AGO ").into_owned()
}

#[track_caller]
fn same(args: &[&str], code: i32) {
    let (here, away) = (here(args), away().args(args.iter().copied()).run());
    assert_eq!(here.code, code, "{args:?}: {here:#?}");
    assert_eq!(away.code, code, "{args:?}: {away:#?}");
    assert_eq!(settled(&away.stdout), settled(&here.stdout), "{args:?}");
    assert_eq!(away.stderr, here.stderr, "{args:?}");
}

#[test]
fn every_answer_in_every_format() {
    let id = created();
    for format in FORMATS {
        let ours = ["--type", "create-instance", "--instance", "samedb"];
        same(&[&["server", "orchestrations", "-o", format], &ours[..]].concat(), 0);
        same(&["server", "orchestrations", "--instance", "nosuch", "-o", format], 0);
        let sql = "SELECT n, 'a,\"b' AS t, NULL AS x, now() > now() AS f, '{\"a\": 1}'::jsonb AS j \
                   FROM generate_series(1, 30) n";
        same(&["server", "db-query", sql, "-o", format], 0);
        same(&["server", "db-query", sql, "-o", format, "--limit", "0"], 0);
        if *format != "csv" {
            same(&["server", "orchestration", id, "--history", "-o", format], 0);
            same(&["server", "bad", "--fault", "none", "-o", format], 0);
        }
    }
    let ours = ["server", "orchestrations", "--instance", "samedb"];
    same(&[&ours[..], &["--group-by", "type"]].concat(), 0);
    same(&[&ours[..], &["--columns", "id,status"]].concat(), 0);
    same(&[&ours[..], &["--count", "-o", "json"]].concat(), 0);
    same(&["server", "orchestration", id, "--follow", "-o", "json"], 0);
    same(&["list", "--state", "failed", "-o", "json"], 0);
}

#[test]
fn every_refusal() {
    created();
    for format in ["table", "json"] {
        let o = ["-o", format];
        same(&[&["server", "orchestration", "create-nosuch-00000000"], &o[..]].concat(), 5);
        same(&[&["server", "db-query", "SELEC 1"], &o[..]].concat(), 2);
        same(&[&["server", "db-query", "DROP TABLE x"], &o[..]].concat(), 6);
        let late = ["server", "db-query", "SELECT pg_sleep(20)", "--timeout", "200ms"];
        same(&[&late[..], &o[..]].concat(), 7);
        same(&[&["server", "bad", "--fault", "error"], &o[..]].concat(), 9);
        same(&[&["server", "bad", "--fault", "write"], &o[..]].concat(), 6);
    }
    same(&["server", "db-query", "SELECT 1", "--columns", "nosuch"], 2);
    same(&["server", "orchestration", created(), "--execution", "99"], 5);
}

#[test]
fn a_panic_of_a_private_plugin_ends_nothing_else() {
    for fault in ["panic", "panic-in-task", "panic-in-drop"] {
        let ran = away().args(["server", "bad", "--fault", fault, "-o", "json"]).run().code(8);
        assert_eq!(ran.error()["kind"], "plugin");
    }
    away().args(["server", "bad", "--fault", "none"]).run().code(0);
}

#[test]
fn a_hundred_thousand_rows() {
    created();
    let sql = "SELECT n, md5(n::text) AS hash FROM generate_series(1, 100000) n";
    for format in ["csv", "json", "jsonl"] {
        same(&["server", "db-query", sql, "--limit", "0", "-o", format], 0);
    }
    // Rows that break off are no whole document, wherever they break.
    let sql = "SELECT 1000 / (50000 - n) AS a FROM generate_series(1, 90000) n";
    let ran = away().args(["server", "db-query", sql, "--limit", "0", "-o", "json"]).run().code(2);
    assert!(serde_json::from_str::<serde_json::Value>(&ran.stdout).is_err());
}

#[test]
fn a_file_of_this_machine_goes_along() {
    let query = away().file("q.sql", "SELECT 42 AS answer");
    let ran = query.args(["server", "db-query", "--file", "q.sql", "-o", "csv"]).run().code(0);
    assert_eq!(ran.stdout, "answer\n42\n");
    let missing = away().args(["server", "db-query", "--file", "nosuch.sql"]).run().code(2);
    assert!(missing.stderr.contains("nosuch.sql"), "{}", missing.stderr);
}

#[test]
fn secrets_stay_on_the_server_unless_asked_for() {
    let sql = "SELECT 'postgres://u:canary-AWAY@h/d' AS url, 'canary-AWAY' AS password";
    for format in FORMATS {
        let ran = away().args(["server", "db-query", sql, "-o", format]).run().code(0);
        ran.hides("canary-AWAY");
    }
    let raw = away().args(["server", "db-query", sql, "-o", "json", "--show-secrets"]);
    assert!(raw.run().code(0).stdout.contains("canary-AWAY"));
}

#[test]
fn what_is_about_this_machine_stays_here() {
    let config = away().args(["server", "config", "-o", "json"]).run().code(0);
    assert!(!config.stdout.contains(&*plane().home().to_string_lossy()), "{}", config.stdout);
    // There is none on this machine, and the one elsewhere answers.
    let status = away().args(["server", "status"]).run().code(0);
    assert!(status.stdout.contains("Not running on this machine"), "{}", status.stdout);
    assert!(!status.stdout.contains(&*plane().home().to_string_lossy()), "{}", status.stdout);
}

#[test]
fn a_server_that_is_not_there_or_not_ours_is_said() {
    let gone = plane()
        .elsewhere()
        .env("TOYGRES_API_URL", "http://127.0.0.1:1")
        .env("TOYGRES_API_TOKEN", "canary-TOKEN");
    let gone = gone.args(["server", "orchestrations", "-o", "json"]).run().code(4);
    assert_eq!(gone.error()["kind"], "unavailable");
    gone.hides("canary-TOKEN");
    let wrong = away().env("TOYGRES_API_TOKEN", "canary-WRONG");
    let wrong = wrong.args(["server", "orchestrations"]).run().code(4);
    wrong.says("token").hides("canary-WRONG");
}
