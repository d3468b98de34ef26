//! Commands on the same records.

use crate::both::Both;
use toygres_tests::postgres::{Database, PrivatePostgres};
use toygres_tests::secrets::Secrets;
use toygres_tests::workload::{Scenario, Workload};

const FORMATS: &[&str] = &["table", "wide", "json", "jsonl", "yaml", "csv"];

/// Workflows that have come to rest, and the instances that they belong to.
fn at_rest() -> Database<'static> {
    let database = PrivatePostgres::shared().database().unwrap();
    let scenarios = [
        Scenario::Completed,
        Scenario::Deleted,
        Scenario::Failed,
        Scenario::LongTimer,
        Scenario::Event,
    ];
    let secrets = Secrets::canaries();
    let workload = Workload::start_only(&database.url, &secrets, &scenarios).unwrap();
    workload.stop();
    toygres_tests::cms::create(&database.url, &secrets).unwrap();
    database
}

#[test]
fn every_answer_in_every_format() {
    let database = at_rest();
    let both = Both::new().env("DATABASE_URL", &database.url);
    let completed = Scenario::Completed.id();
    for format in FORMATS {
        let o = ["-o", format];
        let same = |args: &[&str], code| both.same_with(&[args, &o].concat(), code);
        same(&["server", "orchestrations"], 0);
        same(&["server", "orchestrations", "--group-by", "status"], 0);
        same(&["server", "orchestrations", "--status", "failed", "--limit", "1"], 0);
        same(&["server", "orchestrations", "--instance", "nosuch"], 0);
        let sql = "SELECT n, 'a,\"b' AS t, NULL AS x, '{\"password\": \"canary-1\"}'::jsonb AS j \
                   FROM generate_series(1, 30) n";
        same(&["server", "db-query", sql], 0);
        same(&["server", "db-query", sql, "--limit", "0", "--columns", "n,j"], 0);
        both.same(&[&["server", "config"], &o[..]].concat());
        both.same(&[&["server", "env"], &o[..]].concat());
        both.same(&[&["list"], &o[..]].concat());
    }
    for format in ["table", "json", "yaml"] {
        let o = ["-o", format];
        let same = |args: &[&str], code| both.same_with(&[args, &o].concat(), code);
        for scenario in [Scenario::Completed, Scenario::Failed, Scenario::Deleted] {
            same(&["server", "orchestration", scenario.id()], 0);
        }
        same(&["server", "orchestration", completed, "--history"], 0);
        same(&["server", "orchestration", completed, "--tree"], 0);
        same(&["server", "orchestration", completed, "--timeline"], 0);
        both.same(&[&["server", "status"], &o[..]].concat());
        both.same(&[&["local", "status"], &o[..]].concat());
        both.same(&[&["get", "proddb"], &o[..]].concat());
    }
}

#[test]
fn every_refusal() {
    let database = PrivatePostgres::shared().database().unwrap();
    let both = Both::new().env("DATABASE_URL", &database.url);
    for format in ["table", "json"] {
        let o = ["-o", format];
        let same = |args: &[&str], code| both.same_with(&[args, &o].concat(), code);
        same(&["server", "orchestration", "create-nosuch-00000000"], 5);
        same(&["server", "db-query", "SELEC 1"], 2);
        same(&["server", "db-query", "DROP TABLE x"], 6);
        same(&["server", "db-query", "SELECT pg_sleep(60)", "--timeout", "200ms"], 7);
        same(&["server", "cancel", "create-nosuch-00000000", "--force"], 5);
        same(&["server", "status"], 3);
        same(&["server", "stop"], 0);
        both.same(&[&["server", "drift"], &o[..]].concat());
        both.same(&[&["server", "sync", "--dry-run"], &o[..]].concat());
        both.same(&[&["create", "somedb"], &o[..]].concat());
        both.same(&[&["delete", "somedb"], &o[..]].concat());
    }
    let gone = Both::new().env("DATABASE_URL", "postgres://u@127.0.0.1:1/x");
    for command in ["orchestrations", "db-status", "workers", "stats"] {
        gone.same_with(&["server", command, "-o", "json"], 4);
    }
    gone.same(&["server", "health", "--check", "TG0101", "-o", "json"]);
    let nothing = Both::new();
    for command in ["orchestrations", "db-status", "drift", "stats"] {
        nothing.same(&["server", command]);
    }
}
