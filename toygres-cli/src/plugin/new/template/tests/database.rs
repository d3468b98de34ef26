//! The command through the real toygres on a real database: set TOYGRES_TEST_DATABASE_URL, and
//! TOYGRES_BIN where toygres is not on the path. Nothing is written to the database.

use serde_json::Value;
use toygres_plugin_api::testing::Toygres;

const COMMAND: &str = "my-plugin";
const LIBRARY: &str = "toygres_my_plugin";

#[test]
fn tables_are_read_from_postgresql() {
    let Ok(url) = std::env::var("TOYGRES_TEST_DATABASE_URL") else {
        eprintln!("passed over: TOYGRES_TEST_DATABASE_URL names no database");
        return;
    };
    let toygres = Toygres::with_library(LIBRARY).unwrap();
    let toygres = toygres.env("DATABASE_URL", url);
    let ran = toygres.run(&format!("server {COMMAND} --most 3 -o json"));
    let ran = ran.unwrap();
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let rows: Vec<Value> = serde_json::from_str(&ran.stdout).unwrap();
    assert!(rows.len() <= 3);
    for row in rows {
        assert!(row["size_bytes"].is_u64(), "{row}");
    }
}
