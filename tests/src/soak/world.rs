//! The embedded default, with a server of its own under a limit of memory.

use crate::cgroup::MemoryLimit;
use crate::server::{Home, Ran};
use crate::{Result, wait};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long a command is given while the server is under attack.
const COMMAND_PATIENCE: Duration = Duration::from_secs(180);

pub(super) struct World {
    pub(super) home: Home,
    /// None where this system does not let us make one; the reason is kept.
    pub(super) limit: Result<MemoryLimit, String>,
    /// The server is meant to answer: it was started, and nobody is killing it.
    up: AtomicBool,
    /// Counts the times that it was killed, so that who watches knows what lies between.
    generation: AtomicU64,
    address: Mutex<String>,
}

impl World {
    pub(super) fn start(memory: u64) -> Result<Self> {
        let home = Home::bare()
            .set("TOYGRES_READY_INTERVAL_MS", "1000")
            .set("TOYGRES_MONITOR_INTERVAL_MS", "2000");
        let up = home.run(&["local", "up", "-o", "json"]);
        if up.code != 0 {
            return Err(format!("`local up` failed: {up:?}").into());
        }
        let limit = MemoryLimit::new(memory).map_err(|error| error.to_string());
        let world = Self {
            home,
            limit,
            up: AtomicBool::new(false),
            generation: AtomicU64::new(0),
            address: Mutex::default(),
        };
        world.start_server()?;
        Ok(world)
    }

    fn start_server(&self) -> Result {
        let args = ["server", "start", "--timeout", "60s", "-o", "json"];
        let mut command = match &self.limit {
            Ok(limit) => self.home.command_in(limit, &args),
            Err(_) => self.home.command(&args),
        };
        let output = command.stdin(Stdio::null()).output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(format!("the server does not start: {said}").into());
        }
        *self.address.lock().unwrap_or_else(PoisonError::into_inner) = self.home.address();
        self.up.store(true, Ordering::SeqCst);
        Ok(())
    }

    pub(super) fn kill_and_restart(&self) -> Result {
        self.up.store(false, Ordering::SeqCst);
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.home.kill()?;
        self.start_server()
    }

    /// The server's life that is under way, while it is meant to answer.
    pub(super) fn generation(&self) -> Option<u64> {
        let generation = self.generation.load(Ordering::SeqCst);
        self.up.load(Ordering::SeqCst).then_some(generation)
    }

    /// Where the API is: `127.0.0.1:PORT`.
    pub(super) fn address(&self) -> String {
        self.address.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A command that is tried again while the server is away or busy (exit code 4).
    pub(super) fn run(&self, args: &[&str]) -> Result<Ran> {
        wait::until_within(COMMAND_PATIENCE, &format!("`toygres {}`", args.join(" ")), || {
            let ran = self.home.run(args);
            Ok((ran.code != 4).then_some(ran))
        })
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ended = self.home.run(&["server", "stop", "--force"]);
        let _down = self.home.run(&["local", "down", "--purge", "--force"]);
    }
}
