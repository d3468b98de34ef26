//! Distances of time are told by the clock of the database, whatever this machine's shows.

use crate::support::Ran;
use crate::support::plane::Plane;
use crate::toygres;
use regex::Regex;
use serde_json::Value;
use toygres_tests::clock::Clock;

#[test]
fn a_clock_that_is_off_changes_nothing_of_what_is_told() {
    let clock = Clock::new().unwrap();
    let variables = clock.variables();
    let run = |args: &[&str]| -> Ran {
        let plane = Plane::shared().toygres().args(args.iter().copied());
        variables.iter().fold(plane, |run, (name, value)| run.env(name, value)).run()
    };
    toygres(&["create", "clocked", "--wait"]).code(0);
    let future = Regex::new(r"(^|[ (])in \d").unwrap();
    for seconds in [0, 600, -600] {
        clock.is_off_by(seconds).unwrap();
        let list = ["server", "orchestrations", "--instance", "clocked"];
        let since = run(&[&list[..], &["--since", "5m", "-o", "json"]].concat()).code(0).json();
        assert_eq!(since.as_array().unwrap().len(), 2, "{seconds}: {since}");
        let until = run(&[&list[..], &["--until", "5m", "-o", "json"]].concat()).code(0).json();
        assert_eq!(until.as_array().unwrap().len(), 0, "{seconds}: {until}");
        // The other one goes on, and waits for what is to come.
        let is_create = |row: &&Value| row["type"] == "create-instance";
        let created = since.as_array().unwrap().iter().find(is_create).unwrap();
        let id = created["id"].as_str().unwrap().to_owned();
        for args in [
            &list[..],
            &["list"],
            &["get", "clocked"],
            &["server", "orchestration", &id],
            &["server", "db-status", "--verbose"],
        ] {
            let shown = run(args).code(0).stdout;
            assert!(!future.is_match(&shown), "{seconds} {args:?}: {shown}");
            assert!(!shown.contains("10m ago") && !shown.contains("10 minutes ago"), "{shown}");
        }
    }
    toygres(&["delete", "clocked", "--force", "--wait"]).code(0);
}
