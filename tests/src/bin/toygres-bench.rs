//! How fast toygres is beside what one would use instead, as ratios of one run: both commands take
//! turns, so that a machine that gets slower slows both.

#![allow(clippy::print_stdout, reason = "a measurement is for reading")]

#[path = "../bench/measure.rs"]
mod measure;
#[path = "../bench/plugins.rs"]
mod plugins;

use clap::Parser;
use measure::{Measured, compare};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use toygres_tests::Result;
use toygres_tests::drift_scale;
use toygres_tests::kube::ApiServer;
use toygres_tests::postgres::PrivatePostgres;

/// Measure toygres beside psql and kubectl.
#[derive(Parser)]
struct Bench {
    /// Only these: help, query, csv, list, drift
    only: Vec<String>,
    /// Rows of the large tables
    #[arg(long, default_value_t = 1_000_000)]
    rows: u64,
    /// Instances that drift is looked for in
    #[arg(long, default_value_t = 10_000)]
    instances: u32,
    /// Counted runs of each command
    #[arg(long, default_value_t = 7)]
    runs: u32,
}

fn main() -> ExitCode {
    match Bench::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The binary and its plugins, as the task that starts this names them.
struct Subject {
    binary: PathBuf,
    plugins: PathBuf,
}

impl Subject {
    fn command(&self, plugins: &Path, url: &str) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .env("TOYGRES_PLUGIN_PATH", plugins)
            .env("TOYGRES_HOME", "/nonexistent")
            .env("DATABASE_URL", url);
        command
    }
}

impl Bench {
    fn run(&self) -> Result {
        let variable = |name: &str| {
            std::env::var_os(name)
                .map(PathBuf::from)
                .ok_or(format!("{name} is not set; use `cargo xtask bench`"))
        };
        let subject =
            Subject { binary: variable("TOYGRES_BIN")?, plugins: variable("TOYGRES_PLUGIN_DIR")? };
        println!("median of {} runs each, in turns; a ratio is toygres / other\n", self.runs);
        if self.wants("help") {
            self.help(&subject)?;
        }
        if ["query", "csv", "list"].iter().any(|name| self.wants(name)) {
            let server = PrivatePostgres::new()?;
            if self.wants("query") {
                self.query(&subject, &server)?;
            }
            if self.wants("csv") {
                self.csv(&subject, &server)?;
            }
            if self.wants("list") {
                self.list(&subject, &server)?;
            }
        }
        if self.wants("drift") {
            self.drift(&subject)?;
        }
        Ok(())
    }

    fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|wanted| wanted == name)
    }

    fn help(&self, subject: &Subject) -> Result {
        let folder = tempfile::tempdir()?;
        let (few, many) = (folder.path().join("7"), folder.path().join("100"));
        plugins::copies(&subject.plugins, 7, &few)?;
        plugins::copies(&subject.plugins, 100, &many)?;
        let help = |plugins: &Path| {
            let mut command = subject.command(plugins, "");
            command.arg("--help");
            command
        };
        if !measure::exists("kubectl") {
            println!("help: kubectl is not installed, nothing to compare with\n");
            return Ok(());
        }
        let mut kubectl = Command::new("kubectl");
        kubectl.args(["version", "--client"]);
        let (a, b) = compare(&mut help(&few), &mut kubectl, self.runs)?;
        report("toygres --help, 7 plugins", &a, "kubectl version --client", &b, "aim 0.15");
        let (a, b) = compare(&mut help(&many), &mut help(&few), self.runs)?;
        println!(
            "toygres --help, 100 plugins: {:.1} ms, 7 plugins: {:.1} ms: {:+.1} ms  (aim: at most +3 ms)\n",
            a.wall_ms,
            b.wall_ms,
            a.wall_ms - b.wall_ms
        );
        Ok(())
    }

    fn query(&self, subject: &Subject, server: &PrivatePostgres) -> Result {
        let mut ours = subject.command(&subject.plugins, &server.url());
        ours.args(["server", "db-query", "select 1"]);
        let mut psql = psql(server);
        psql.args(["-c", "select 1"]);
        let (a, b) = compare(&mut ours, &mut psql, self.runs)?;
        report("db-query 'select 1'", &a, "psql -c", &b, "aim 1.0");
        Ok(())
    }

    fn csv(&self, subject: &Subject, server: &PrivatePostgres) -> Result {
        server.psql(&format!(
            "CREATE TABLE large AS SELECT g AS id, 'create-db' || g AS name, now() + g * interval '1 second' AS at, \
             md5(g::text) AS hash, g % 7 = 0 AS flag, g / 7.0 AS number FROM generate_series(1, {}) g",
            self.rows
        ))?;
        let sql = "SELECT * FROM large";
        let mut ours = subject.command(&subject.plugins, &server.url());
        ours.args(["server", "db-query", sql, "-o", "csv", "--limit", "0", "--timeout", "5m"]);
        let mut psql = psql(server);
        psql.args(["--csv", "-c", sql]);
        let (a, b) = compare(&mut ours, &mut psql, self.runs)?;
        let what = format!("{} rows as csv", self.rows);
        report(&what, &a, "psql --csv", &b, "aim 1.0 within 64 MiB");
        Ok(())
    }

    fn list(&self, subject: &Subject, server: &PrivatePostgres) -> Result {
        toygres_tests::generations::many_orchestrations(&server.url(), self.rows)?;
        let mut ours = subject.command(&subject.plugins, &server.url());
        ours.args(["server", "orchestrations"]);
        let statement = logged_statement(server, &mut ours)?;
        let mut psql = psql(server);
        psql.args(["-c", &statement]);
        let (a, b) = compare(&mut ours, &mut psql, self.runs)?;
        let what = format!("orchestrations, {} rows", self.rows);
        report(&what, &a, "the same statement in psql", &b, "aim 1.1");
        Ok(())
    }
}

