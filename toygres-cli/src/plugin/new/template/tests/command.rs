//! The command on rows that the test gives.

use serde_json::json;
use toygres_plugin_api::testing::TestHost;
use toygres_plugin_api::{Error, ErrorKind, Report, Result};

use toygres_my_plugin::TOYGRES_PLUGIN;

const COMMAND: &str = "my-plugin";

fn run(host: &TestHost, typed: &str) -> Result<Report> {
    host.run(&TOYGRES_PLUGIN, &format!("{COMMAND} {typed}"))
}

#[test]
fn rows_and_arguments_pass_through() {
    let rows = json!([
        {"schema": "public", "table": "a", "size_bytes": 8192, "rows_estimated": null}
    ]);
    let host = TestHost::new().rows("pg_total_relation_size", rows.clone());
    let report = run(&host, "a --schema public --most 5").unwrap();
    assert_eq!(report.data, rows);
    let binds = ["a", "public", "5"].map(|bind| Some(bind.to_owned()));
    assert_eq!(host.queries()[0].binds, binds);
}

#[test]
fn what_is_typed_wrongly_is_refused() {
    let error = run(&TestHost::new(), "--most many").unwrap_err();
    assert_eq!(error.kind, ErrorKind::Usage);
}

#[test]
fn an_error_of_the_database_is_the_answer() {
    let down = Error::unavailable("the database cannot be reached");
    let host = TestHost::new().fails("pg_class", down.clone());
    assert_eq!(run(&host, "").unwrap_err(), down);
}

#[test]
fn schemas_are_offered_to_a_shell() {
    let host = TestHost::new().rows("starts_with", json!([{"name": "public"}]));
    let offered = host.complete(&TOYGRES_PLUGIN, COMMAND, "schema", "pu");
    assert_eq!(offered.unwrap()[0].value, "public");
}
