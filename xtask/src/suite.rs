//! `cargo xtask test` and `cargo xtask bench`.

use crate::build::{Built, root, target};
use crate::run::{Result, cargo, run};
use clap::Args;

/// Build everything and run every test.
#[derive(Args)]
pub(crate) struct Test {
    /// Only tests whose name contains this
    filter: Option<String>,
}

impl Test {
    pub(crate) fn run(&self) -> Result {
        let built = Built::build(false, &["toygres-tests", "toygres-bad-plugin"])?;
        let plugins = target().join("test-plugins");
        built.install_plugins(&plugins)?;
        let mut command = cargo();
        command
            .current_dir(root())
            .args(["test", "--workspace", "--all-features", "--locked", "--no-fail-fast"])
            .args(&self.filter)
            .env("TOYGRES_BIN", built.binary("toygres"))
            .env("TOYGRES_PLUGIN_DIR", plugins)
            .env("TOYGRES_WORKLOAD_BIN", built.binary("toygres-workload"))
            .env("TOYGRES_BAD_PLUGIN", built.binary("libtoygres_bad_plugin.so"));
        run(&mut command)
    }
}

/// Measure against what a user would use instead, and print the ratios.
#[derive(Args)]
pub(crate) struct Bench {
    /// Only these measurements: help, query, csv, list
    only: Vec<String>,
    /// Rows of the large tables
    #[arg(long, default_value_t = 1_000_000)]
    rows: u64,
    /// Counted runs of each command
    #[arg(long, default_value_t = 7)]
    runs: u32,
}

impl Bench {
    pub(crate) fn run(&self) -> Result {
        let built = Built::build(true, &["toygres-tests"])?;
        let plugins = target().join("bench-plugins");
        built.install_plugins(&plugins)?;
        let mut command = std::process::Command::new(built.binary("toygres-bench"));
        command
            .args(&self.only)
            .args(["--rows", &self.rows.to_string(), "--runs", &self.runs.to_string()])
            .env("TOYGRES_BIN", built.binary("toygres"))
            .env("TOYGRES_PLUGIN_DIR", plugins);
        run(&mut command)
    }
}
