//! Everything on this machine: `toygres local up` in a home folder of its own, and the server on it.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;
use toygres_tests::Result;
use toygres_tests::postgres::Binaries;
use toygres_tests::server::{Home, Ran};

/// A PostgreSQL, a Kubernetes API and, where it was started, a server. Dropping it takes all of it
/// down and removes it.
pub(super) struct Laptop {
    home: Home,
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
        let mut laptop = Self { home, url: String::new() };
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
        // The server first: it has nothing to do without the rest.
        let gone = [self.home.run(&["server", "stop"]).code, self.home.run(DOWN).code];
        // 3: it did not run.
        if gone.iter().any(|code| !matches!(code, 0 | 3)) {
            eprintln!("something of {} was left running", self.home.folder().display());
        }
    }
}

const DOWN: &[&str] = &["local", "down", "--purge", "--force", "--timeout", "30s"];
