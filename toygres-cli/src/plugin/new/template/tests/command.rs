//! The command on rows that the test gives.

use serde_json::json;
use toygres_my_plugin::TOYGRES_PLUGIN;
use toygres_plugin_api::testing::TestHost;
use toygres_plugin_api::{Error, ErrorKind};

#[test]
fn rows_and_arguments_pass_through() {
    let rows =
        json!([{"schema": "public", "table": "a", "size_bytes": 8192, "rows_estimated": null}]);
    let host = TestHost::new().rows("pg_total_relation_size", rows.clone());
    let report = host.run(&TOYGRES_PLUGIN, "my-plugin a --schema public --most 5").unwrap();
    assert_eq!(report.data, rows);
    let binds = ["a", "public", "5"].map(|bind| Some(bind.to_owned()));
    assert_eq!(host.queries()[0].binds, binds);
}

#[test]
fn what_is_typed_wrongly_is_refused() {
    let error = TestHost::new().run(&TOYGRES_PLUGIN, "my-plugin --most many").unwrap_err();
    assert_eq!(error.kind, ErrorKind::Usage);
}

#[test]
fn an_error_of_the_database_is_the_answer() {
    let down = Error::unavailable("the database cannot be reached");
    let host = TestHost::new().fails("pg_class", down.clone());
    assert_eq!(host.run(&TOYGRES_PLUGIN, "my-plugin").unwrap_err(), down);
}

#[test]
fn schemas_are_offered_to_a_shell() {
    let host = TestHost::new().rows("starts_with", json!([{"name": "public"}]));
    let offered = host.complete(&TOYGRES_PLUGIN, "my-plugin", "schema", "pu").unwrap();
    assert_eq!(offered[0].value, "public");
}
