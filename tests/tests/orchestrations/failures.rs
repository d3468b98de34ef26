//! The database down, hung, empty, forbidden: the same exit code in every format, and valid output.

use crate::support::{FORMATS, Toygres};
use toygres_tests::postgres::PrivatePostgres;

const COMMANDS: &[&[&str]] = &[
    &["orchestrations"],
    &["orchestration", "create-x-00000000"],
    &["cancel", "create-x-00000000", "--force"],
];

/// Each command in each of its formats.
fn everywhere(url: &str, code: i32, kind: &str) {
    for command in COMMANDS {
        for format in FORMATS {
            // Wide tables and CSV are for lists.
            if command[0] != "orchestrations"
                && matches!(*format, "csv" | "wide")
                && command[0] == "cancel"
            {
                continue;
            }
            let ran = Toygres::on(url)
                .env("TOYGRES_CONNECT_TIMEOUT_MS", "500")
                .env("TOYGRES_API_TOKEN", "canary-TOKEN")
                .env("PGPASSWORD", "canary-PGPASSWORD")
                .args(["server"])
                .args(command.iter().copied())
                .args(["-o", format])
                .run();
            assert_eq!(ran.code, code, "{command:?} {format}: {ran:?}");
            assert_eq!(ran.stdout, "", "{command:?} {format}");
            assert!(!ran.stderr.contains("canary"), "{command:?} {format}: {ran:?}");
            match *format {
                "table" | "wide" => assert!(ran.stderr.contains("error:"), "{ran:?}"),
                _ => assert_eq!(ran.error()["kind"], kind, "{ran:?}"),
            }
        }
    }
}

#[test]
fn a_database_that_is_down_is_undetermined() {
    everywhere("postgres://u:canary-DOWN@127.0.0.1:1/none", 4, "unavailable");
}

#[test]
fn a_database_that_hangs_is_undetermined_within_its_deadline() {
    let server = PrivatePostgres::new().unwrap();
    server.pause().unwrap();
    let began = std::time::Instant::now();
    everywhere(&server.url(), 4, "unavailable");
    let each = began.elapsed() / (COMMANDS.len() * FORMATS.len()) as u32;
    server.resume().unwrap();
    assert!(each.as_secs() < 3, "{each:?} for one command");
}

#[test]
fn a_database_without_orchestrations_has_no_such_thing() {
    let database = PrivatePostgres::shared().database().unwrap();
    everywhere(&database.url, 5, "not_found");
}

#[test]
fn no_database_at_all_is_said() {
    Toygres::new().args(["server", "orchestrations"]).run().code(4).says("DATABASE_URL");
}
