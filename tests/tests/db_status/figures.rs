//! Each figure is what the server says.

use crate::status;
use crate::support::{CMS, database};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use toygres_tests::postgres::PrivatePostgres;

fn facts(url: &str, args: &[&str]) -> Value {
    let mut all = vec!["-o", "json"];
    all.extend(args);
    status(url, &all).code(0).json()
}

#[test]
fn connection_and_sizes_are_those_of_the_server() {
    let server = PrivatePostgres::shared();
    let database = database(server, CMS);
    let facts = facts(&database.url, &[]);
    assert_eq!(
        facts["connection"],
        json!({
            "connected": true, "host": "127.0.0.1", "port": server.port(),
            "database": database.name, "user": "toygres",
            "server_version": database.psql("SHOW server_version"),
            "in_recovery": false, "uptime_ms": facts["connection"]["uptime_ms"],
        })
    );
    assert!(facts["connection"]["uptime_ms"].as_i64().unwrap() >= 0);
    let number = |sql: &str| database.psql(sql).parse::<i64>().unwrap();
    assert_eq!(facts["disk"]["total_bytes"], number("SELECT pg_database_size(current_database())"));
    let size = number("SELECT pg_total_relation_size('toygres_cms.instances')");
    assert_eq!(facts["tables"][1]["size_bytes"], size);
    let whole = number(
        "SELECT sum(pg_total_relation_size(oid)) FROM pg_class \
         WHERE relnamespace = 'toygres_cms'::regnamespace AND relkind = 'r'",
    );
    let schema = json!({"name": "toygres_cms", "present": true, "tables": 2, "size_bytes": whole});
    assert_eq!(facts["schemas"][0], schema);
    assert_eq!(facts["pool"]["server_max_connections"], 200);
    assert_eq!(facts["pool"]["max_connections"], 5);
    assert_eq!((&facts["pool"]["own_active"], &facts["pool"]["own_idle"]), (&json!(1), &json!(4)));
    // This command's own connection at least.
    assert!(facts["pool"]["active"].as_i64().unwrap() >= 1, "{facts}");
    assert!(facts["pool"]["server_connections"].as_i64().unwrap() >= 1, "{facts}");
}

#[test]
fn small_tables_are_counted_and_large_ones_estimated() {
    let database = database(PrivatePostgres::shared(), CMS);
    database.psql(
        "CREATE TABLE toygres_cms.large AS SELECT n, repeat('x', 200) AS text \
             FROM generate_series(1, 60000) n; \
         CREATE TABLE toygres_cms.unseen AS SELECT * FROM toygres_cms.large; \
         CREATE TABLE toygres_cms.\"odd \"\" name; --\" (a int); \
         INSERT INTO toygres_cms.\"odd \"\" name; --\" VALUES (1); \
         ANALYZE toygres_cms.large",
    );
    let facts = facts(&database.url, &[]);
    let found = |name: &str| {
        let tables = facts["tables"].as_array().unwrap();
        let table = tables.iter().find(|table| table["name"] == name).unwrap();
        (table["rows"].as_i64(), table["rows_source"].as_str().unwrap().to_owned())
    };
    assert_eq!(found("instances"), (Some(3), "counted".into()));
    assert_eq!(found("odd \" name; --"), (Some(1), "counted".into()));
    assert_eq!(found("unseen"), (None, "never_analyzed".into()));
    let (rows, source) = found("large");
    assert_eq!(source, "estimate");
    assert!((50_000..70_000).contains(&rows.unwrap()), "{rows:?}");
    status(&database.url, &[]).code(0).shows("estimated").shows("? rows").shows("never analyzed");
}

#[test]
fn keys_are_the_same_whatever_can_be_known() {
    let server = PrivatePostgres::shared();
    let (full, empty) = (database(server, CMS), database(server, ""));
    let keys = |value: &Value| {
        let mut keys = Vec::new();
        for (name, value) in value.as_object().unwrap() {
            let inner = value.as_object().into_iter().flat_map(|object| object.keys());
            keys.push(name.clone());
            keys.extend(inner.map(|key| format!("{name}.{key}")));
        }
        keys
    };
    let expected = keys(&facts(&full.url, &["--verbose"]));
    assert_eq!(keys(&facts(&full.url, &[])), expected);
    assert_eq!(keys(&facts(&empty.url, &[])), expected);
    for key in ["long_transactions", "extensions", "migrations", "standbys"] {
        assert_eq!(facts(&full.url, &[])[key], Value::Null, "{key}");
        assert!(facts(&full.url, &["--verbose"])[key].is_array(), "{key}");
    }
}

