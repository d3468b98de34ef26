//! A role with few rights sees what it may, and is told what it may not.

use crate::status;
use crate::support::{CMS, Toygres, database};
use toygres_tests::postgres::PrivatePostgres;

#[test]
fn a_role_that_may_only_read_gets_its_answer() {
    let server = PrivatePostgres::shared();
    let database = database(server, CMS);
    server.create_role("status_reader", "").unwrap();
    database.psql(
        "GRANT USAGE ON SCHEMA toygres_cms TO status_reader; \
         GRANT SELECT ON toygres_cms.instances TO status_reader",
    );
    let url = database.url_for("status_reader");
    let facts = status(&url, &["-v", "-o", "json"]).code(4).json();
    assert_eq!(facts["tables"][0]["name"], "instance_events");
    assert_eq!(facts["tables"][0]["rows_source"], "forbidden");
    assert_eq!(facts["tables"][0]["rows"], serde_json::Value::Null);
    assert_eq!(facts["tables"][1]["rows_source"], "counted");
    assert_eq!(facts["tables"][1]["rows"], 3);
    assert_eq!(facts["disk"]["available_bytes"], serde_json::Value::Null);
    for reason in [
        &facts["disk"]["available_reason"],
        &facts["pool"]["reason"],
        &facts["performance"]["slow_queries_reason"],
    ] {
        assert!(reason.as_str().is_some_and(|reason| reason.contains("pg_read_all")), "{facts}");
    }
    status(&url, &[])
        .code(4)
        .shows("unknown: no right to read it")
        .shows("GRANT pg_read_all_stats")
        .says("1 table may not be read")
        .says("GRANT SELECT ON ALL TABLES IN SCHEMA toygres_cms TO status_reader");
    database.psql("GRANT SELECT ON ALL TABLES IN SCHEMA toygres_cms TO status_reader");
    status(&url, &[]).code(0);
    drop(database);
    server.psql("DROP ROLE status_reader").unwrap();
}

#[test]
fn a_role_without_any_right_gets_its_answer() {
    let server = PrivatePostgres::shared();
    let database = database(server, CMS);
    server.create_role("status_nobody", "").unwrap();
    let facts = status(&database.url_for("status_nobody"), &["-v", "-o", "json"]).code(4).json();
    for table in facts["tables"].as_array().unwrap() {
        assert_eq!(table["rows_source"], "forbidden", "{table}");
    }
    assert_eq!(facts["schemas"][0]["present"], true);
    drop(database);
    server.psql("DROP ROLE status_nobody").unwrap();
}

#[test]
fn statements_are_averaged_where_the_extension_can_be_read() {
    let server = PrivatePostgres::shared();
    let database = database(server, CMS);
    // Not preloaded: it is there and cannot be asked.
    database.psql("CREATE SCHEMA \"Ext\"; CREATE EXTENSION pg_stat_statements SCHEMA \"Ext\"");
    let facts = status(&database.url, &["-o", "json"]).code(0).json();
    assert_eq!(facts["performance"]["avg_query_source"], "probe");
    assert_eq!(facts["performance"]["avg_query_reason"], "pg_stat_statements cannot be read");
    assert!(facts["performance"]["avg_query_ms"].as_f64().unwrap() > 0.0);

    let mut preloaded = PrivatePostgres::new().unwrap();
    preloaded.psql("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'").unwrap();
    preloaded.stop().unwrap();
    preloaded.start().unwrap();
    preloaded
        .psql("CREATE SCHEMA \"Ext\"; CREATE EXTENSION pg_stat_statements SCHEMA \"Ext\"")
        .unwrap();
    preloaded.psql("SELECT pg_sleep(1.2)").unwrap();
    let facts = status(&preloaded.url(), &["-o", "json"]).code(0).json();
    assert_eq!(facts["performance"]["avg_query_source"], "pg_stat_statements");
    assert!(facts["performance"]["avg_query_ms"].as_f64().unwrap() > 1.0, "{facts}");
    assert_eq!(facts["performance"]["slow_queries"], 1, "{facts}");
}

#[test]
fn without_a_database_it_is_told_how_to_name_one() {
    let ran = Toygres::new().args(["server", "db-status", "-o", "json"]).run().code(4);
    assert_eq!(ran.stdout, "");
    assert!(ran.error()["hint"].as_str().unwrap().contains("DATABASE_URL"), "{ran:#?}");
}
