//! One process of the control plane.

use super::{Api, Deployment};
use crate::{Result, toygres, wait};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::process::{Child, Command, ExitStatus, Stdio};
use tempfile::TempDir;

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Requests and work.
    #[default]
    Standalone,
    /// Requests alone.
    Api,
    /// Work alone.
    Worker,
}

impl Mode {
    fn name(self) -> &'static str {
        match self {
            Self::Standalone => "standalone",
            Self::Api => "api",
            Self::Worker => "worker",
        }
    }
}

/// How a process is started.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// What it does.
    pub mode: Mode,
    /// The faults of its activities, as `TOYGRES_FAULT` has them.
    pub fault: Option<String>,
    /// Other variables of its environment.
    pub env: Vec<(String, String)>,
}

impl Options {
    /// With a fault.
    pub fn fault(fault: &str) -> Self {
        Self { fault: Some(fault.to_owned()), ..Self::default() }
    }

    /// In a mode.
    pub fn mode(mode: Mode) -> Self {
        Self { mode, ..Self::default() }
    }

    /// With a fault, too.
    #[must_use]
    pub fn with_fault(mut self, fault: &str) -> Self {
        self.fault = Some(fault.to_owned());
        self
    }

    /// With a variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// A running process; killed when it is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    home: TempDir,
    mode: Mode,
}

impl Server {
    pub(super) fn start(deployment: &Deployment, options: Options) -> Result<Self> {
        let mut server = Self::spawn(deployment, options)?;
        server.becomes_ready()?;
        Ok(server)
    }

    /// Starts a process without waiting for it.
    ///
    /// # Errors
    /// When the binary is not built.
    pub fn spawn(deployment: &Deployment, options: Options) -> Result<Self> {
        let home = tempfile::tempdir()?;
        let output = File::create(home.path().join("output"))?;
        let mut command = Command::new(toygres::binary());
        command
            .args(["server", "start", "--foreground", "--mode", options.mode.name()])
            .env_clear()
            .env("HOME", home.path())
            .env("TOYGRES_HOME", home.path().join("toygres"))
            .env("TOYGRES_PLUGIN_PATH", toygres::plugins())
            .env("PATH", "/usr/bin:/bin")
            .env("LANG", "C.UTF-8")
            .env("TZ", "UTC")
            .env("DATABASE_URL", &deployment.database.url)
            .env("KUBECONFIG", deployment.world.api.kubeconfig())
            .env("AKS_NAMESPACE", &deployment.namespace)
            // Short, because somebody waits for each: leases, attempts, checks.
            .env("TOYGRES_LEASE_MS", "2000")
            .env("TOYGRES_READY_INTERVAL_MS", "100")
            .env("TOYGRES_MONITOR_INTERVAL_MS", "1000")
            .env("TOYGRES_WORKERS", "4")
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .current_dir(home.path());
        if options.mode != Mode::Worker {
            command.args(["--port", "0"]);
        }
        if let Some(fault) = &options.fault {
            command.env("TOYGRES_FAULT", fault);
        }
        for (name, value) in &options.env {
            command.env(name, value);
        }
        let child = command.spawn()?;
        Ok(Self { child, home, mode: options.mode })
    }

    /// Waits until it is ready.
    ///
    /// # Errors
    /// When it ends instead, or after a minute: with what it said.
    pub fn becomes_ready(&mut self) -> Result {
        let file = self.home.path().join("toygres").join("server.log");
        let waited = wait::until("the server to be ready", || {
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("it ended: {status}").into());
            }
            if self.mode == Mode::Worker {
                let log = fs::read_to_string(&file).unwrap_or_default();
                return Ok(log.contains("\"working\"").then_some(()));
            }
            let ready = self
                .api()
                .is_ok_and(|api| api.get("/readyz").is_ok_and(|answer| answer.status == 200));
            Ok(ready.then_some(()))
        });
        waited.map_err(|error| self.last_words(error))
    }

    /// Waits until it takes requests, ready or not.
    ///
    /// # Errors
    /// When it ends instead, or after a minute: with what it said.
    pub fn opens(&mut self) -> Result {
        let waited = wait::until("the server to take requests", || {
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("it ended: {status}").into());
            }
            let open = self.api().is_ok_and(|api| api.get("/healthz").is_ok());
            Ok(open.then_some(()))
        });
        waited.map_err(|error| self.last_words(error))
    }

    /// Its port, with its token.
    ///
    /// # Errors
    /// While it has none.
    pub fn api(&self) -> Result<Api> {
        let line = |name: &str| {
            let text = fs::read_to_string(self.home.path().join("toygres").join(name))?;
            Ok::<_, std::io::Error>(text.trim().to_owned())
        };
        Ok(Api::new(line("api-url")?, line("api-token")?))
    }

    /// Ends it as `kill -9` does.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn kill(mut self) -> Result {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Ends it as `kill` does, and waits until it is gone.
    ///
    /// # Errors
    /// After a minute.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        self.ends()
    }

    /// Hangs it: it does nothing more until [`Server::resume`], and does not know of it.
    ///
    /// # Errors
    /// When it does not run.
    pub fn pause(&self) -> Result {
        self.signal(Signal::STOP)
    }

    /// Lets it go on where it was.
    ///
    /// # Errors
    /// When it does not run.
    pub fn resume(&self) -> Result {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> Result {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        Ok(kill_process(pid.ok_or("the process has no id")?, signal)?)
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// After a minute, with what it said.
    pub fn ends(&mut self) -> Result<ExitStatus> {
        let waited = wait::until("the server to end", || Ok(self.child.try_wait()?));
        waited.map_err(|error| self.last_words(error))
    }

    /// An error with the end of what it said.
    fn last_words(&self, error: crate::Error) -> crate::Error {
        let said = self.said();
        let lines: Vec<&str> = said.lines().collect();
        format!("{error}\n{}", lines[lines.len().saturating_sub(20)..].join("\n")).into()
    }

    /// Everything that it wrote: its log, and what went to the terminal.
    pub fn said(&self) -> String {
        let log = self.home.path().join("toygres").join("server.log");
        let mut text = fs::read_to_string(self.home.path().join("output")).unwrap_or_default();
        text.push_str(&fs::read_to_string(log).unwrap_or_default());
        text
    }

    /// Its home folder.
    pub fn home(&self) -> &std::path::Path {
        self.home.path()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended already is no error.
        let _killed = self.child.kill();
        let _ended = self.child.wait();
    }
}