/// What one asks the CMS beside `kubectl get`.
const RECORDS: &str = "SELECT * FROM toygres_cms.instances WHERE state <> 'deleted'";

impl Bench {
    fn drift(&self, subject: &Subject) -> Result {
        let Some(api) = ApiServer::start()?.filter(|_| measure::exists("kubectl")) else {
            println!("drift: needs kubectl and KUBEBUILDER_ASSETS, passed over\n");
            return Ok(());
        };
        let server = PrivatePostgres::new()?;
        let namespace = api.namespace("drift")?;
        drift_scale::populate(&api, &server.url(), &namespace, self.instances)?;
        let mut ours = subject.command(&subject.plugins, &server.url());
        ours.env("KUBECONFIG", api.kubeconfig()).env("AKS_NAMESPACE", &namespace);
        ours.args(["server", "drift"]);
        let mut both = Command::new("sh");
        both.args(["-c", "kubectl get -n \"$1\" statefulsets,services,pvc,pods -o json && \"$2\" -X -d \"$3\" -c \"$4\"", "sh"]);
        both.arg(&namespace).arg(server.binaries().path("psql")).arg(server.url()).arg(RECORDS);
        both.env("KUBECONFIG", api.kubeconfig());
        let (a, b) = compare(&mut ours, &mut both, self.runs)?;
        let what = format!("drift, {} instances", self.instances);
        report(&what, &a, "kubectl get -o json and psql", &b, "aim 0.15 within 128 MiB");
        Ok(())
    }
}

/// The statement of the list, as the server's log has it.
fn logged_statement(server: &PrivatePostgres, ours: &mut Command) -> Result<String> {
    server.psql("ALTER SYSTEM SET log_statement = 'all'")?;
    server.psql("SELECT pg_reload_conf()")?;
    measure::run(ours)?;
    server.psql("ALTER SYSTEM RESET log_statement")?;
    server.psql("SELECT pg_reload_conf()")?;
    let log = server.log()?;
    let start = log.rfind("WITH page AS").ok_or("the statement is not in the server's log")?;
    let mut lines = log[start..].lines();
    let first = lines.next().unwrap_or_default();
    // Further lines of a statement are indented.
    let rest = lines.take_while(|line| line.starts_with('\t'));
    Ok(std::iter::once(first).chain(rest).collect::<Vec<_>>().join("\n"))
}

fn psql(server: &PrivatePostgres) -> Command {
    let mut command = Command::new(server.binaries().path("psql"));
    command.args(["-X", "-d", &server.url()]);
    command
}

fn report(ours: &str, a: &Measured, other: &str, b: &Measured, aim: &str) {
    println!(
        "{ours}: {:.1} ms, {:.0} MiB\n{other}: {:.1} ms, {:.0} MiB\nratio {:.2}  ({aim})\n",
        a.wall_ms,
        a.peak_mib,
        b.wall_ms,
        b.peak_mib,
        a.wall_ms / b.wall_ms
    );
}
