//! `orchestrations`: every filter.

use super::{expected, server};
use crate::support::{FORMATS, check};
use serde_json::Value;
use toygres_tests::workload::Scenario;

fn list(args: &[&str]) -> Vec<Value> {
    let args: Vec<&str> = ["orchestrations", "-o", "json"].iter().chain(args).copied().collect();
    match server(&args).code(0).json() {
        Value::Array(rows) => rows,
        other => panic!("no list: {other}"),
    }
}

fn ids(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["id"].as_str().unwrap()).collect()
}

#[test]
fn every_scenario_is_listed_with_its_status() {
    let rows = list(&["--limit", "0"]);
    for expected in expected::ALL {
        let id = expected.scenario.id();
        let row = rows.iter().find(|row| row["id"] == id);
        let row =
            row.unwrap_or_else(|| panic!("{} is not listed: {:?}", expected.scenario, ids(&rows)));
        assert_eq!(row["status"], expected.status, "{row}");
        assert_eq!(row["k8s_name"], expected.scenario.k8s_name(), "{row}");
        assert_eq!(row["instance"], expected.scenario.user_name(), "{row}");
    }
    // Latest first.
    // Without the `Z`, so that `.5` sorts before `.56`.
    let time = |row: &Value| row["created_at"].as_str().unwrap().trim_end_matches('Z').to_owned();
    let times: Vec<String> = rows.iter().map(time).collect();
    assert!(times.windows(2).all(|pair| pair[0] >= pair[1]), "{times:?}");
}

#[test]
fn each_status_filters() {
    for status in ["running", "completed", "failed", "cancelled", "pending"] {
        let rows = list(&["--limit", "0", "--status", status]);
        assert!(rows.iter().all(|row| row["status"] == status), "{status}: {rows:?}");
        for expected in expected::ALL.iter().filter(|expected| expected.status == status) {
            assert!(
                ids(&rows).contains(&expected.scenario.id()),
                "{status}: {}",
                expected.scenario
            );
        }
    }
}

#[test]
fn stuck_lists_those_that_need_somebody_and_why() {
    let rows = list(&["--limit", "0", "--stuck"]);
    for expected in expected::ALL {
        let listed = rows.iter().find(|row| row["id"] == expected.scenario.id());
        assert_eq!(listed.is_some(), expected.stuck, "{}: {:?}", expected.scenario, ids(&rows));
        if let Some(row) = listed {
            let reason = row["stuck_reason"].as_str().unwrap().to_lowercase();
            for name in expected.names {
                assert!(reason.contains(&name.to_lowercase()), "{}: {reason}", expected.scenario);
            }
        }
    }
}

#[test]
fn types_instances_times_and_errors_filter() {
    let deletes = list(&["--type", "delete-instance", "--limit", "0"]);
    assert!(ids(&deletes).contains(&Scenario::Deleted.id()));
    assert!(deletes.iter().all(|row| row["type"] == "delete-instance"));
    for name in ["proddb", "proddb-a1b2c3d4"] {
        let rows = list(&["--instance", name, "--limit", "0"]);
        assert!(ids(&rows).contains(&Scenario::Completed.id()), "{name}");
        assert!(ids(&rows).contains(&Scenario::Monitor.id()), "{name}");
        assert!(rows.iter().all(|row| row["instance"] == "proddb"), "{rows:?}");
    }
    assert_eq!(list(&["--since", "2d", "--until", "1d"]), Vec::<Value>::new());
    assert!(!list(&["--since", "1h"]).is_empty());
    let error = list(&["--status", "failed", "--limit", "0"]);
    let failed = error.iter().find(|row| row["id"] == Scenario::Failed.id()).unwrap();
    let words: String = failed["error"].as_str().unwrap().chars().take(8).collect();
    let found = list(&["--error-contains", &words.to_uppercase(), "--limit", "0"]);
    assert!(ids(&found).contains(&Scenario::Failed.id()), "{words}");
    assert_eq!(list(&["--error-contains", "no such words anywhere"]), Vec::<Value>::new());
}

