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
    find_statement(&server.log()?).ok_or_else(|| "the statement is not in the server's log".into())
}

/// The last logged statement that has the list's page in it, as a whole: what prepares it, with its
/// parameters, is part of it.
fn find_statement(log: &str) -> Option<String> {
    let page = log.rfind("WITH page AS")?;
    let entry = log[..page].rfind("LOG:  ")?;
    let (_, begin) = log[entry..].split_once(": ")?;
    let mut lines = begin.trim_start().strip_prefix("statement: ")?.lines();
    let first = lines.next()?;
    // Further lines of a statement are indented.
    let rest = lines.take_while(|line| line.starts_with('\t'));
    Some(std::iter::once(first).chain(rest).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::find_statement;

    #[test]
    fn a_statement_is_taken_with_what_prepares_and_executes_it() {
        let log = "x LOG:  statement: SELECT 1\n\
                   x LOG:  statement: PREPARE a AS\n\tWITH page AS (SELECT $1)\n\t;EXECUTE a('1')\n\
                   x LOG:  duration: 1 ms\n";
        let statement = "PREPARE a AS\n\tWITH page AS (SELECT $1)\n\t;EXECUTE a('1')";
        assert_eq!(find_statement(log).as_deref(), Some(statement));
        assert_eq!(find_statement("x LOG:  statement: SELECT 1\n"), None);
    }
}
