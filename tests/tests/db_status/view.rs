//! What people see.

use crate::status;
use crate::support::{CMS, database};
use toygres_tests::postgres::PrivatePostgres;

/// Lines with what differs from run to run taken out.
fn settled(text: &str) -> String {
    let lines = text.lines().map(|line| match line.split_once(':') {
        Some((label, _)) if ["Port", "Database", "Server", "Uptime"].contains(&label.trim()) => {
            format!("{label}: …")
        }
        Some((label, value))
            if ["Total", "Available", "Active", "Idle", "All Toygres"].contains(&label.trim()) =>
        {
            assert!(!value.trim().is_empty(), "{line}");
            format!("{label}: …")
        }
        Some((label, value)) if label.trim() == "Avg Query Time" => {
            let source = value.split_once('(').map_or("", |(_, source)| source);
            format!("{label}: … ({source}")
        }
        _ => sizes(line),
    });
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

/// `(48 kB)` becomes `(…)`.
fn sizes(line: &str) -> String {
    match line.rsplit_once('(') {
        Some((before, size)) if size.ends_with("B)") || size.ends_with("bytes)") => {
            let tables = size.split_once(", ").map(|(tables, _)| format!("{tables}, "));
            format!("{}({}…)", before, tables.unwrap_or_default())
        }
        _ => line.trim_end().to_owned(),
    }
}

#[test]
fn people_see_the_sample() {
    let database = database(PrivatePostgres::shared(), CMS);
    let ran = status(&database.url, &[]).code(0).says("`toygres_duroxide` does not exist");
    assert_eq!(
        settled(&ran.stdout),
        "\
CMS Database Status
━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━

Connection:
  ✓ Connected
  Host:     127.0.0.1
  Port: …
  Database: …
  User:     toygres
  Server: …
  Uptime: …

Schemas:
  ✓  toygres_cms            (2 tables, …)
  ❌ toygres_duroxide       missing

Tables (toygres_cms):
  instance_events  1 row   (…)
  instances        3 rows  (…)

Connection Pool:
  Max Connections:   5 (this command's pool)
  Active: …
  Idle: …
  All Toygres: …
  Server: …

Performance:
  Avg Query Time: … (measured now: pg_stat_statements is not installed)
  Slow Queries:      0 (> 1s, running now)

Disk Usage:
  Total: …
  Available: …
"
    );
}

#[test]
fn verbose_tells_more() {
    let database = database(PrivatePostgres::shared(), CMS);
    let ran = status(&database.url, &["--verbose"]).code(0);
    for part in [
        "  TABLE            ROWS   ",
        "INDEXES",
        "DEAD ROWS",
        "VACUUMED",
        "Long Transactions:\n  None is older than a minute",
        "Replication:\n  No standby streams from this server",
        "Migrations:\n  No table records them",
        "Extensions:\n  EXTENSION  VERSION\n  plpgsql    1.0",
    ] {
        assert!(ran.stdout.contains(part), "`{part}` is missing in\n{}", ran.stdout);
    }
    assert_eq!(
        status(&database.url, &["-v"]).code(0).stdout.lines().count(),
        ran.stdout.lines().count()
    );
}

#[test]
fn an_empty_database_is_a_state_and_no_error() {
    let database = database(PrivatePostgres::shared(), "");
    let ran = status(&database.url, &[]).code(0);
    assert!(ran.stdout.contains("❌ toygres_cms            missing"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("Tables ("), "{}", ran.stdout);
    let json = status(&database.url, &["-o", "json"]).code(0).json();
    assert_eq!(json["tables"], serde_json::json!([]));
    assert_eq!(json["schemas"][0]["present"], false);
}

#[test]
fn every_format_of_a_detail_is_whole() {
    let database = database(PrivatePostgres::shared(), CMS);
    for format in ["table", "json", "jsonl", "yaml"] {
        let ran = status(&database.url, &["-o", format]).code(0);
        for document in crate::support::check(format, &ran) {
            assert_eq!(document["connection"]["connected"], true, "{format}");
        }
    }
    let ran = status(&database.url, &["-o", "csv"]).code(2);
    assert_eq!(ran.stdout, "");
}
