//! How fast toygres is beside what one would use instead, as ratios of one run: both take turns, so
//! that a machine that gets slower slows both.

#![allow(clippy::print_stdout, reason = "a measurement is for reading")]

#[path = "../bench/mod.rs"]
mod bench;

use std::process::ExitCode;

fn main() -> ExitCode {
    match bench::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
