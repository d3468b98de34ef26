//! Workflows of every kind in a private PostgreSQL, looked into and ended again.

use super::shown::{Shown, diagnostics};
use crate::build::Built;
use crate::run::Result;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

/// Runs the workflows for a while and shows the diagnostics on them.
pub(super) fn show(built: &Built, toygres: &Path, seconds: u32) -> Result {
    let mut workload = Workload::start(built)?;
    let url = workload.url()?;
    // Some answers are about how long something lasts.
    std::thread::sleep(Duration::from_secs(seconds.into()));
    diagnostics(&Shown::database(toygres, &url))
}

/// Workflows at work in a private PostgreSQL, which ends when this is dropped.
struct Workload {
    driver: Child,
    said: BufReader<ChildStdout>,
}

impl Workload {
    fn start(built: &Built) -> Result<Self> {
        let mut driver = Command::new(built.binary("toygres-workload"));
        let mut driver = driver.stdout(Stdio::piped()).spawn()?;
        let said = BufReader::new(driver.stdout.take().ok_or("the workload has no output")?);
        Ok(Self { driver, said })
    }

    /// The database, once every workflow is there: the driver says the one in its first line, the
    /// other in its second.
    fn url(&mut self) -> Result<String> {
        let first: serde_json::Value = serde_json::from_str(&self.line()?)?;
        self.line()?;
        Ok(first["url"].as_str().ok_or("the workload has no URL")?.to_owned())
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        match self.said.read_line(&mut line)? {
            0 => Err("the workload ended early".into()),
            _ => Ok(line),
        }
    }
}

impl Drop for Workload {
    fn drop(&mut self) {
        let _ended = self.driver.kill();
        let _reaped = self.driver.wait();
    }
}
