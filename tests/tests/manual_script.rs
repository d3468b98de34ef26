//! The specification's manual test script, line by line, on a control plane of this machine.

#[path = "support/mod.rs"]
mod support;

use support::plane::Plane;
use support::{Ran, Toygres};
use toygres_tests::wait;

/// Each line as it stands in the specification, without the binary's name.
const PROCESS: &[&str] = &["server start", "server status", "server logs --tail 20", "server stop"];
const DIAGNOSTICS: &[&str] = &["server stats", "server orchestrations", "server health"];
const CREATE: &str = "create testdb --password test123";
const RUNNING: &str = "server orchestrations --status running";

fn typed(line: &str) -> Ran {
    plane().args(line.split(' ')).run()
}

fn plane() -> Toygres {
    // Another program may have the usual port.
    Plane::shared().toygres().env("TOYGRES_PORT", "0").env("TOYGRES_READY_INTERVAL_MS", "3000")
}

#[test]
fn the_script_runs_line_by_line() {
    // The plane of the tests has its server running already.
    typed("server stop").code(0);
    for line in PROCESS {
        let ran = typed(line).code(0);
        assert!(!ran.stdout.is_empty(), "{line}");
    }
    typed("server status").code(3);
    // The diagnostics need no server; that there is none is what health has to say.
    for line in DIAGNOSTICS {
        let ran = typed(line);
        let down = *line == "server health";
        assert_eq!(ran.code == 0, !down, "{line}: {ran:#?}");
        assert!(!ran.stdout.is_empty(), "{line}: {ran:#?}");
    }
    typed("server start").code(0);
    for line in DIAGNOSTICS {
        let ran = typed(line);
        // A warning is no failure: the stand-in has one for the version of PostgreSQL.
        assert_eq!(ran.code, 0, "{line}: {ran:#?}");
    }
    let created = typed(CREATE).code(0);
    created.hides("test123");
    let running = wait::until("the creation to be listed", || {
        let list = typed(&format!("{RUNNING} -o json")).code(0).json();
        let first =
            list.as_array().and_then(|rows| rows.iter().find(|row| row["instance"] == "testdb"));
        Ok(first.map(|row| row["id"].as_str().unwrap().to_owned()))
    })
    .unwrap();
    let history = typed(&format!("server orchestration {running} --history")).code(0);
    assert!(history.stdout.contains("Execution History:"), "{}", history.stdout);
    wait::until("the database to run", || {
        let one = typed("get testdb -o json").code(0).json();
        Ok((one["state"] == "running").then_some(()))
    })
    .unwrap();
}
