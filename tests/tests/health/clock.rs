//! Time that does not agree, and transactions that are open, or have been counted, for too long.

use crate::plane::{found, is};
use crate::support::Toygres;
use std::process::{Command, Stdio};
use toygres_tests::clock::Clock;
use toygres_tests::postgres::PrivatePostgres;
use toygres_tests::wait;

#[test]
fn a_clock_that_is_off_is_named_on_either_side() {
    let clock = Clock::new().unwrap();
    let variables = clock.variables();
    let here = || {
        let toygres = Toygres::on(&PrivatePostgres::shared().url());
        variables.iter().fold(toygres, |toygres, (name, value)| toygres.env(name, value))
    };
    is(&found(here(), "TG0211"), "ok", "within");
    clock.is_off_by(15).unwrap();
    is(&found(here(), "TG0211"), "warning", "ahead of the database's");
    clock.is_off_by(-3600).unwrap();
    is(&found(here(), "TG0211"), "failed", "behind the database's");

    let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
    clock.is_off_by(0).unwrap();
    let server = PrivatePostgres::with_variables(&variables).unwrap();
    is(&found(Toygres::on(&server.url()), "TG0211"), "ok", "within");
    clock.is_off_by(-60).unwrap();
    is(&found(Toygres::on(&server.url()), "TG0211"), "failed", "ahead of the database's");
}

#[test]
fn a_transaction_that_stays_open_is_named() {
    let clock = Clock::new().unwrap();
    let variables = clock.variables();
    let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
    let server = PrivatePostgres::with_variables(&variables).unwrap();
    let mut session = Command::new(server.binaries().path("psql"))
        .args(["-X", "-d", &server.url()])
        .env("PGAPPNAME", "forgotten")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    use std::io::Write;
    session.stdin.as_mut().unwrap().write_all(b"BEGIN; SELECT 1;\n").unwrap();
    let open = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'forgotten' \
        AND state = 'idle in transaction'";
    wait::until("the transaction", || Ok((server.psql(open)?.trim() == "1").then_some(())))
        .unwrap();
    is(&found(Toygres::on(&server.url()), "TG0405"), "ok", "none is older");
    // An hour passes for the server.
    clock.is_off_by(3600).unwrap();
    let row = found(Toygres::on(&server.url()), "TG0405");
    is(&row, "warning", "one of `forgotten` (process ");
    is(&row, "warning", "idle in transaction");
    session.kill().unwrap();
    session.wait().unwrap();
    let gone = || found(Toygres::on(&server.url()), "TG0405");
    wait::until("it to be over", || Ok((gone()["outcome"] == "ok").then_some(()))).unwrap();
}

#[test]
fn transaction_ids_that_run_out_are_named() {
    let mut server = PrivatePostgres::new().unwrap();
    is(&found(Toygres::on(&server.url()), "TG0413"), "ok", "transactions old");
    server.use_up_transactions(1_200).unwrap();
    is(&found(Toygres::on(&server.url()), "TG0413"), "warning", "PostgreSQL stops at 2.1 billion");
    server.use_up_transactions(1_700).unwrap();
    is(&found(Toygres::on(&server.url()), "TG0413"), "failed", "PostgreSQL stops at 2.1 billion");
}
