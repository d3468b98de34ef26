//! `db-query`, through the real binary on a real server.

#[path = "../support/mod.rs"]
mod support;

mod digits;
mod failures;
mod forms;
mod hostile;
mod input;
mod interrupt;
mod limits;
mod rows;
mod secrets;
mod servers;
#[path = "../../../crates/redaction/src/tests/table.rs"]
mod table;

use support::{Ran, Toygres};

/// One statement on a database.
fn query(url: &str, args: &[&str]) -> Ran {
    Toygres::on(url).args(["server", "db-query"]).args(args.iter().copied()).run()
}
