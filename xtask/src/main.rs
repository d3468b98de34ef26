//! The project's own tasks: `cargo xtask quickstart`, `cargo xtask test`, `cargo xtask bench`,
//! `cargo xtask soak`, `cargo xtask dist`.

#![allow(clippy::print_stdout, reason = "a task talks to its developer")]

mod build;
mod dist;
mod quickstart;
mod run;
mod suite;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// The project's own tasks.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Tasks {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build toygres, install its plugins into the home folder, bring up a private PostgreSQL with
    /// workflows at work where none is configured, and show the commands
    Quickstart(quickstart::Quickstart),
    /// Build everything and run every test
    Test(suite::Test),
    /// Measure against what a user would use instead, and print the ratios
    Bench(suite::Bench),
    /// Attack a control plane for half an hour, in a limit of memory, and tell what holds
    Soak(suite::Soak),
    /// Make a tarball and a Debian package
    Dist(dist::Dist),
}

fn main() -> ExitCode {
    let done = match Tasks::parse().task {
        Task::Quickstart(quickstart) => quickstart.run(),
        Task::Test(test) => test.run(),
        Task::Bench(bench) => bench.run(),
        Task::Soak(soak) => soak.run(),
        Task::Dist(dist) => dist.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
