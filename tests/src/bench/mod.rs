//! The measurements, one in each file, and what they share.

mod aim;
mod complete;
mod create;
mod csv;
mod drift;
mod health;
mod help;
mod laptop;
mod list;
mod measure;
mod plain;
mod plugins;
mod query;
mod stats;

use aim::{Aim, Aims};
use clap::Parser;
use measure::Measured;
use std::path::{Path, PathBuf};
use std::process::Command;
use toygres_tests::Result;
use toygres_tests::postgres::Binaries;

/// Measure toygres beside what one would use instead.
#[derive(Parser)]
struct Options {
    /// Only these: help, complete, query, csv, list, create, drift, stats, health
    only: Vec<String>,
    /// Rows of the large tables; orchestrations of `stats`, each with fifteen events
    #[arg(long, default_value_t = 1_000_000)]
    rows: u64,
    /// Counted runs of each command; of those that take long, fewer
    #[arg(long, default_value_t = 7)]
    runs: u32,
    /// Databases that `create` makes in each run
    #[arg(long, default_value_t = 200)]
    creates: u32,
    /// Instances that `drift` compares
    #[arg(long, default_value_t = 10_000)]
    instances: u32,
}

/// Measures and prints.
type Measurement = fn(&Bench) -> Result;

/// Every measurement by its name, in the order in which they run.
const ALL: &[(&str, Measurement)] = &[
    ("help", help::measure),
    ("complete", complete::measure),
    ("query", query::measure),
    ("csv", csv::measure),
    ("list", list::measure),
    ("create", create::measure),
    ("drift", drift::measure),
    ("stats", stats::measure),
    ("health", health::measure),
];

/// What is measured, and how much of it.
struct Bench {
    binary: PathBuf,
    plugins: PathBuf,
    options: Options,
    aims: Aims,
}

/// Measures what the command line asks for.
///
/// # Errors
/// When a measurement is unknown or a part of one does not work: a figure of something broken is
/// none. After all of them, when a figure missed its aim.
pub(crate) fn run() -> Result {
    let options = Options::parse();
    for name in &options.only {
        if !ALL.iter().any(|(known, _)| known == name) {
            let known: Vec<&str> = ALL.iter().map(|(name, _)| *name).collect();
            return Err(format!("no measurement `{name}`; there are {}", known.join(", ")).into());
        }
    }
    let bench = Bench {
        binary: variable("TOYGRES_BIN")?,
        plugins: variable("TOYGRES_PLUGIN_DIR")?,
        options,
        aims: Aims::default(),
    };
    println!("medians, in turns; a ratio is toygres / other; {}\n", load());
    for (name, measure) in ALL {
        if bench.options.only.is_empty() || bench.options.only.iter().any(|only| only == name) {
            measure(&bench).map_err(|error| format!("{name}: {error}"))?;
        }
    }
    println!("{}", load());
    match bench.aims.missed() {
        Some(missed) => {
            Err(format!("aims were missed, of what machine the load says:\n{missed}").into())
        }
        None => Ok(()),
    }
}

impl Bench {
    /// `toygres` with these plugins on this database, and no home folder.
    fn command(&self, plugins: &Path, url: &str) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .env("TOYGRES_PLUGIN_PATH", plugins)
            .env("TOYGRES_HOME", "/nonexistent")
            .env("DATABASE_URL", url);
        command
    }

    /// The same with the first-party plugins.
    fn toygres(&self, url: &str) -> Command {
        self.command(&self.plugins, url)
    }

    /// Runs of what takes long.
    fn few(&self) -> u32 {
        self.options.runs.clamp(1, 3)
    }
}

fn variable(name: &str) -> Result<PathBuf> {
    let value = std::env::var_os(name).map(PathBuf::from);
    Ok(value.ok_or(format!("{name} is not set; use `cargo xtask bench`"))?)
}

/// What else the machine does: processes that want to run, of the last minute.
fn load() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = text.split(' ').next().filter(|load| !load.is_empty()).unwrap_or("unknown");
    format!("load {load} on {cores} cores")
}

/// `psql` on a database.
fn psql(url: &str) -> Result<Command> {
    let mut command = Command::new(Binaries::find()?.path("psql"));
    command.args(["-X", "-d", url]);
    Ok(command)
}

/// Prints what two commands took, how they compare, and whether that is what it should be.
fn report(bench: &Bench, ours: &str, a: &Measured, other: &str, b: &Measured, aim: Aim) {
    let ratio = a.wall_ms / b.wall_ms;
    let mut held = bench.aims.hold(format_args!("{ours}, ratio"), ratio, aim.ratio, "");
    if let Some(most) = aim.peak_mib {
        held += "; ";
        held += &bench.aims.hold(format_args!("{ours}, memory"), a.peak_mib, most, "MiB");
    }
    println!(
        "{ours}: {:.1} ms, {:.0} MiB\n{other}: {:.1} ms, {:.0} MiB\nratio {ratio:.2}  ({held})\n",
        a.wall_ms, a.peak_mib, b.wall_ms, b.peak_mib,
    );
}
