//! `db-status`, through the real binary on a real server.

#[path = "../support/mod.rs"]
mod support;

mod failures;
mod figures;
mod rights;
mod view;

use support::{Ran, Toygres};

/// `db-status` on a database.
fn status(url: &str, args: &[&str]) -> Ran {
    Toygres::on(url).args(["server", "db-status"]).args(args.iter().copied()).run()
}
