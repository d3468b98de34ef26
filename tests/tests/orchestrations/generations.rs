//! Schemas and histories of other generations are read without an error, and nothing of them
//! changes.

use crate::support::{Ran, Toygres};
use toygres_tests::generations;
use toygres_tests::postgres::{Database, PrivatePostgres};

fn ask(database: &Database<'_>, args: &[&str]) -> Ran {
    Toygres::on(&database.url).args(["server"]).args(args.iter().copied()).run()
}

/// Every diagnostic on every orchestration; the dump is the same afterwards.
fn all_diagnostics(database: &Database<'_>) {
    let before = database.dump();
    let list = ask(database, &["orchestrations", "--limit", "0", "-o", "json"]).code(0).json();
    let ids: Vec<&str> =
        list.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert!(!ids.is_empty());
    for id in &ids {
        let all = ["orchestration", id, "--history", "--pending", "--timeline", "--tree"];
        let told = ask(database, &[&all[..], &["-o", "json"]].concat()).code(0).json();
        assert!(told["status"].is_string(), "{told}");
        ask(database, &all).code(0);
    }
    for args in [
        &["orchestrations"][..],
        &["orchestrations", "--stuck"],
        &["orchestrations", "--group-by", "status"],
        &["orchestrations", "--status", "cancelled"],
        &["orchestrations", "--instance", "proddb"],
        &["db-status", "--verbose"],
        &["db-query", "SELECT 1"],
    ] {
        ask(database, args).code(0);
    }
    assert!(before == database.dump(), "a diagnostic changed the database");
}

#[test]
fn an_older_generation_is_read() {
    let database = PrivatePostgres::shared().database().unwrap();
    generations::old(&database.url).unwrap();
    all_diagnostics(&database);
}

#[test]
fn a_newer_generation_is_read() {
    let database = PrivatePostgres::shared().database().unwrap();
    generations::ahead(&database.url).unwrap();
    all_diagnostics(&database);
}

#[test]
fn todays_workload_is_read_and_left_alone() {
    let database = PrivatePostgres::shared().database().unwrap();
    let secrets = toygres_tests::secrets::Secrets::canaries();
    let workload = toygres_tests::workload::Workload::start(&database.url, &secrets).unwrap();
    // Stopped, so that whatever changes is a diagnostic's doing.
    workload.stop();
    all_diagnostics(&database);
}
