//! `toygres`: runs what was typed.

use std::process::ExitCode;

fn main() -> ExitCode {
    let argv: Vec<_> = std::env::args_os().collect();
    ExitCode::from(toygres_cli::runner::run(&argv))
}
