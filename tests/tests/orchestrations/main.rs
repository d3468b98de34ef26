//! `orchestrations`, `orchestration` and `cancel`, through the real binary on the records that a
//! real duroxide runtime leaves.

#[path = "../support/mod.rs"]
mod support;

mod cancel;
mod detail;
mod expected;
mod failures;
mod generations;
mod list;
mod view;

use std::sync::OnceLock;
use support::{Ran, Toygres};
use toygres_tests::postgres::{Database, PrivatePostgres};
use toygres_tests::secrets::Secrets;
use toygres_tests::workload::Workload;

/// One workload for all tests of this process: it takes half a minute to come about.
struct AtWork {
    database: Database<'static>,
    /// Workflows go on while tests look at them.
    _workload: Workload,
}

fn at_work() -> &'static AtWork {
    static SHARED: OnceLock<AtWork> = OnceLock::new();
    SHARED.get_or_init(|| {
        let database = PrivatePostgres::shared().database().expect("a database");
        let workload = Workload::start(&database.url, &Secrets::canaries())
            .unwrap_or_else(|error| panic!("no workload: {error}"));
        AtWork { database, _workload: workload }
    })
}

/// A command on the workload's database; whatever it answers, no secret is in it.
fn server(args: &[&str]) -> Ran {
    let ran =
        Toygres::on(&at_work().database.url).args(["server"]).args(args.iter().copied()).run();
    for text in [&ran.stdout, &ran.stderr] {
        let leaked = Secrets::canaries();
        assert_eq!(leaked.found_in(text), Vec::<&str>::new(), "{args:?}: {text}");
    }
    ran
}
