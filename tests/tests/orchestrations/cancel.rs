//! `cancel`: asked, requested, waited for, refused.

use crate::support::Toygres;
use serde_json::json;
use toygres_tests::postgres::PrivatePostgres;
use toygres_tests::secrets::Secrets;
use toygres_tests::workload::{Scenario, Workload};

/// A workload of its own: these tests change it.
fn with(scenarios: &[Scenario], test: impl FnOnce(&dyn Fn(&[&str]) -> crate::Ran)) {
    let database = PrivatePostgres::shared().database().unwrap();
    let workload = Workload::start_only(&database.url, &Secrets::canaries(), scenarios).unwrap();
    test(&|args| {
        Toygres::on(&database.url).args(["server", "cancel"]).args(args.iter().copied()).run()
    });
    workload.stop();
}

#[test]
fn a_waiting_orchestration_is_cancelled_and_waited_for() {
    with(&[Scenario::Event], |cancel| {
        let id = Scenario::Event.id();
        // Without a terminal there is nobody to ask.
        let unasked = cancel(&[id, "-o", "json"]).code(6);
        assert_eq!(unasked.error()["kind"], "refused");
        assert!(
            unasked.stderr.contains("Cancel Orchestration") && unasked.stderr.contains("--force")
        );

        let done =
            cancel(&[id, "--force", "--wait", "--reason", "wrong size", "-o", "json"]).code(0);
        assert_eq!(done.json()["result"], "cancelled", "{done:?}");

        let again = cancel(&[id, "--force", "-o", "json"]).code(0).json();
        assert_eq!(
            (&again["result"], &again["status"]),
            (&json!("already_terminal"), &json!("cancelled"))
        );
    });
}

#[test]
fn a_request_that_nobody_takes_is_reported_as_requested_and_times_out_with_what_blocks() {
    with(&[Scenario::OldVersion], |cancel| {
        let id = Scenario::OldVersion.id();
        let requested = cancel(&[id, "--force", "-o", "json"]).code(0).json();
        assert_eq!(requested["result"], "cancel_requested");
        let late = cancel(&[id, "--force", "--wait", "--timeout", "1s", "-o", "json"]).code(7);
        let error = late.error();
        assert_eq!(error["kind"], "timed_out");
        assert!(
            error["causes"][0].as_str().is_some_and(|cause| cause.contains("0.9.0")),
            "{error}"
        );
    });
}

#[test]
fn what_does_not_exist_is_not_cancelled() {
    with(&[Scenario::Event], |cancel| {
        cancel(&["create-nothing-00000000", "--force"]).code(5).says("no orchestration");
        cancel(&[]).code(2);
    });
}
