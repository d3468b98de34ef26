//! Rows that are too large, statements that hold locks, and times that are too long.

use crate::support::{FORMATS, Toygres};
use crate::{interrupt::nothing_runs, query};
use std::process::Command;
use std::time::{Duration, Instant};
use toygres_tests::postgres::PrivatePostgres;
use toygres_tests::toygres::{binary, plugins};

#[test]
fn a_row_that_is_too_large_is_told_and_not_read() {
    let url = PrivatePostgres::shared().url();
    for format in FORMATS {
        let ran = Toygres::on(&url)
            .env("TOYGRES_MAX_ROW_BYTES", "100000")
            .args(["server", "db-query", "SELECT repeat('x', 200000)", "-o", format])
            .run()
            .code(9)
            .says("too large")
            .says("substring");
        assert_eq!(ran.stdout, "");
    }
    let fits = Toygres::on(&url).env("TOYGRES_MAX_ROW_BYTES", "100000").args([
        "server",
        "db-query",
        "SELECT repeat('x', 100000) AS a",
        "-o",
        "json",
    ]);
    assert_eq!(fits.run().code(0).json()[0]["a"].as_str().unwrap().len(), 100_000);
}

/// The statement makes 1 GB, and the command line has 800 MB of addresses.
#[test]
fn a_gigabyte_is_not_read_into_memory() {
    let home = tempfile::tempdir().unwrap();
    let output = Command::new("sh")
        .args(["-c", "ulimit -v 800000; exec \"$@\"", "sh"])
        .arg(binary())
        .args(["server", "db-query", "SELECT repeat('x', 1000000000)", "--timeout", "2m"])
        .env_clear()
        .env("HOME", home.path())
        .env("TOYGRES_HOME", home.path())
        .env("TOYGRES_PLUGIN_PATH", plugins())
        .env("DATABASE_URL", PrivatePostgres::shared().url())
        .current_dir(home.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(9), "{said}");
    assert!(said.contains("row of 953 MiB is too large: the limit is 256 MiB"), "{said}");
}

#[test]
fn large_cells_come_whole_in_every_format() {
    let url = PrivatePostgres::shared().url();
    let sql = "SELECT repeat('x\"', 100000) AS a, \
               jsonb_build_object('k', repeat('z', 100000)) AS b, \
               E'[1,\\n 2]'::json AS c, \
               ('[' || repeat(E'1,\\n', 50000) || '1]')::json AS d";
    let rows = query(&url, &[sql, "-o", "json"]).code(0).json();
    assert_eq!(rows[0]["a"].as_str().unwrap(), "x\"".repeat(100_000));
    assert_eq!(rows[0]["b"]["k"].as_str().unwrap(), "z".repeat(100_000));
    assert_eq!(rows[0]["d"].as_array().unwrap().len(), 50_001);
    let line = query(&url, &[sql, "-o", "jsonl"]).code(0);
    assert_eq!(line.stdout.lines().count(), 1);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&line.stdout).unwrap(), rows[0]);
    let csv = query(&url, &["SELECT repeat('x\"', 100000) AS a, 1 AS b", "-o", "csv"]).code(0);
    assert_eq!(csv.stdout, format!("a,b\n\"{}\",1\n", "x\"\"".repeat(100_000)));
}

/// The control plane and its workflows wait for locks of this kind.
#[test]
fn a_statement_that_holds_an_advisory_lock_is_ended() {
    let server = PrivatePostgres::new().unwrap();
    let lock = "pg_advisory_lock(hashtextextended('toygres:migrations:toygres_cms', 0))";
    for sql in [
        format!("SELECT {lock}, pg_sleep(300)"),
        format!("SELECT {lock}, generate_series(1, 100000000)"),
        "SELECT pg_try_advisory_xact_lock_shared(1, 2), pg_sleep(300)".to_owned(),
        format!("EXPLAIN ANALYZE SELECT {lock}, pg_sleep(300)"),
        "SELECT query_to_xml('SELECT pg_advisory_lock(5), pg_sleep(300)', true, true, '')"
            .to_owned(),
    ] {
        let began = Instant::now();
        query(&server.url(), &[&sql, "--timeout", "10m", "--limit", "0", "-o", "csv"])
            .code(6)
            .says("advisory lock");
        assert!(began.elapsed() < Duration::from_secs(45), "{sql}: {:?}", began.elapsed());
        nothing_runs(&server);
        let held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'";
        assert_eq!(server.psql(held).unwrap(), "0", "{sql}");
    }
    query(&server.url(), &["SELECT pg_sleep(3)", "--timeout", "1m"]).code(0);
}

#[test]
fn times_that_are_too_long_are_named() {
    let url = PrivatePostgres::shared().url();
    for timeout in ["100000h", "24d1s", "99999999999999999999h"] {
        query(&url, &["SELECT 1", "--timeout", timeout]).code(2).says("`0s` to `24d`");
    }
    query(&url, &["SELECT 1", "--timeout", "24d"]).code(0);
    Toygres::on(&url)
        .args(["server", "db-status", "--watch", "--interval", "99999999999999h"])
        .run()
        .code(2)
        .says("`0s` to `24d`");
    for (variable, key) in [
        ("TOYGRES_STATEMENT_TIMEOUT_MS", "database.statement_timeout_ms"),
        ("TOYGRES_CONNECT_TIMEOUT_MS", "database.connect_timeout_ms"),
        ("TOYGRES_MAX_ROW_BYTES", "database.max_row_bytes"),
    ] {
        for value in ["99999999999999", "0", "-1", "x", "18446744073709551616"] {
            Toygres::on(&url)
                .env(variable, value)
                .args(["server", "db-query", "SELECT 1"])
                .run()
                .code(2)
                .says(&format!("`{key}`"))
                .says("give a whole number from");
        }
    }
    Toygres::new()
        .env("TOYGRES_API_TIMEOUT_MS", "99999999999999")
        .env("TOYGRES_API_TOKEN", "token")
        .args(["list"])
        .run()
        .code(2)
        .says("`api.timeout_ms`");
}
