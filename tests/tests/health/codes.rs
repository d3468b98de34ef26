//! Choosing checks, and what the exit code says.

use crate::plane::one;
use crate::support::Toygres;
use toygres_tests::postgres::PrivatePostgres;

#[test]
fn checks_are_chosen_by_code() {
    let database = PrivatePostgres::shared().database().unwrap();
    let health = |args: &[&str]| {
        Toygres::on(&database.url).args(["server", "health"]).args(args.iter().copied()).run()
    };
    let ran = health(&["--check", "tg0401", "--check", "TG0408", "-o", "json"]).code(0);
    let rows = ran.json()["checks"].as_array().unwrap().len();
    assert_eq!((rows, one(&ran, "TG0408")["outcome"].clone()), (2, "ok".into()));
    let ran = health(&["--check", "TG0401", "--check", "TG0408", "--skip", "TG0408", "-o", "json"]);
    assert_eq!(ran.json()["checks"].as_array().unwrap().len(), 1);
    // Nothing of toygres is in this database: that is said, and by its code.
    health(&["--check", "TG0402"]).code(1).shows("[TG0402]").shows("lacks instances");
    let ran = health(&["--check", "TG0201", "-o", "nagios"]).code(2);
    assert!(ran.stdout.starts_with("TOYGRES CRITICAL - TG0201 duroxide's tables are there: "));
    // Unknown: nobody can say whether a worker is alive.
    health(&["--check", "TG0301"]).code(4).shows("Undetermined");
    // A missing index is skipped where there is no table; skipped is no trouble.
    health(&["--check", "TG0411", "--fail-on", "warning"]).code(0);
    // A warning counts where it is asked to.
    health(&["--check", "TG0403"]).code(0).shows("[TG0403]");
    health(&["--check", "TG0403", "--fail-on", "warning"]).code(1);
}

#[test]
fn a_wrong_code_is_answered_with_those_that_look_like_it() {
    let ran = Toygres::new().args(["server", "health", "--check", "TG0410X", "-o", "json"]).run();
    let error = ran.code(2).error();
    assert!(error["message"].as_str().unwrap().contains("`TG0410X`"), "{error}");
    assert!(error["hint"].as_str().unwrap().contains("`TG0410`"), "{error}");
    let help = Toygres::new().args(["server", "health", "--help"]).run().code(0);
    help.shows("nagios").shows("--fail-on").shows("2 critical");
    Toygres::new().args(["server", "db-status", "-o", "nagios"]).run().code(2);
}

#[test]
fn nagios_gets_the_exit_codes_that_it_knows() {
    let database = PrivatePostgres::shared().database().unwrap();
    let on = |url: &str, args: &[&str]| {
        let toygres = Toygres::on(url).env("TOYGRES_CONNECT_TIMEOUT_MS", "500");
        toygres.args(["server", "health", "-o", "nagios"]).args(args.iter().copied()).run()
    };
    let nowhere = "postgres://u@127.0.0.1:1/none";
    for (url, check, code, word) in [
        (database.url.as_str(), "TG0408", 0, "OK"),
        (database.url.as_str(), "TG0403", 1, "WARNING"),
        (database.url.as_str(), "TG0402", 2, "CRITICAL"),
        (nowhere, "TG0401", 2, "CRITICAL"),
        (nowhere, "TG0301", 3, "UNKNOWN"),
        // What cannot be checked at all is unknown too.
        (database.url.as_str(), "TG9999", 3, "UNKNOWN"),
    ] {
        let ran = on(url, &["--check", check]).code(code);
        assert!(ran.stdout.starts_with(&format!("TOYGRES {word} - ")), "{check}: {}", ran.stdout);
        assert_eq!(ran.stdout.lines().count(), 1, "{}", ran.stdout);
    }
    // Every other format keeps its own.
    let ran =
        Toygres::on(&database.url).args(["server", "health", "--check", "TG0402", "-o", "json"]);
    ran.run().code(1);
}

#[test]
fn leaving_out_every_check_is_no_good_news() {
    let ran = Toygres::new()
        .args(["server", "health", "--check", "TG0401", "--skip", "tg0401", "-o", "json"])
        .run()
        .code(2);
    assert_eq!(ran.stdout, "");
    let error = ran.error();
    assert!(error["message"].as_str().unwrap().contains("no check"), "{error}");
    assert!(error["hint"].as_str().unwrap().contains("skip fewer"), "{error}");
    // Every check that there is.
    let database = PrivatePostgres::shared().database().unwrap();
    let all = Toygres::on(&database.url).args(["server", "health", "-o", "json"]).run().json();
    let codes = all["checks"].as_array().unwrap().iter().map(|row| row["code"].as_str().unwrap());
    let skips = codes.flat_map(|code| ["--skip", code]);
    let ran = Toygres::on(&database.url).args(["server", "health"]).args(skips).run();
    ran.code(2).says("no check");
}

#[test]
fn waiting_ends_with_what_is_still_wrong() {
    let database = PrivatePostgres::shared().database().unwrap();
    let health = |args: &[&str]| {
        Toygres::on(&database.url).args(["server", "health", "--wait"]).args(args.iter().copied())
    };
    let ran = health(&["--check", "TG0402", "--timeout", "1500ms"]).run().code(7);
    ran.says("not healthy within 1.5s").says("TG0402").says("lacks instances");
    // It ends well as soon as all is well.
    let waiting = health(&["--check", "TG0402", "--timeout", "60s"]).start();
    database.psql(
        "CREATE SCHEMA toygres_cms; CREATE TABLE toygres_cms.instances (); \
         CREATE TABLE toygres_cms.instance_events (); \
         CREATE TABLE toygres_cms.instance_health_checks (); \
         CREATE TABLE toygres_cms.drift_detections ()",
    );
    crate::support::Ran::of(waiting.0.wait_with_output().unwrap()).code(0).shows("Healthy");
}

#[test]
fn every_code_is_one_that_a_fault_makes_fail() {
    let database = PrivatePostgres::shared().database().unwrap();
    let ran = Toygres::on(&database.url).args(["server", "health", "-o", "json"]).run();
    let answer = ran.json();
    let codes: Vec<&str> = answer["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["code"].as_str().unwrap())
        .collect();
    assert!(codes.len() > 60, "{codes:?}");
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/health");
    let sources = std::fs::read_dir(here).unwrap().map(|file| file.unwrap().path());
    // What is chosen by code here is made to fail elsewhere.
    let faults = sources.filter(|path| !path.ends_with("codes.rs"));
    let faults: String = faults.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let untested: Vec<&&str> = codes.iter().filter(|code| !faults.contains(**code)).collect();
    assert!(untested.is_empty(), "no fault makes these fail: {untested:?}");
}
