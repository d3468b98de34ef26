//! What people see: the samples of the specification, held to the real output. Times and durations
//! differ from run to run and are taken out; so is the padding that follows from them.

use super::{at_work, server};
use crate::support::Toygres;
use regex::Regex;
use std::sync::LazyLock;
use toygres_tests::workload::Scenario;

/// What differs from run to run, and what stands for it.
static VARYING: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    [
        (r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(\.\d+)?Z?", "TIME"),
        (r"\((\d+ (second|minute)s?|just now)( ago)?\)", "(AGO)"),
        (r"\b\d+[sm] ago|just now", "AGO"),
        (r"\b\d+h \d+m\b", "LONG"),
        (r"\b(\d+m )?\d+(\.\d+)?m?s\b", "DURATION"),
        (r"  +", "  "),
        (r"wait-DURATION", "wait-100ms"),
    ]
    .map(|(pattern, name)| (Regex::new(pattern).unwrap(), name))
    .into()
});

fn settled(text: &str) -> String {
    let mut settled = text.to_owned();
    for (pattern, name) in VARYING.iter() {
        settled = pattern.replace_all(&settled, *name).into_owned();
    }
    settled.lines().map(str::trim_end).collect::<Vec<_>>().join("\n") + "\n"
}

#[track_caller]
fn sees(args: &[&str], expected: &str) {
    let seen = settled(&server(args).code(0).stdout);
    assert_eq!(seen, expected, "\n{seen}");
}

const RULE: &str = "━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━";

#[test]
fn a_list() {
    sees(
        &["orchestrations", "--instance", "proddb", "--type", "create-instance"],
        &format!(
            "\
Orchestrations
{RULE}

ID  TYPE  STATUS  INSTANCE  STARTED  DURATION
create-proddb-a1b2c3d4  create-instance  ✓ Completed  proddb  AGO  DURATION

1 orchestration found

Use 'toygres server orchestration <ID>' for details
"
        ),
    );
}

#[test]
fn an_empty_list() {
    sees(
        &["orchestrations", "--instance", "nosuch"],
        &format!("Orchestrations\n{RULE}\n\nNo orchestrations found\n"),
    );
}

#[test]
fn a_detail_with_its_history() {
    sees(
        &["orchestration", Scenario::Completed.id(), "--history"],
        &format!(
            "\
Orchestration: create-proddb-a1b2c3d4
{RULE}

Status:  ✓ Completed
Type:  create-instance
Version:  1.0.0
Instance:  proddb (proddb-a1b2c3d4)

Timeline:
  Started:  TIME (AGO)
  Completed:  TIME
  Duration:  DURATION

Input:
  user_name:  proddb
  k8s_name:  proddb-a1b2c3d4
  dns_label:  proddb
  version:  18
  storage:  10
  load_balancer: true
  password:  ***

Output:
  dns_name:  proddb.westus3.cloudapp.azure.com
  external_ip:  4.249.117.85
  connection:  postgresql://postgres:***@proddb.westus3.cloudapp.azure.com:5432/postgres

Execution Summary:
  Activities:  10 executed, 10 succeeded, 0 failed
  Timers:  2 (total wait: DURATION)
  Retries:  0

Execution History:
{RULE}

#  TIME  EVENT  DURATION  STATUS
1  TIME  Orchestration Started  -  -
2  TIME  cms-create-instance-record  DURATION  ✓
3  TIME  deploy-postgres  DURATION  ✓
4  TIME  wait-for-ready  DURATION  ✓ (not ready)
5  TIME  Custom Status Updated  -  -
6  TIME  Timer: wait-100ms  DURATION  ✓
7  TIME  wait-for-ready  DURATION  ✓ (not ready)
8  TIME  Custom Status Updated  -  -
9  TIME  Timer: wait-100ms  DURATION  ✓
10  TIME  wait-for-ready  DURATION  ✓ (ready!)
11  TIME  get-connection-strings  DURATION  ✓
12  TIME  test-connection  DURATION  ✓
13  TIME  cms-update-instance-state  DURATION  ✓
14  TIME  start-health-monitor  DURATION  ✓
15  TIME  cms-record-health-monitor  DURATION  ✓
16  TIME  Orchestration Completed  -  ✓

Total: 10 activities, 2 timers, DURATION duration
"
        ),
    );
}