#[test]
fn other_names_of_the_schemas_are_heeded() {
    let script = CMS.replace("toygres_cms", "other_cms");
    let database = database(PrivatePostgres::shared(), &script);
    let ran = crate::support::Toygres::on(&database.url)
        .env("TOYGRES_CMS_SCHEMA", "other_cms")
        .args(["server", "db-status", "-o", "json"])
        .run()
        .code(0);
    assert_eq!(ran.json()["schemas"][0]["name"], "other_cms");
    assert_eq!(ran.json()["schemas"][0]["tables"], 2);
}

#[test]
fn migrations_are_told_by_the_tables_that_record_them() {
    let database = database(PrivatePostgres::shared(), CMS);
    database.psql(
        "CREATE SCHEMA toygres_duroxide; \
         CREATE TABLE toygres_duroxide._duroxide_migrations (version bigint PRIMARY KEY, name text); \
         INSERT INTO toygres_duroxide._duroxide_migrations VALUES (1, 'a'), (2, 'b'), (26, 'c')",
    );
    let facts = facts(&database.url, &["-v"]);
    assert_eq!(
        facts["migrations"],
        json!([{"schema": "toygres_duroxide", "applied": 3, "latest": 26, "known": 26}])
    );
    // The newest stands beside the newest, not beside how many are recorded.
    let shown = status(&database.url, &["-v"]).code(0).stdout;
    let (_, rows) = shown.split_once("Migrations:\n").unwrap();
    let rows: Vec<Vec<&str>> =
        rows.lines().take(2).map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0].join(" "), "SCHEMA NEWEST HERE NEWEST OF THIS RELEASE RECORDED");
    assert_eq!(rows[1], ["toygres_duroxide", "26", "26", "3"]);
}

#[test]
fn a_slow_statement_and_a_long_transaction_are_seen() {
    let server = PrivatePostgres::new().unwrap();
    let mut sleeping = std::process::Command::new(server.binaries().path("psql"))
        .args(["-X", "-d", &server.url(), "-c", "SELECT pg_sleep(60)"])
        .spawn()
        .unwrap();
    let slow = "SELECT count(*) FROM pg_stat_activity \
                WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid() \
                AND clock_timestamp() - query_start > interval '1.1 seconds'";
    toygres_tests::wait::until("the statement to be slow", || {
        Ok((server.psql(slow)? == "1").then_some(()))
    })
    .unwrap();
    let facts = facts(&server.url(), &["-v"]);
    assert_eq!(facts["performance"]["slow_queries"], 1, "{facts}");
    assert_eq!(facts["performance"]["slow_queries_source"], "pg_stat_activity");
    sleeping.kill().unwrap();
    sleeping.wait().unwrap();
}

#[test]
fn free_disk_is_known_where_the_server_is_this_machine() {
    let server = PrivatePostgres::shared();
    let facts = facts(&server.url(), &[]);
    let folder_can_be_seen = std::fs::metadata(server.data()).is_ok();
    let available = &facts["disk"]["available_bytes"];
    assert_eq!(available.is_i64(), folder_can_be_seen, "{facts}");
    assert_eq!(facts["disk"]["available_reason"].is_null(), folder_can_be_seen, "{facts}");
    assert_eq!(facts["disk"]["room"].is_string(), folder_can_be_seen, "{facts}");
}

#[test]
fn a_locked_table_is_told_in_time() {
    let server = PrivatePostgres::new().unwrap();
    let database = database(&server, CMS);
    let mut holder = std::process::Command::new(server.binaries().path("psql"))
        .args(["-X", "-q", "-d", &database.url, "-c"])
        .arg(
            "BEGIN; LOCK toygres_cms.instance_events IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(60)",
        )
        .spawn()
        .unwrap();
    let held = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted \
                AND relation = 'toygres_cms.instance_events'::regclass";
    toygres_tests::wait::until("the lock", || Ok((database.psql(held) == "1").then_some(())))
        .unwrap();
    let begun = Instant::now();
    // PostgreSQL does not even tell its size.
    let ran = status(&database.url, &["-o", "json"]).code(7).says("lock timeout");
    assert_eq!(ran.stdout, "");
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    holder.kill().unwrap();
    holder.wait().unwrap();
}

#[test]
fn nothing_is_written() {
    let database = database(PrivatePostgres::shared(), CMS);
    let before = database.dump();
    status(&database.url, &["-v"]).code(0);
    assert_eq!(database.dump(), before);
}

#[test]
fn it_takes_less_than_a_second() {
    let database = database(PrivatePostgres::shared(), CMS);
    // The first run warms what any run before would have.
    status(&database.url, &[]).code(0);
    let fastest = (0..3).map(|_| {
        let begun = Instant::now();
        status(&database.url, &["-v"]).code(0);
        begun.elapsed()
    });
    let fastest = fastest.min().unwrap();
    assert!(fastest < Duration::from_secs(1), "{fastest:?}");
}
