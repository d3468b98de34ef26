//! `cargo xtask soak`: a control plane under attack.

#![allow(clippy::print_stdout, reason = "a report is for reading")]

use clap::Parser;
use std::process::ExitCode;
use std::time::Duration;
use toygres_tests::soak::SoakPlan;

/// Attack a control plane, and tell what holds.
#[derive(Parser)]
struct Soak {
    /// Minutes that the attack lasts
    #[arg(long, default_value_t = 30)]
    minutes: u32,
    /// Databases that are created and deleted meanwhile
    #[arg(long, default_value_t = 200)]
    creates: u32,
    /// How often the server is killed and started again
    #[arg(long, default_value_t = 20)]
    kills: u32,
    /// The server's limit of memory, in MiB
    #[arg(long, default_value_t = 512)]
    memory: u64,
}

fn main() -> ExitCode {
    let soak = Soak::parse();
    let plan = SoakPlan {
        duration: Duration::from_secs(u64::from(soak.minutes) * 60),
        creates: soak.creates,
        kills: soak.kills,
        memory: soak.memory << 20,
        ..SoakPlan::long()
    };
    match plan.run() {
        Ok(report) => {
            print!("{report}");
            if report.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
