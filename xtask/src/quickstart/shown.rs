//! Commands as they are typed, with what they answer.

use crate::run::{Result, status};
use std::path::Path;
use std::process::{Command, Stdio};

/// What would go before the context that `local up` writes.
const OVERRIDES: &[&str] = &[
    "AKS_NAMESPACE",
    "DATABASE_URL",
    "KUBECONFIG",
    "TOYGRES_API_TOKEN",
    "TOYGRES_API_URL",
    "TOYGRES_CONTEXT",
    "TOYGRES_KUBE_CONTEXT",
    "TOYGRES_PLUGIN_PATH",
];

/// Where commands run.
pub(super) struct Shown<'a> {
    toygres: &'a Path,
    alone: bool,
    url: Option<&'a str>,
}

impl<'a> Shown<'a> {
    /// On what the environment names.
    pub(super) fn configured(toygres: &'a Path) -> Self {
        Self { toygres, alone: false, url: None }
    }

    /// On what the home folder's own context names.
    pub(super) fn local(toygres: &'a Path) -> Self {
        Self { toygres, alone: true, url: None }
    }

    /// On this database.
    pub(super) fn database(toygres: &'a Path, url: &'a str) -> Self {
        Self { toygres, alone: true, url: Some(url) }
    }

    pub(super) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.toygres);
        if self.alone {
            OVERRIDES.iter().for_each(|name| {
                command.env_remove(name);
            });
        }
        if let Some(url) = self.url {
            command.env("DATABASE_URL", url);
        }
        command.args(args);
        command
    }

    /// Shows a command. 1 is a negative answer, such as a failed workflow: an answer all the same.
    pub(super) fn show(&self, args: &[&str]) -> Result {
        println!("\n$ toygres {}\n", args.join(" "));
        let status = status(&mut self.command(args))?;
        match status.code() {
            Some(0 | 1) => Ok(()),
            _ => Err(format!("`toygres {}` ended with {status}", args.join(" ")).into()),
        }
    }

    /// What a command answers.
    pub(super) fn answer(&self, args: &[&str]) -> Result<String> {
        let output = self.command(args).stderr(Stdio::inherit()).output()?;
        if !output.status.success() {
            let said = args.join(" ");
            return Err(format!("`toygres {said}` ended with {}", output.status).into());
        }
        Ok(String::from_utf8(output.stdout)?)
    }
}

/// The commands that only read.
pub(super) fn diagnostics(shown: &Shown<'_>) -> Result {
    for args in [
        &["server", "--help"][..],
        &["server", "db-status"],
        &["server", "orchestrations"],
        &["server", "orchestrations", "--status", "failed"],
        &["server", "orchestrations", "--stuck"],
        &["server", "db-query", "SELECT user_name, state FROM toygres_cms.instances"],
        &["server", "config"],
    ] {
        shown.show(args)?;
    }
    let args = ["server", "orchestrations", "--status", "failed", "-o", "csv", "--columns", "id"];
    let failed = shown.answer(&args)?;
    let failed = failed.lines().skip(1).filter(|id| !id.contains("::sub::"));
    match failed.last() {
        Some(id) => shown.show(&["server", "orchestration", id, "--history", "--tree"]),
        None => Ok(()),
    }
}
