//! `cargo xtask test` and `cargo xtask bench`.

use crate::build::{Built, root, target};
use crate::run::{Result, cargo, run};
use clap::Args;
use std::process::Command;

/// Build everything and run every test.
#[derive(Args)]
pub(crate) struct Test {
    /// Only tests whose name contains this
    filter: Option<String>,
}

/// The suites that have to hold on the stand-in for Kubernetes as on a real API server; the others
/// either ask for one of them or for neither.
const ON_BOTH: &[&str] = &["control_plane", "server"];

impl Test {
    pub(crate) fn run(&self) -> Result {
        let built = Built::build(false, &["toygres-tests", "toygres-bad-plugin"])?;
        run(cargo().current_dir(root()).args([
            "build",
            "--locked",
            "-p",
            "toygres-local",
            "--examples",
        ]))?;
        let plugins = target().join("test-plugins");
        built.install_plugins(&plugins)?;
        let with_what_was_built = |command: &mut Command| {
            command
                .current_dir(root())
                .env("TOYGRES_BIN", built.binary("toygres"))
                .env("TOYGRES_PLUGIN_DIR", &plugins)
                .env("TOYGRES_WORKLOAD_BIN", built.binary("toygres-workload"))
                .env("TOYGRES_BAD_PLUGIN", built.binary("libtoygres_bad_plugin.so"))
                .env("TOYGRES_KUBE_SERVER", built.binary("examples/kube-server"));
        };
        let mut all = cargo();
        all.args(["test", "--workspace", "--all-features", "--locked", "--no-fail-fast"]);
        all.args(&self.filter);
        with_what_was_built(&mut all);
        let mut on_stand_in = cargo();
        // The whole workspace, so that nothing is built with other features than before.
        on_stand_in.args(["test", "--workspace", "--all-features", "--locked", "--no-fail-fast"]);
        for suite in ON_BOTH {
            on_stand_in.args(["--test", suite]);
        }
        on_stand_in.args(&self.filter).env("TOYGRES_TEST_CLUSTER", "stand-in");
        with_what_was_built(&mut on_stand_in);
        // Both, whatever the first one finds.
        run(&mut all).and(run(&mut on_stand_in))
    }
}

/// Measure against what a user would use instead, and print the ratios.
#[derive(Args)]
pub(crate) struct Bench {
    /// Only these measurements: help, query, csv, list, create, drift, stats, health
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

impl Bench {
    pub(crate) fn run(&self) -> Result {
        let built = Built::build(true, &["toygres-tests"])?;
        let plugins = target().join("bench-plugins");
        built.install_plugins(&plugins)?;
        let mut command = Command::new(built.binary("toygres-bench"));
        command
            .args(&self.only)
            .args(["--rows", &self.rows.to_string(), "--runs", &self.runs.to_string()])
            .args(["--creates", &self.creates.to_string()])
            .args(["--instances", &self.instances.to_string()])
            .env("TOYGRES_BIN", built.binary("toygres"))
            .env("TOYGRES_PLUGIN_DIR", plugins);
        run(&mut command)
    }
}
