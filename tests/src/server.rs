//! The server as its operator handles it: a home folder, and the commands that are run in it.

pub mod http;

use crate::cgroup::MemoryLimit;
use crate::control::Deployment;
use crate::{Result, toygres, wait};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A home folder with its environment. Dropping it kills the server that runs in it.
#[derive(Debug)]
pub struct Home {
    folder: TempDir,
    environment: BTreeMap<String, String>,
    /// So many files may its processes have open.
    descriptors: Option<u32>,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code.
    pub code: i32,
    /// What it answered.
    pub stdout: String,
    /// What else it said.
    pub stderr: String,
}

impl Home {
    /// One that knows neither database nor cluster.
    ///
    /// # Panics
    /// When there is no room for it: no test could go on.
    pub fn bare() -> Self {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("no folder: {error}"));
        let home = folder.path().display().to_string();
        let environment = [
            ("HOME", home.as_str()),
            ("TOYGRES_HOME", &format!("{home}/toygres")),
            ("TOYGRES_PLUGIN_PATH", &toygres::plugins().display().to_string()),
            // Two tests never wait for one port.
            ("TOYGRES_PORT", "0"),
            ("TOYGRES_LEASE_MS", "2000"),
            ("TOYGRES_READY_INTERVAL_MS", "100"),
            ("TOYGRES_MONITOR_INTERVAL_MS", "1000"),
            ("PATH", "/usr/bin:/bin"),
            ("LANG", "C.UTF-8"),
            ("TZ", "UTC"),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self { folder, environment: environment.into(), descriptors: None }
    }

    /// One on the backends of a deployment.
    pub fn new(deployment: &Deployment) -> Self {
        Self::bare()
            .set("DATABASE_URL", &deployment.database.url)
            .set("KUBECONFIG", &deployment.world.api.kubeconfig().display().to_string())
            .set("AKS_NAMESPACE", &deployment.namespace)
    }

    /// The same with a variable.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The same with few descriptors, as by `ulimit -n`.
    #[must_use]
    pub fn descriptors(mut self, limit: u32) -> Self {
        self.descriptors = Some(limit);
        self
    }

    /// The same where this library is a plugin too.
    ///
    /// # Panics
    /// When it cannot be put there: no test could go on.
    #[must_use]
    pub fn plugin(self, library: &Path) -> Self {
        let folder = self.folder.path().join("private");
        let file = folder.join("private.so");
        let mode = |path: &Path, mode| {
            fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))
        };
        fs::create_dir_all(&folder)
            .and_then(|()| fs::copy(library, &file))
            .and_then(|_| mode(&folder, 0o755).and(mode(&file, 0o644)))
            .unwrap_or_else(|error| panic!("no plugin: {error}"));
        let folders = format!("{}:{}", self.environment["TOYGRES_PLUGIN_PATH"], folder.display());
        self.set("TOYGRES_PLUGIN_PATH", &folders)
    }

    /// A file of the server: `server.log`, `api-token`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("toygres").join(name)
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What a file holds, without the end of its last line; empty where it is not there.
    pub fn text(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap_or_default().trim_end().to_owned()
    }

    /// Runs a command to its end.
    ///
    /// # Panics
    /// When the binary is not built: no test could go on.
    #[track_caller]
    pub fn run(&self, args: &[&str]) -> Ran {
        let output = self.command(args).output().unwrap_or_else(|error| panic!("{error}"));
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Starts a command and goes on.
    ///
    /// # Panics
    /// When the binary is not built: no test could go on.
    #[track_caller]
    pub fn spawn(&self, args: &[&str]) -> Child {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap_or_else(|error| panic!("{error}"))
    }

    /// A command that is not started yet.
    pub fn command(&self, args: &[&str]) -> Command {
        match self.descriptors {
            None => self.prepare(Command::new(toygres::binary()), args),
            Some(limit) => {
                let mut command = Command::new("sh");
                let limited = ["-c", "ulimit -n \"$0\" && exec \"$@\"", &limit.to_string()];
                command.args(limited).arg(toygres::binary());
                self.prepare(command, args)
            }
        }
    }

    /// The same in a group with a limit of memory.
    pub fn command_in(&self, limit: &MemoryLimit, args: &[&str]) -> Command {
        self.prepare(limit.command(&toygres::binary()), args)
    }

    fn prepare(&self, mut command: Command, args: &[&str]) -> Command {
        command.args(args).env_clear().envs(&self.environment).current_dir(self.folder.path());
        command.stdin(Stdio::null());
        command
    }

    /// Starts the server in the background.
    ///
    /// # Panics
    /// When it is not ready in time: what it said is in the message.
    #[track_caller]
    pub fn start(&self, options: &[&str]) -> Ran {
        let args = [&["server", "start", "--timeout", "60s", "-o", "json"], options].concat();
        let ran = self.run(&args);
        assert_eq!(ran.code, 0, "{ran:#?}\n{}", self.log());
        ran
    }

    /// The server's process, as its file says.
    pub fn pid(&self) -> Option<i32> {
        self.text("server.pid").lines().next()?.parse().ok()
    }

    /// Every line of the log, the oldest first.
    pub fn log(&self) -> String {
        let mut files: Vec<_> = (0..1000)
            .map(|n| if n == 0 { "server.log".to_owned() } else { format!("server.log.{n}") })
            .take_while(|name| self.file(name).exists())
            .collect();
        files.reverse();
        files.iter().map(|name| self.text(name) + "\n").collect()
    }

    /// Where the API is: `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        self.text("api-url").trim_start_matches("http://").to_owned()
    }

    /// A request with the token.
    pub fn request(&self, method: &str, target: &str) -> http::Request {
        http::Request::new(method, target, &self.address())
            .header("Authorization", &format!("Bearer {}", self.text("api-token")))
    }

    /// Kills the server as `kill -9` does, and waits until it is gone.
    ///
    /// # Errors
    /// When none runs.
    pub fn kill(&self) -> Result<i32> {
        let pid = self.pid().ok_or("no server runs")?;
        kill_process(Pid::from_raw(pid).ok_or("no pid")?, Signal::KILL)?;
        wait::until("the server to be gone", || Ok((!lives(pid)).then_some(pid)))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // Only a process of this home: the number may have gone to another one.
        let ours = |pid: i32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            let home = format!("TOYGRES_HOME={}", self.file("").display());
            let home = home.trim_end_matches('/').as_bytes();
            environment.split(|byte| *byte == 0).any(|entry| entry == home)
        };
        if self.pid().is_some_and(ours) {
            let _gone = self.kill();
        }
    }
}

/// Whether a process lives; one that only waits to be asked for its status does not.
pub fn lives(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_ascii_whitespace().next());
    state.is_some_and(|state| !matches!(state, "Z" | "X"))
}

impl Ran {
    /// The same, where it ended so.
    ///
    /// # Panics
    /// Where it did not.
    #[must_use]
    #[track_caller]
    pub fn code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    /// What it answered, as JSON.
    ///
    /// # Panics
    /// Where it is none.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// The error, as JSON.
    ///
    /// # Panics
    /// Where there is none.
    #[track_caller]
    pub fn error(&self) -> serde_json::Value {
        let line = self.stderr.lines().last().unwrap_or_default();
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}
