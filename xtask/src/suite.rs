//! `cargo xtask test`, `cargo xtask bench` and `cargo xtask soak`.

mod twin;

use crate::build::{Built, root, target};
use crate::run::{Result, cargo, run};
use clap::Args;
use std::process::Command;
use twin::Twin;

/// Build everything and run every test.
#[derive(Args)]
pub(crate) struct Test {
    /// Only tests whose name contains this
    filter: Option<String>,
    /// Run every suite about commands on the binary that has the plugins linked in, and nothing
    /// else
    #[arg(long)]
    bundled: bool,
    /// The same suites, with every command that only reads asked of both builds: the one with the
    /// plugins linked in has to answer the same, byte by byte
    #[arg(long, conflicts_with = "bundled")]
    twin: bool,
}

/// The suites that have to hold on the stand-in for Kubernetes as on a real API server; the others
/// either ask for one of them or for neither.
const ON_BOTH: &[&str] = &["control_plane", "server", "healthy"];

/// The suites that an ordinary run repeats on the binary with the plugins linked in.
const ON_BUNDLED: &[&str] =
    &["config_env", "db_query", "db_status", "instances", "orchestrations", "terminal"];

/// What `--bundled` runs besides: all that is about commands, not about files of plugins.
const MORE_ON_BUNDLED: &[&str] =
    &["control_plane", "drift", "health", "kube_contract", "local", "remote", "report", "server"];

impl Test {
    pub(crate) fn run(&self) -> Result {
        let more =
            ["toygres-tests", "toygres-bad-plugin", "toygres-guide-plugin", "toygres-bundle"];
        let built = Built::build(false, &more)?;
        run(cargo().current_dir(root()).args([
            "build",
            "--locked",
            "-p",
            "toygres-local",
            "-p",
            "toygres-bundle",
            "--examples",
        ]))?;
        let plugins = target().join("test-plugins");
        built.install_plugins(&plugins)?;
        let tasks = std::env::current_exe()?;
        let with_what_was_built = |command: &mut Command| {
            command
                .current_dir(root())
                .env("TOYGRES_BIN", built.binary("toygres"))
                .env("TOYGRES_PLUGIN_DIR", &plugins)
                .env("TOYGRES_WORKLOAD_BIN", built.binary("toygres-workload"))
                .env("TOYGRES_BAD_PLUGIN", built.binary("libtoygres_bad_plugin.so"))
                .env("TOYGRES_GUIDE_PLUGIN", built.binary("libtoygres_guide_plugin.so"))
                .env("TOYGRES_KUBE_SERVER", built.binary("examples/kube-server"))
                .env("TOYGRES_XTASK", &tasks)
                .env("TOYGRES_BUNDLED_BIN", built.binary("toygres-bundled"))
                .env("TOYGRES_MISBEHAVING_BIN", built.binary("examples/misbehaving"));
        };
        let mut on_bundled = some_suites(ON_BUNDLED);
        if self.bundled || self.twin {
            on_bundled.args(named(MORE_ON_BUNDLED));
        }
        on_bundled.args(&self.filter);
        with_what_was_built(&mut on_bundled);
        if self.twin {
            let twin = Twin::new(&built, &plugins)?;
            let suites = run(on_bundled.env("TOYGRES_BIN", &twin.program));
            return twin.told().and(suites);
        }
        let no_plugins = target().join("no-plugins");
        std::fs::create_dir_all(&no_plugins)?;
        on_bundled
            .env("TOYGRES_BIN", built.binary("toygres-bundled"))
            .env("TOYGRES_PLUGIN_DIR", no_plugins);
        if self.bundled {
            return run(&mut on_bundled);
        }
        let mut all = cargo();
        all.args(["test", "--workspace", "--all-features", "--locked", "--no-fail-fast"]);
        all.args(&self.filter);
        with_what_was_built(&mut all);
        let mut on_stand_in = some_suites(ON_BOTH);
        on_stand_in.args(&self.filter).env("TOYGRES_TEST_CLUSTER", "stand-in");
        with_what_was_built(&mut on_stand_in);
        // All of them, whatever the first one finds.
        run(&mut all).and(run(&mut on_stand_in)).and(run(&mut on_bundled))
    }
}

/// The tests of these suites alone.
fn some_suites(suites: &[&str]) -> Command {
    let mut command = cargo();
    // The whole workspace, so that nothing is built with other features than before.
    command.args(["test", "--workspace", "--all-features", "--locked", "--no-fail-fast"]);
    command.args(named(suites));
    command
}

/// `--test NAME` for each.
fn named<'a>(suites: &[&'a str]) -> impl Iterator<Item = &'a str> {
    suites.iter().flat_map(|suite| ["--test", suite])
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

/// Attack a control plane, and tell what holds.
#[derive(Args)]
pub(crate) struct Soak {
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
    /// Build without optimisation
    #[arg(long)]
    debug: bool,
}

impl Soak {
    pub(crate) fn run(&self) -> Result {
        let built = Built::build(!self.debug, &["toygres-tests"])?;
        let plugins = target().join("soak-plugins");
        built.install_plugins(&plugins)?;
        let mut command = Command::new(built.binary("toygres-soak"));
        command
            .args(["--minutes", &self.minutes.to_string()])
            .args(["--creates", &self.creates.to_string()])
            .args(["--kills", &self.kills.to_string()])
            .args(["--memory", &self.memory.to_string()])
            .env("TOYGRES_BIN", built.binary("toygres"))
            .env("TOYGRES_PLUGIN_DIR", plugins);
        run(&mut command)
    }
}