#[test]
fn what_is_pending() {
    let seen =
        settled(&server(&["orchestration", Scenario::LongTimer.id(), "--pending"]).code(0).stdout);
    let pending = seen.split_once("Diagnosis:").map(|(_, rest)| rest).unwrap_or_default();
    assert_eq!(
        pending,
        format!(
            "
  ⟳ Polling `wait-for-ready` (attempt 1/60): not ready; next try when timer `wait-6h` fires in LONG

Current State:
{RULE}

Current Activity:
  wait-for-ready (attempt 1/60)
  Started:  TIME (AGO)
  Expected:  not ready

Pending Timers:
  wait-6h: Fires in LONG

Queued Messages:
  TimerFired: visible in LONG

Next Steps:
  1. Timer completes in LONG
  2. Retry wait-for-ready (attempt 2/60)
  3. Continue or schedule next timer

Last 3 Events:
  TIME  EVENT  DURATION  STATUS
  TIME  wait-for-ready (attempt 1)  DURATION  ✓ (not ready)
  TIME  Custom Status Updated  -  -
  TIME  Timer: wait-6h  -  ⟳ In progress

Use '--history' to see full execution timeline
"
        ),
        "\n{seen}"
    );
}

#[test]
fn an_activity_under_way_is_told_with_its_attempt_and_in_one_time_zone() {
    let id = Scenario::Executing.id();
    let shown = server(&["orchestration", id, "--pending"]).code(0).stdout;
    let (_, state) = shown.split_once("Current State:\n").unwrap();
    let state = settled(state);
    for part in ["Current Activity:\n  deploy-postgres\n", "  Started:  TIME (AGO)\n"] {
        assert!(state.contains(part), "`{part}` is not in {state}");
    }
    assert!(state.contains("Lease Until:  TIME\n"), "{state}");
    // UTC is for machines.
    assert!(!shown.contains('Z'), "{shown}");
    let taken = server(&["orchestration", Scenario::NoWorker.id(), "--pending"]).code(0).stdout;
    assert!(settled(&taken).contains("Scheduled:  TIME"), "{taken}");
}

#[test]
fn one_that_has_not_started_has_no_start_and_no_duration() {
    let shown = settled(&server(&["orchestration", Scenario::UnknownType.id()]).code(0).stdout);
    assert!(shown.contains("Created:  TIME (AGO)\n  Started:  not yet\n"), "{shown}");
    assert!(!shown.contains("Duration:"), "{shown}");
}

#[test]
fn a_refusal_and_a_usage_error() {
    let declined = server(&["cancel", Scenario::Event.id()]).code(6);
    assert_eq!(
        settled(&declined.stderr),
        "\
⚠ Cancel Orchestration

ID:  create-approvaldb-b8c9d0e1
Type:  create-instance
Instance:  approvaldb
Status:  ⟳ Running
Duration:  DURATION

Now: waiting for external event `quota-approved` for DURATION

This will stop the orchestration at its next turn.
The instance may be in an incomplete state.
The control plane then marks it as failed and removes what was made of it.

error: a confirmation is needed and there is no terminal to ask on
  hint: run it again with `--force`
"
    );
    let wrong = server(&["orchestrations", "--status", "fialed"]).code(2);
    assert_eq!(
        wrong.stderr,
        "error: invalid value `fialed` for `--status <STATUS>` [possible values: running, \
         completed, failed, cancelled, pending]\n  hint: a similar value exists: `failed`; see \
         `toygres server orchestrations --help`\n"
    );
}

#[test]
fn the_same_without_unicode_and_in_colour() {
    let id = Scenario::Failed.id();
    let plain = Toygres::on(&at_work().database.url)
        .env("LANG", "C")
        .args(["server", "orchestrations", "--instance", "faildb"])
        .run()
        .code(0);
    assert!(plain.stdout.is_ascii(), "{}", plain.stdout);
    assert!(plain.stdout.contains("[FAILED] Failed"), "{}", plain.stdout);
    let coloured = server(&["orchestration", id, "--color", "always"]).code(0);
    assert!(coloured.stdout.contains("\u{1b}[31m❌ Failed\u{1b}[39m"), "{}", coloured.stdout);
    let never = Toygres::on(&at_work().database.url)
        .env("CLICOLOR_FORCE", "1")
        .env("NO_COLOR", "1")
        .args(["server", "orchestration", id])
        .run()
        .code(0);
    assert!(!never.stdout.contains('\u{1b}'), "{}", never.stdout);
}
