//! A transaction is what it should be, whatever the role's own settings are.

use crate::support::{CMS, Toygres, database};
use toygres_tests::postgres::PrivatePostgres;

/// What a role may have been given, each of which changes how statements are read or answered.
const ODD: [(&str, &str); 14] = [
    ("standard_conforming_strings", "off"),
    ("escape_string_warning", "off"),
    ("backslash_quote", "off"),
    ("search_path", "''"),
    ("default_transaction_isolation", "serializable"),
    ("datestyle", "'German, DMY'"),
    ("timezone", "'America/St_Johns'"),
    ("intervalstyle", "sql_standard"),
    ("bytea_output", "escape"),
    ("extra_float_digits", "0"),
    ("client_encoding", "LATIN1"),
    ("transform_null_equals", "on"),
    ("lock_timeout", "1"),
    ("array_nulls", "off"),
];

fn answers(url: &str) -> Vec<String> {
    let asked = [
        "SELECT 'a\\b' AS a, '\\x' ~ '^\\\\' AS b, E'c\\\\d' AS c",
        "SELECT '2024-02-03 04:05:06+00'::timestamptz AS a, interval '1 day 2 hours' AS b",
        "SELECT '\\x00ff'::bytea AS a, 0.1::float8 + 0.2 AS b, 'ä' AS c",
        "SELECT user_name, ip_connection_string FROM toygres_cms.instances ORDER BY 1",
        "SELECT current_setting('default_transaction_read_only') AS a, \
                current_setting('transaction_read_only') AS b",
    ];
    let queries = asked.iter().map(|sql| {
        Toygres::on(url).args(["server", "db-query", sql, "-o", "json"]).run().code(0).stdout
    });
    let mut all: Vec<String> = queries.collect();
    let status = Toygres::on(url).args(["server", "db-status", "-o", "json"]).run().code(0).json();
    all.push(status["data"]["schemas"].to_string());
    all
}

#[test]
fn odd_settings_of_a_role_change_no_answer() {
    let server = PrivatePostgres::new().unwrap();
    let database = database(&server, CMS);
    server.create_role("plain", "SUPERUSER").unwrap();
    server.create_role("odd", "SUPERUSER").unwrap();
    for (name, value) in ODD {
        server.psql(&format!("ALTER ROLE odd SET {name} = {value}")).unwrap();
    }
    let url = |role: &str| {
        assert!(database.url.contains("//toygres:"));
        database.url.replacen("//toygres:", &format!("//{role}:"), 1)
    };
    assert_eq!(answers(&url("odd")), answers(&url("plain")));
}

/// Options of the operator's own are taken, and cannot undo what holds a session read-only.
#[test]
fn no_option_makes_a_session_write() {
    let server = PrivatePostgres::shared();
    let database = database(server, "CREATE TABLE t (a int)");
    let url = format!("{}?options=-c%20default_transaction_read_only%3Doff", database.url);
    let held = ["server", "db-query", "SELECT current_setting('default_transaction_read_only') a"];
    Toygres::on(&url).args(held).run().code(0).shows("on");
    let write = ["server", "db-query", "EXPLAIN ANALYZE INSERT INTO t VALUES (1)"];
    Toygres::on(&url).args(write).run().code(6);
    assert_eq!(database.psql("SELECT count(*) FROM t").trim(), "0");
}
