//! `cargo xtask quickstart`: from a fresh clone to the commands at work.

use crate::build::Built;
use crate::run::{Result, status};
use clap::Args;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Build toygres, install its plugins, bring up a database with workflows, show the commands.
#[derive(Args)]
pub(crate) struct Quickstart {
    /// How long the workflows run before the commands are shown, in seconds
    #[arg(long, default_value_t = 20)]
    seconds: u32,
    /// Build with optimisation
    #[arg(long)]
    release: bool,
}

/// The commands that are shown.
const SHOWN: &[&[&str]] = &[
    &["plugin", "list"],
    &["server", "--help"],
    &["server", "db-status"],
    &["server", "orchestrations"],
    &["server", "orchestrations", "--status", "failed"],
    &["server", "orchestrations", "--stuck"],
    &["server", "db-query", "SELECT user_name, state FROM toygres_cms.instances"],
    &["server", "config"],
];

impl Quickstart {
    pub(crate) fn run(&self) -> Result {
        let built = Built::build(self.release, &["toygres-tests"])?;
        let home = home()?;
        built.install_plugins(&home.join("plugins"))?;
        println!("\nInstalled the plugins into {}", home.join("plugins").display());

        let workload = match std::env::var_os("DATABASE_URL") {
            Some(_) => {
                println!("DATABASE_URL is set: the commands only read that database.");
                None
            }
            None => Some(Workload::start(&built, &home, self.seconds)?),
        };
        let toygres = built.binary("toygres");
        for args in SHOWN {
            show(&toygres, args, workload.as_ref())?;
        }
        if let Some(failed) = failed_orchestration(&toygres, workload.as_ref())? {
            let args = ["server", "orchestration", &failed, "--history", "--tree"];
            show(&toygres, &args, workload.as_ref())?;
        }
        println!("\nThe binary is {}", toygres.display());
        if let Some(workload) = workload {
            println!("The private PostgreSQL goes on running:\n");
            println!("  export DATABASE_URL='{}'", workload.url);
            println!("\nEnd it with: pg_ctl stop -D {}", workload.cluster.join("data").display());
        }
        Ok(())
    }
}

/// A private PostgreSQL with workflows at work in it.
struct Workload {
    url: String,
    cluster: PathBuf,
    driver: Child,
}

impl Workload {
    fn start(built: &Built, home: &Path, seconds: u32) -> Result<Self> {
        let cluster = home.join("local").join("postgres");
        fs::create_dir_all(&cluster)?;
        println!("\nBringing up a private PostgreSQL in {}", cluster.display());
        let mut driver = Command::new(built.binary("toygres-workload"))
            .arg("--cluster")
            .arg(&cluster)
            .args(["--seconds", &seconds.to_string()])
            .stdout(Stdio::piped())
            .spawn()?;
        let url = first_url(&mut driver)?;
        Ok(Self { url, cluster, driver })
    }
}

impl Drop for Workload {
    fn drop(&mut self) {
        // Only the workflows' runtime ends; the server goes on.
        let _ended = self.driver.kill();
        let _reaped = self.driver.wait();
    }
}

/// The driver says the URL in its first line, and that the workflows are there in its second.
fn first_url(driver: &mut Child) -> Result<String> {
    use std::io::{BufRead, BufReader};
    let stdout = driver.stdout.take().ok_or("the workload has no output")?;
    let mut lines = BufReader::new(stdout).lines();
    let mut next = || -> Result<String> { Ok(lines.next().ok_or("the workload ended early")??) };
    let first = next()?;
    let url = first.split('"').nth(3).ok_or_else(|| format!("no URL in `{first}`"))?.to_owned();
    println!("Running workflows in it ...");
    next()?;
    Ok(url)
}

fn show(toygres: &Path, args: &[&str], workload: Option<&Workload>) -> Result {
    println!("\n$ toygres {}\n", args.join(" "));
    let status = status(prepare(toygres, workload).args(args))?;
    // 1 is a negative answer, such as a failed workflow: an answer all the same.
    match status.code() {
        Some(0 | 1) => Ok(()),
        _ => Err(format!("`toygres {}` ended with {status}", args.join(" ")).into()),
    }
}

fn prepare(toygres: &Path, workload: Option<&Workload>) -> Command {
    let mut command = Command::new(toygres);
    if let Some(workload) = workload {
        command.env("DATABASE_URL", &workload.url);
    }
    command
}

/// One that failed, to look into.
fn failed_orchestration(toygres: &Path, workload: Option<&Workload>) -> Result<Option<String>> {
    let args = ["server", "orchestrations", "--status", "failed", "-o", "csv", "--columns", "id"];
    let output = prepare(toygres, workload).args(args).stderr(Stdio::inherit()).output()?;
    let text = String::from_utf8(output.stdout)?;
    let ids = text.lines().skip(1).filter(|id| !id.contains("::sub::"));
    Ok(ids.last().map(str::to_owned))
}

fn home() -> Result<PathBuf> {
    if let Some(home) = std::env::var_os("TOYGRES_HOME") {
        return Ok(home.into());
    }
    let home = std::env::var_os("HOME").ok_or("HOME is not set")?;
    Ok(Path::new(&home).join(".toygres"))
}
