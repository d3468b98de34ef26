//! `orchestration`: who, what, and why it is where it is.

use super::{expected, server};
use serde_json::{Value, json};
use toygres_tests::workload::Scenario;

fn detail(id: &str, more: &[&str]) -> Value {
    let args: Vec<&str> = ["orchestration", id, "-o", "json"].iter().chain(more).copied().collect();
    server(&args).code(0).json()
}

/// The diagnosis of what is waited for in the end.
fn innermost(diagnosis: &Value) -> &Value {
    match &diagnosis["nested"] {
        Value::Null => diagnosis,
        nested => innermost(nested),
    }
}

#[test]
fn every_scenario_is_told_and_explained() {
    let mut wrong = Vec::new();
    for expected in expected::ALL {
        let id = expected.scenario.id();
        let told = detail(id, &[]);
        let diagnosis = innermost(&told["diagnosis"]);
        let summary = told["diagnosis"]["summary"].as_str().unwrap_or_default().to_lowercase();
        let named = expected.names.iter().all(|name| summary.contains(&name.to_lowercase()));
        let attention = told["diagnosis"]["needs_attention"] == json!(true);
        if told["status"] != expected.status
            || diagnosis["kind"].as_str() != expected.diagnosis
            || !named
            || attention != expected.stuck
        {
            wrong.push(format!(
                "{}: status {}, diagnosis {}, attention {attention}: {summary}",
                expected.scenario, told["status"], diagnosis["kind"]
            ));
        }
        // The same line stands at the end of what people read.
        if expected.diagnosis.is_some() {
            let table = server(&["orchestration", id]).code(0);
            let section = if expected.status == "failed" { "Root Cause:" } else { "Diagnosis:" };
            assert!(table.stdout.contains(section), "{}", table.stdout);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What `--pending` must list where the diagnosis is of this kind.
fn pending_list(kind: &str) -> Option<&'static str> {
    match kind {
        "executing_activity" | "lease_expired" | "unregistered" | "poisoned" => Some("activities"),
        "waiting_timer" | "overdue_timer" => Some("timers"),
        "waiting_event" => Some("external_events"),
        "waiting_sub_orchestration" => Some("sub_orchestrations"),
        "unsupported_version" => Some("queued_messages"),
        _ => None,
    }
}

#[test]
fn every_scenario_has_its_history_and_its_pending_work() {
    for expected in expected::ALL {
        let told = detail(expected.scenario.id(), &["--history", "--pending"]);
        let name = expected.scenario;
        let history = told["history"].as_array().unwrap();
        // What has not begun has no history; everything else begins with its start.
        if expected.status == "pending" {
            assert_eq!(history.len(), 0, "{name}");
        } else {
            assert_eq!(history[0]["event_type"], "OrchestrationStarted", "{name}: {history:?}");
        }
        for (n, step) in history.iter().enumerate() {
            assert_eq!(step["number"], n + 1, "{name}: {step}");
            assert!(
                step["event_type"].is_string() && step["started_at"].is_string(),
                "{name}: {step}"
            );
            let paired = step["ended_at"].is_string();
            let pairs = matches!(
                step["kind"].as_str(),
                Some("activity" | "timer" | "sub_orchestration" | "external_event")
            );
            assert_eq!(step["duration_ms"].is_i64(), paired && pairs, "{name}: {step}");
        }
        let last = history.last().map(|step| step["event_type"].as_str().unwrap());
        let terminal = matches!(last, Some("OrchestrationCompleted" | "OrchestrationFailed"));
        assert_eq!(
            terminal,
            matches!(expected.status, "completed" | "failed" | "cancelled"),
            "{name}: {last:?}"
        );
        // The outermost diagnosis speaks of this orchestration's own pending work.
        let kind = told["diagnosis"]["kind"].as_str().unwrap_or_default();
        let listed = |list: &str| told["pending"][list].as_array().unwrap().len();
        if expected.scenario == Scenario::UnknownType {
            assert_eq!(listed("queued_messages"), 1, "{name}: {}", told["pending"]);
        } else if let Some(list) = pending_list(kind) {
            assert!(listed(list) > 0, "{name}: no {list} in {}", told["pending"]);
        }
        if terminal {
            // A timer's message may lie in the queue for longer than anybody waits for it.
            for list in ["activities", "timers", "external_events", "sub_orchestrations"] {
                assert_eq!(listed(list), 0, "{name}: {}", told["pending"]);
            }
        }
    }
}

#[test]
fn every_format_tells_the_same_detail() {
    let id = Scenario::Failed.id();
    let json = detail(id, &[]);
    for format in ["json", "jsonl", "yaml"] {
        let ran = server(&["orchestration", id, "-o", format]).code(0);
        let told = crate::support::check(format, &ran);
        assert_eq!(told.len(), 1, "{format}");
        assert_eq!(told[0]["diagnosis"], json["diagnosis"], "{format}");
    }
    for format in ["table", "wide"] {
        let shown = server(&["orchestration", id, "-o", format]).code(0);
        assert!(shown.stdout.contains("`deploy-postgres` failed"), "{}", shown.stdout);
    }
    server(&["orchestration", id, "-o", "csv"]).code(2).says("is for lists");
    for format in ["table", "json", "jsonl", "yaml"] {
        let ran = server(&["cancel", id, "--force", "-o", format]).code(0);
        let told = crate::support::check(format, &ran);
        assert!(told.iter().all(|told| told["result"] == "already_terminal"), "{told:?}");
    }
}

#[test]
fn a_cancel_request_is_told() {
    let told = detail(Scenario::CancelRequested.id(), &[]);
    assert_eq!(
        (&told["status"], &told["cancel_requested"]),
        (&json!("running"), &json!(true)),
        "{told}"
    );
    let summary = told["diagnosis"]["summary"].as_str().unwrap();
    assert!(summary.contains("cancel requested"), "{summary}");
}

#[test]
fn the_summary_is_counted_from_the_history() {
    let told = detail(Scenario::Completed.id(), &["--history"]);
    let summary = &told["summary"];
    let history = told["history"].as_array().unwrap();
    let of = |kind: &str| history.iter().filter(|step| step["kind"] == kind).collect::<Vec<_>>();
    assert_eq!(summary["activities_executed"], of("activity").len(), "{summary}");
    assert_eq!(summary["activities_succeeded"], of("activity").len(), "{summary}");
    assert_eq!((&summary["activities_failed"], &summary["retries"]), (&json!(0), &json!(0)));
    assert_eq!((summary["timers"].as_u64(), of("timer").len()), (Some(2), 2));
    let waited: i64 = of("timer").iter().map(|timer| timer["duration_ms"].as_i64().unwrap()).sum();
    assert_eq!(summary["timer_wait_ms"], waited);
    assert!(waited > 0);
    for step in of("activity") {
        assert_eq!(step["state"], "succeeded", "{step}");
        assert!(step["duration_ms"].as_i64().is_some_and(|ms| ms >= 0), "{step}");
    }
    let names: Vec<&str> =
        of("activity").iter().map(|step| step["name"].as_str().unwrap()).collect();
    assert_eq!(names.first().copied(), Some("cms-create-instance-record"), "{names:?}");
    assert!(names.contains(&"deploy-postgres") && names.contains(&"wait-for-ready"), "{names:?}");
}

#[test]
fn retries_are_counted_and_told_from_polling() {
    let retried = detail(Scenario::Retried.id(), &[]);
    assert_eq!(retried["summary"]["activities_failed"], 2, "{}", retried["summary"]);
    assert_eq!(retried["summary"]["retries"], 2, "{}", retried["summary"]);
    let polled = detail(Scenario::Completed.id(), &[]);
    assert_eq!(polled["summary"]["retries"], 0, "{}", polled["summary"]);
}

#[test]
fn overlapping_steps_are_paired_and_drawn() {
    let told = detail(Scenario::Parallel.id(), &["--history", "--timeline"]);
    let steps: Vec<&Value> = told["history"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|step| step["kind"] == "activity" || step["kind"] == "timer")
        .collect();
    assert_eq!(steps.len(), 4, "{steps:?}");
    // All were under way at once: the last began before the first ended.
    let last_start = steps.iter().map(|step| step["started_at"].as_str().unwrap()).max().unwrap();
    let first_end = steps.iter().map(|step| step["ended_at"].as_str().unwrap()).min().unwrap();
    assert!(last_start < first_end, "{last_start} {first_end}");
    let drawn = server(&["orchestration", Scenario::Parallel.id(), "--timeline"]).code(0);
    assert!(drawn.stdout.matches('█').count() >= 4, "{}", drawn.stdout);
}

#[test]
fn pending_work_is_listed() {
    let pending = |scenario: Scenario| detail(scenario.id(), &["--pending"])["pending"].clone();
    let timer = pending(Scenario::LongTimer);
    assert!(timer["timers"][0]["fires_in_ms"].as_i64().is_some_and(|ms| ms > 0), "{timer}");
    let event = pending(Scenario::Event);
    assert_eq!(event["external_events"][0]["name"], "quota-approved", "{event}");
    let executing = pending(Scenario::Executing);
    assert_eq!(executing["activities"][0]["name"], "deploy-postgres", "{executing}");
    assert!(executing["activities"][0]["lease_until"].is_string(), "{executing}");
    let child = pending(Scenario::WaitingChild);
    assert_eq!(child["sub_orchestrations"].as_array().map(Vec::len), Some(1), "{child}");
    let completed = pending(Scenario::Completed);
    assert!(completed.as_object().unwrap().values().all(|list| list == &json!([])), "{completed}");
    let shown = server(&["orchestration", Scenario::LongTimer.id(), "-p"]).code(0);
    for part in ["Current State", "Pending Timers:", "Fires in", "Last 3 Events:"] {
        assert!(shown.stdout.contains(part), "{part}: {}", shown.stdout);
    }
}

#[test]
fn the_tree_goes_down_to_the_failure() {
    let told = detail(Scenario::DeepFailure.id(), &["--tree"]);
    let mut node = &told["tree"];
    let mut depth = 0;
    while let Some(child) = node["children"]
        .as_array()
        .and_then(|children| children.iter().find(|child| child["status"] == "failed"))
    {
        node = child;
        depth += 1;
    }
    assert_eq!(depth, 2, "{}", told["tree"]);
    assert!(node["error"].is_string());
    // From the inside the way up is told too.
    let inner = detail(node["id"].as_str().unwrap(), &[]);
    assert!(
        inner["parent_id"].as_str().is_some_and(|parent| parent.contains("::sub::")),
        "{inner}"
    );
}

#[test]
fn an_earlier_execution_can_be_looked_at() {
    let id = Scenario::Monitor.id();
    let latest = detail(id, &[]);
    let last = latest["latest_execution"].as_i64().unwrap();
    assert!(last > 1, "{latest}");
    let first = detail(id, &["--execution", "1", "--history"]);
    assert_eq!((&first["execution"], &first["status"]), (&json!(1), &json!("continued_as_new")));
    // It ended when the next one began, however long ago that was.
    let last = first["history"].as_array().unwrap().last().unwrap();
    assert_eq!(last["event_type"], "OrchestrationContinuedAsNew", "{first}");
    assert!(first["completed_at"].is_string(), "{first}");
    let shown = server(&["orchestration", id, "--execution", "1"]).code(0);
    assert!(!shown.stdout.contains("so far"), "{}", shown.stdout);
    assert_eq!(detail(id, &["--execution", "1"])["duration_ms"], first["duration_ms"]);
    server(&["orchestration", id, "--execution", "999"]).code(5).says("no execution 999");
}

#[test]
fn qualified_names_are_shown_by_their_last_part() {
    let told = detail(Scenario::Deleted.id(), &["--history"]);
    assert_eq!(told["type"], "delete-instance");
    assert!(told["name"].as_str().unwrap().contains("::"), "{}", told["name"]);
    let names = told["history"].as_array().unwrap();
    assert!(names.iter().all(|step| !step["name"].as_str().unwrap().contains("::")), "{names:?}");
}

#[test]
fn passwords_of_inputs_are_masked_and_shown_only_when_asked() {
    let id = Scenario::Completed.id();
    assert_eq!(detail(id, &[])["input"]["password"], "***");
    let url = &super::at_work().database.url;
    let shown = super::Toygres::on(url)
        .args(["server", "orchestration", id, "-o", "json", "--show-secrets"])
        .run()
        .code(0);
    assert!(shown.stdout.contains(&toygres_tests::secrets::Secrets::canaries().input));
}

#[test]
fn what_does_not_exist_is_answered_with_what_may_be_meant() {
    let id = Scenario::Completed.id();
    // One letter of its end is wrong.
    let wrong = format!("{}x", &id[..id.len() - 1]);
    let missing = server(&["orchestration", &wrong, "-o", "json"]).code(5);
    assert_eq!(missing.error()["kind"], "not_found");
    assert!(missing.error()["hint"].as_str().unwrap().starts_with(&format!("did you mean `{id}`")));
}

#[test]
fn following_ends_with_the_verdict() {
    server(&["orchestration", Scenario::Completed.id(), "--follow"]).code(0);
    server(&["orchestration", Scenario::Failed.id(), "--follow"]).code(1);
}

#[test]
fn dash_h_is_history_and_help_without_an_id() {
    let history = server(&["orchestration", Scenario::Completed.id(), "-h"]).code(0);
    assert!(history.stdout.contains("Execution History:"), "{}", history.stdout);
    for args in [&["orchestration", "-h"][..], &["orchestration", "--help"]] {
        let help = server(args).code(0);
        assert!(help.stdout.contains("Usage: toygres server orchestration"), "{}", help.stdout);
    }
    server(&["orchestration"]).code(2).says("<ID>");
}

#[test]
fn the_beginning_of_an_id_is_enough_where_no_other_begins_so() {
    // One of them has sub-orchestrations, whose ids begin with its own.
    for scenario in
        [Scenario::Failed, Scenario::Monitor, Scenario::DeepFailure, Scenario::NewVersion]
    {
        let id = scenario.id();
        let (beginning, _) = id.rsplit_once('-').unwrap();
        let told = detail(beginning, &[]);
        assert_eq!(told["id"], id);
        let shown = server(&["orchestration", beginning]).code(0);
        assert!(shown.stdout.contains(&format!("Orchestration: {id}")), "{}", shown.stdout);
    }
    for typed in ["create-", "proddb", "%", "_"] {
        let ran = server(&["orchestration", typed, "-o", "json"]).code(5);
        assert_eq!(ran.error()["kind"], "not_found", "{typed}");
    }
    // What would be changed has to be named in full.
    server(&["cancel", "create-faildb", "--force"]).code(5).says(Scenario::Failed.id());
}

#[test]
fn the_nearest_id_is_suggested_first() {
    for (typed, meant) in [
        ("craete-proddb-a1b2c3d4", Scenario::Completed),
        ("create-prodb", Scenario::Completed),
        ("delete-oldb-c3d4e5f6", Scenario::Deleted),
        ("health-proddb-a1b2c3d5", Scenario::Monitor),
    ] {
        let error = server(&["orchestration", typed, "-o", "json"]).code(5).error();
        let hint = error["hint"].as_str().unwrap();
        assert!(hint.starts_with(&format!("did you mean `{}`", meant.id())), "{typed}: {hint}");
    }
}

#[test]
fn what_polls_between_two_attempts_is_told_as_polling() {
    let told = detail(Scenario::LongTimer.id(), &["--pending"]);
    let attempts = &told["diagnosis"]["attempts"];
    assert_eq!(
        (&attempts["mode"], &attempts["activity"]),
        (&json!("polling"), &json!("wait-for-ready"))
    );
    assert_eq!(
        (&attempts["attempt"], &attempts["attempts"]),
        (&json!(1), &json!(60)),
        "{attempts}"
    );
    assert_eq!(attempts["last_result"], "not ready", "{attempts}");
    assert!(attempts["next_at"].is_string() && attempts["next_in_ms"].as_i64() > Some(0));
    assert_eq!(told["diagnosis"]["needs_attention"], false, "{told}");
    assert_eq!(told["last_events"].as_array().map(Vec::len), Some(3), "{told}");
    let last = told["last_events"][2]["kind"].as_str();
    assert_eq!(last, Some("timer"), "{told}");
    // A monitor's pause between two checks polls for nothing.
    assert_eq!(detail(Scenario::Monitor.id(), &[])["diagnosis"]["attempts"], Value::Null);
}
