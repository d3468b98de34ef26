//! The list of orchestrations beside the statement that it sends.

use super::measure::{compare, run};
use super::{Aim, Bench, psql, report};
use std::process::Command;
use toygres_tests::postgres::PrivatePostgres;
use toygres_tests::{Result, generations};

pub(super) fn measure(bench: &Bench) -> Result {
    let server = PrivatePostgres::new()?;
    let rows = bench.options.rows;
    generations::many_orchestrations(&server.url(), rows)?;
    let mut ours = bench.toygres(&server.url());
    ours.args(["server", "orchestrations"]);
    let statement = logged_statement(&server, &mut ours)?;
    let mut psql = psql(&server.url())?;
    psql.args(["-c", &statement]);
    let (a, b) = compare(&mut ours, &mut psql, bench.options.runs)?;
    let what = format!("orchestrations, {rows} rows");
    report(bench, &what, &a, "the same statement in psql", &b, Aim::ratio(1.1));
    Ok(())
}

/// The statement of the list, as the server's log has it.
fn logged_statement(server: &PrivatePostgres, ours: &mut Command) -> Result<String> {
    server.psql("ALTER SYSTEM SET log_statement = 'all'")?;
    server.psql("SELECT pg_reload_conf()")?;
    run(ours)?;
    server.psql("ALTER SYSTEM RESET log_statement")?;
    server.psql("SELECT pg_reload_conf()")?;
    let log = server.log()?;
    let start = log.rfind("WITH page AS").ok_or("the statement is not in the server's log")?;
    let mut lines = log[start..].lines();
    let first = lines.next().unwrap_or_default();
    // Further lines of a statement are indented.
    let rest = lines.take_while(|line| line.starts_with('\t'));
    Ok(std::iter::once(first).chain(rest).collect::<Vec<_>>().join("\n"))
}
