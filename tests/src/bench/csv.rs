//! A large table as CSV.

use super::measure::compare;
use super::{Aim, Bench, psql, report};
use toygres_tests::Result;
use toygres_tests::postgres::PrivatePostgres;

pub(super) fn measure(bench: &Bench) -> Result {
    let server = PrivatePostgres::new()?;
    let rows = bench.options.rows;
    server.psql(&format!(
        "CREATE TABLE large AS SELECT g AS id, 'create-db' || g AS name, now() + g * interval '1 second' AS at, \
         md5(g::text) AS hash, g % 7 = 0 AS flag, g / 7.0 AS number FROM generate_series(1, {rows}) g"
    ))?;
    let sql = "SELECT * FROM large";
    let mut ours = bench.toygres(&server.url());
    ours.args(["server", "db-query", sql, "-o", "csv", "--limit", "0", "--timeout", "5m"]);
    let mut psql = psql(&server.url())?;
    psql.args(["--csv", "-c", sql]);
    let (a, b) = compare(&mut ours, &mut psql, bench.options.runs)?;
    let aim = Aim { ratio: 1.0, peak_mib: Some(64.0) };
    report(bench, &format!("{rows} rows as csv"), &a, "psql --csv", &b, aim);
    Ok(())
}
