//! What ends a temporary server when its owner dies, however that dies.

use crate::Result;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

/// Reads from a pipe that only its owner holds: the end of it is the end of the owner. Then the server
/// is let go on (it may be paused), stopped, and its folder removed.
const SCRIPT: &str = r#"
cat >/dev/null
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
if [ -n "$pid" ] && kill -CONT "$pid" 2>/dev/null; then
    kill -QUIT "$pid"
    tries=100
    while [ $tries -gt 0 ] && kill -0 "$pid" 2>/dev/null; do sleep 0.1; tries=$((tries - 1)); done
    kill -KILL "$pid" 2>/dev/null
fi
rm -rf "$1"
"#;

/// Stops the server of a folder and removes the folder when this is dropped or its process ends.
#[derive(Debug)]
pub(super) struct Watcher {
    shell: Child,
    alive: Option<ChildStdin>,
}

impl Watcher {
    /// Watches over the owner of `folder`, which is this process.
    pub(super) fn of(folder: &Path) -> Result<Self> {
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "toygres-watcher"]).arg(folder).current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // A group of its own: what ends the tests' group must not end what cleans up after them.
        command.process_group(0);
        super::user::unprivileged(&mut command)?;
        let mut shell = command.spawn()?;
        let alive = shell.stdin.take();
        Ok(Self { shell, alive })
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        drop(self.alive.take());
        let _ended = self.shell.wait();
    }
}
