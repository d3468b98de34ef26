//! A database that is down or hangs.

use crate::status;
use crate::support::Toygres;
use std::time::{Duration, Instant};
use toygres_tests::postgres::PrivatePostgres;

const FORMATS: &[&str] = &["table", "json", "jsonl", "yaml"];

#[test]
fn a_database_that_is_down_is_said_to_be() {
    let mut server = PrivatePostgres::new().unwrap();
    server.stop().unwrap();
    for format in FORMATS {
        let ran = status(&server.url(), &["-o", format]).code(4).says("cannot be reached");
        assert_eq!(ran.stdout, "");
        let port = server.port().to_string();
        ran.says(&port).hides(server.password());
    }
    server.start().unwrap();
    status(&server.url(), &[]).code(0);
}

#[test]
fn a_database_that_hangs_is_given_up_in_time() {
    let server = PrivatePostgres::new().unwrap();
    server.pause().unwrap();
    for format in FORMATS {
        let begun = Instant::now();
        let ran = Toygres::on(&server.url())
            .env("TOYGRES_CONNECT_TIMEOUT_MS", "500")
            .args(["server", "db-status", "-o", format])
            .run()
            .code(4)
            .says("did not answer within");
        assert_eq!(ran.stdout, "");
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    }
    server.resume().unwrap();
}
