//! The smallest query.

use super::measure::compare;
use super::{Aim, Bench, psql, report};
use toygres_tests::Result;
use toygres_tests::postgres::PrivatePostgres;

pub(super) fn measure(bench: &Bench) -> Result {
    let server = PrivatePostgres::new()?;
    let mut ours = bench.toygres(&server.url());
    ours.args(["server", "db-query", "select 1"]);
    let mut psql = psql(&server.url())?;
    psql.args(["-c", "select 1"]);
    let (a, b) = compare(&mut ours, &mut psql, bench.options.runs)?;
    report(bench, "db-query 'select 1'", &a, "psql -c", &b, Aim::ratio(1.0));
    Ok(())
}