#[test]
fn pages_hold_every_row_once() {
    let all = list(&["--limit", "0", "--until", "1s"]);
    let (mut paged, mut cursor): (Vec<String>, Option<String>) = (Vec::new(), None);
    loop {
        let mut args = vec!["orchestrations", "-o", "json", "--limit", "7", "--until", "1s"];
        if let Some(cursor) = &cursor {
            args.extend(["--cursor", cursor]);
        }
        let ran = server(&args).code(0);
        paged.extend(ids(ran.json().as_array().unwrap()).into_iter().map(str::to_owned));
        let note = ran.stderr.split("`--cursor ").nth(1).and_then(|rest| rest.split('`').next());
        match note {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
        assert!(paged.len() <= 1000, "the pages do not end");
    }
    // Queued starts are given back and again: their times stand, others' do too.
    assert_eq!(paged, ids(&all));
}

#[test]
fn what_is_cut_is_said() {
    let ran = server(&["orchestrations", "--limit", "3"]).code(0);
    assert!(ran.stdout.contains("Showing 3 of "), "{}", ran.stdout);
    assert!(
        ran.stderr.contains("showing 3 of") && ran.stderr.contains("--limit 0"),
        "{}",
        ran.stderr
    );
}

#[test]
fn groups_and_counts_add_up() {
    let all = list(&["--limit", "0"]).len() as i64;
    for key in ["type", "status"] {
        let groups = list(&["--group-by", key]);
        let sum: i64 = groups.iter().map(|group| group["count"].as_i64().unwrap()).sum();
        assert_eq!(sum, all, "{key}: {groups:?}");
    }
    let errors = list(&["--group-by", "error"]);
    assert!(
        !errors.is_empty() && errors.iter().all(|group| group["error"].is_string()),
        "{errors:?}"
    );
    let count = server(&["orchestrations", "--count", "-o", "json"]).code(0).json();
    assert_eq!(count["count"], all);
}

#[test]
fn every_format_holds_the_same_rows() {
    let json = list(&["--limit", "0", "--status", "completed"]);
    for format in FORMATS {
        let ran =
            server(&["orchestrations", "--limit", "0", "--status", "completed", "-o", format])
                .code(0);
        let rows = check(format, &ran);
        if rows.is_empty() {
            assert!(
                json.iter().all(|row| ran.stdout.contains(row["id"].as_str().unwrap())),
                "{format}"
            );
        } else {
            assert_eq!(ids(&rows), ids(&json), "{format}");
        }
        let empty = server(&["orchestrations", "--instance", "nobody", "-o", format]).code(0);
        assert_eq!(check(format, &empty), Vec::<Value>::new(), "{format}");
    }
    let empty = server(&["orchestrations", "--instance", "nobody", "-o", "json"]).code(0);
    assert_eq!(empty.stdout, "[]\n");
}

#[test]
fn wrong_input_is_answered_with_what_would_be_right() {
    for (args, says) in [
        (&["--status", "odd"][..], "running"),
        (&["--since", "soon"], "give a time such as"),
        (&["--limit", "x"], "no whole number"),
        (&["--cursor", "x"], "cursor"),
        (&["--group-by", "status", "--count"], "cannot be used with"),
        (&["--columns", "odd"], "columns: id"),
    ] {
        let all: Vec<&str> = ["orchestrations"].iter().chain(args).copied().collect();
        server(&all).code(2).says(says);
    }
}

#[test]
fn a_monitor_began_with_its_first_execution() {
    let rows = list(&["--limit", "0"]);
    let row = rows.iter().find(|row| row["id"] == Scenario::Monitor.id()).unwrap();
    let time = |key: &str| row[key].as_str().unwrap().trim_end_matches('Z').to_owned();
    assert!(row["execution"].as_i64() > Some(1), "{row}");
    assert!(time("started_at") <= time("created_at"), "{row}");
    assert!(time("execution_started_at") > time("started_at"), "{row}");
    // The list is sorted by what it shows.
    let times: Vec<String> = rows
        .iter()
        .filter(|row| row["status"] != "pending")
        .map(|row| row["started_at"].as_str().unwrap()[..19].to_owned())
        .collect();
    assert!(times.windows(2).all(|pair| pair[0] >= pair[1]), "{times:?}");
}
