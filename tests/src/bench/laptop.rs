//! Everything on this machine: `toygres local up` in a home folder of its own, and the server on it.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;
use toygres_tests::postgres::Binaries;
use toygres_tests::server::{Home, Ran};
use toygres_tests::{Result, toygres};

/// A PostgreSQL, a Kubernetes API and, where it was started, a server. Dropping it, or the end of
/// the process however that comes, takes all of it down and removes it.
pub(super) struct Laptop {
    home: Home,
    watcher: Child,
    alive: Option<ChildStdin>,
    /// Where the private PostgreSQL is.
    pub(super) url: String,
}

impl Laptop {
    /// Brings it up, with these variables for everything that runs in it.
    ///
    /// # Errors
    /// When it does not come up: with what it said.
    pub(super) fn up(variables: &[(&str, &str)]) -> Result<Self> {
        let set = |home: Home, (name, value): &(&str, &str)| home.set(name, value);
        let home = variables.iter().fold(Home::bare(), set);
        // PostgreSQL's account must look into it where we are root.
        std::fs::set_permissions(home.folder(), Permissions::from_mode(0o755))?;
        let (watcher, alive) = watch(&home)?;
        let mut laptop = Self { home, watcher, alive, url: String::new() };
        laptop.run(&["local", "up", "--wait"])?;
        let config = laptop.home.text("config.toml");
        let url = config.lines().find_map(|line| line.strip_prefix("url = \""));
        let url = url.ok_or("the context names no database")?;
        laptop.url = url.trim_end_matches('"').to_owned();
        Ok(laptop)
    }

    /// Starts the server; a stopped one is started again.
    ///
    /// # Errors
    /// When it does not become ready: with what it said.
    pub(super) fn start_server(&self) -> Result {
        self.run(&["server", "start", "--timeout", "60s"]).map(drop)
    }

    /// Stops the server.
    ///
    /// # Errors
    /// When it does not end.
    pub(super) fn stop_server(&self) -> Result {
        self.run(&["server", "stop"]).map(drop)
    }

    /// A number that the database answers.
    ///
    /// # Errors
    /// The database's.
    pub(super) fn count(&self, sql: &str) -> Result<u32> {
        Ok(Binaries::find()?.psql(&self.url, sql)?.trim().parse()?)
    }

    /// Waits until a condition in SQL holds. The database itself looks, fifty times a second, so
    /// that waiting costs little, and the same whatever is measured.
    ///
    /// # Errors
    /// When it does not hold in time: with what `progress`, another expression, is then.
    pub(super) fn waits_for(&self, condition: &str, progress: &str, within: Duration) -> Result {
        let looks = within.as_millis() / 20;
        // Each look is a transaction of its own: an index that is made meanwhile waits for all others.
        let sql = format!(
            "DO $$ BEGIN
               FOR look IN 1..{looks} LOOP
                 IF {condition} THEN RETURN; END IF;
                 COMMIT;
                 PERFORM pg_sleep(0.02);
                 COMMIT;
               END LOOP;
               RAISE 'waited in vain: %', {progress};
             END $$"
        );
        Binaries::find()?.psql(&self.url, &sql).map(drop)
    }

    /// The home folder.
    pub(super) fn home(&self) -> &Home {
        &self.home
    }

    fn run(&self, args: &[&str]) -> Result<Ran> {
        let ran = self.home.run(args);
        if ran.code == 0 {
            return Ok(ran);
        }
        Err(format!("`toygres {}` ended with {}: {}", args.join(" "), ran.code, ran.stderr).into())
    }
}

impl Drop for Laptop {
    fn drop(&mut self) {
        drop(self.alive.take());
        // Where it failed, it said so.
        let _ended = self.watcher.wait();
    }
}

/// Reads from a pipe that only the measurement holds: the end of it is the end of the measurement,
/// however that comes. Then everything in the home folder is taken down, the server first, since it
/// has nothing to do without the rest. A server that does not run is no error (3).
const WATCHER: &str = r#"
cat >/dev/null
"$1" server stop >/dev/null 2>&1 || [ $? = 3 ] || echo "the server of $HOME was left running" >&2
"$1" local down --purge --force --timeout 30s >/dev/null || [ $? = 3 ] || exit
rm -rf "$HOME"
"#;

/// Starts what takes it down.
fn watch(home: &Home) -> Result<(Child, Option<ChildStdin>)> {
    let mut command = Command::new("sh");
    command.args(["-c", WATCHER, "toygres-watcher"]).arg(toygres::binary()).current_dir("/");
    command.env("HOME", home.folder()).env("TOYGRES_HOME", home.file(""));
    command.env("TOYGRES_PLUGIN_PATH", toygres::plugins());
    // A group of its own: what ends the measurement's group must not end what cleans up after it.
    command.stdin(Stdio::piped()).process_group(0);
    let mut watcher = command.spawn()?;
    let alive = watcher.stdin.take();
    Ok((watcher, alive))
}
