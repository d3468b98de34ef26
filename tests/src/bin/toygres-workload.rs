//! Workflows at work in any database, for the quickstart and for looking around.
//!
//! The first line of its output is `{"url": "…"}`; the second, when every scenario is there, names
//! how many there are.

#![allow(clippy::print_stdout, reason = "its output is read by whoever starts it")]

use clap::Parser;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use toygres_tests::postgres::{Binaries, PrivatePostgres};
use toygres_tests::secrets::Secrets;
use toygres_tests::workload::{Scenario, Workload, worker};
use toygres_tests::{Result, cms};

/// Run real workflows in a database.
#[derive(Parser)]
struct Arguments {
    /// The database; without it and --cluster, a private server that ends with this process
    #[arg(long)]
    url: Option<String>,
    /// A private server in this folder: made if it is not there, and left running
    #[arg(long, conflicts_with = "url")]
    cluster: Option<PathBuf>,
    /// Only this scenario (may be repeated)
    #[arg(long)]
    scenario: Vec<Scenario>,
    /// Go on for so long once all scenarios are there
    #[arg(long, default_value_t = 3600)]
    seconds: u64,
    /// Only serve this tag, until killed
    #[arg(long, requires = "url", hide = true)]
    worker: Option<String>,
    /// How long a worker's leases last, in seconds
    #[arg(long, default_value_t = 30, hide = true)]
    lease: u64,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result {
    if let (Some(url), Some(tag)) = (&arguments.url, &arguments.worker) {
        return worker::serve(url, tag, Duration::from_secs(arguments.lease));
    }
    // Kept to the end: the server of a folder goes on, any other ends with it.
    let server = match (&arguments.url, &arguments.cluster) {
        (Some(_), _) => None,
        (None, Some(folder)) => Some(PrivatePostgres::at(folder)?),
        (None, None) => Some(PrivatePostgres::new()?),
    };
    let given = arguments.url.clone().unwrap_or_default();
    let url = server.as_ref().map_or(given, PrivatePostgres::url);
    println!("{}", serde_json::json!({"url": url}));
    let secrets = Secrets::canaries();
    let there =
        Binaries::find()?.psql(&url, "SELECT to_regclass('toygres_cms.instances') IS NULL")?;
    if there == "t" {
        cms::create(&url, &secrets)?;
    }
    let scenarios = if arguments.scenario.is_empty() { Scenario::ALL } else { &arguments.scenario };
    let workload = Workload::start_only(&url, &secrets, scenarios)?;
    println!("{}", serde_json::json!({"scenarios": scenarios.len()}));
    std::thread::sleep(Duration::from_secs(arguments.seconds));
    workload.stop();
    Ok(())
}
