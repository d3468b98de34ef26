//! A private PostgreSQL server for tests and for the quickstart.
//!
//! A server lives in a folder of its own, listens on a free loopback port and asks for a generated
//! password. It runs as another user where we are root, because PostgreSQL refuses root.

mod binaries;
mod cluster;
mod database;
mod process;
mod user;
mod watcher;

pub use binaries::Binaries;
pub use database::Database;

use crate::Result;
use cluster::Cluster;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use watcher::Watcher;

/// The name of the superuser that owns a private server.
pub const SUPERUSER: &str = "toygres";

/// The major version of the servers of the tests.
///
/// # Panics
/// When there are no binaries of PostgreSQL.
#[must_use]
pub fn major() -> &'static str {
    static MAJOR: OnceLock<String> = OnceLock::new();
    MAJOR.get_or_init(|| {
        let binaries = Binaries::find().unwrap_or_else(|error| panic!("{error}"));
        binaries.major().unwrap_or_else(|error| panic!("{error}"))
    })
}

/// A PostgreSQL server that nobody else uses. Dropping a temporary one stops it and removes its folder.
#[derive(Debug)]
pub struct PrivatePostgres {
    cluster: Cluster,
    databases: AtomicU32,
    // After the cluster: it removes the folder when the server is down.
    watcher: Option<Watcher>,
}

impl PrivatePostgres {
    /// Makes a server in a temporary folder and starts it. It ends with this value, or with the
    /// process however that ends.
    ///
    /// # Errors
    /// When there are no binaries of PostgreSQL, or when the server does not start; its log is in
    /// the message.
    pub fn new() -> Result<Self> {
        Self::with_variables(&[])
    }

    /// As [`PrivatePostgres::new`], with these variables in the server's environment.
    ///
    /// # Errors
    /// As [`PrivatePostgres::new`].
    pub fn with_variables(variables: &[(&str, &str)]) -> Result<Self> {
        let folder = user::temporary_folder()?;
        let watcher = Watcher::of(&folder)?;
        let mut cluster = Cluster::create(&folder)?;
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        cluster.variables = variables.iter().map(owned).collect();
        cluster.start()?;
        Ok(Self { cluster, databases: AtomicU32::new(0), watcher: Some(watcher) })
    }

    /// Restarts the server as one that has used up this many transactions, in millions, and does
    /// nothing about it by itself.
    ///
    /// # Errors
    /// When it does not stop, PostgreSQL refuses the number, or it does not start.
    pub fn use_up_transactions(&mut self, millions: u32) -> Result {
        self.psql("ALTER SYSTEM SET autovacuum_freeze_max_age = 2000000000")?;
        self.psql("ALTER SYSTEM SET autovacuum = off")?;
        self.cluster.stop()?;
        // The first of a file of the commit log, which is made anew.
        self.cluster
            .use_up(millions * 1_000_000 / cluster::XIDS_OF_A_FILE * cluster::XIDS_OF_A_FILE)?;
        self.cluster.start()
    }

    /// The server of a folder that stays: made if it is not there, started if it does not run, and
    /// left running.
    ///
    /// # Errors
    /// As [`PrivatePostgres::new`].
    pub fn at(folder: &Path) -> Result<Self> {
        let mut cluster = match Cluster::open(folder)? {
            Some(cluster) => cluster,
            None => Cluster::create(&user::reachable_folder(folder)?)?,
        };
        if !cluster.is_running() {
            cluster.start()?;
        }
        Ok(Self { cluster, databases: AtomicU32::new(0), watcher: None })
    }

    /// One server for all tests of this process, because a start costs a second.
    ///
    /// # Panics
    /// When it cannot be started: no test could go on.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<PrivatePostgres> = OnceLock::new();
        SHARED.get_or_init(|| Self::new().unwrap_or_else(|error| panic!("no PostgreSQL: {error}")))
    }

    /// A new, empty database of this server; dropped with the value.
    ///
    /// # Errors
    /// When the server does not make it.
    pub fn database(&self) -> Result<Database<'_>> {
        self.copy_of("template0")
    }

    /// A new database with everything that `template` has. Nobody may be connected to that one.
    ///
    /// # Errors
    /// When the server does not make it.
    pub fn copy_of(&self, template: &str) -> Result<Database<'_>> {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        Database::create(self, &format!("test_{number}"), template)
    }

    /// A role of the server's own that may log in with [`PrivatePostgres::password`]; `abilities`
    /// is what follows the name in `CREATE ROLE`.
    ///
    /// # Errors
    /// When the server refuses it.
    pub fn create_role(&self, name: &str, abilities: &str) -> Result {
        let password = self.password();
        self.psql(&format!("CREATE ROLE {name} LOGIN PASSWORD '{password}' {abilities}"))?;
        Ok(())
    }

    /// Where the superuser's database is.
    pub fn url(&self) -> String {
        self.url_for(SUPERUSER, "postgres")
    }

    /// Where `database` is, as `user` sees it.
    pub fn url_for(&self, user: &str, database: &str) -> String {
        let Cluster { password, port, .. } = &self.cluster;
        format!("postgresql://{user}:{password}@127.0.0.1:{port}/{database}")
    }

    /// The generated password: 32 characters that need no escaping in a URL.
    pub fn password(&self) -> &str {
        &self.cluster.password
    }

    /// The loopback port.
    pub fn port(&self) -> u16 {
        self.cluster.port
    }

    /// The folder with the data.
    pub fn data(&self) -> &Path {
        &self.cluster.data
    }

    /// The programs that this server is made of.
    pub fn binaries(&self) -> &Binaries {
        &self.cluster.binaries
    }

    /// What the server wrote into its log.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn log(&self) -> Result<String> {
        Ok(std::fs::read_to_string(&self.cluster.log)?)
    }

    /// What `psql` answers in the superuser's database: see [`Binaries::psql`].
    ///
    /// # Errors
    /// The server's message.
    pub fn psql(&self, sql: &str) -> Result<String> {
        self.binaries().psql(&self.url(), sql)
    }

    /// Stops the server and waits until it is down.
    ///
    /// # Errors
    /// When it does not go down in time.
    pub fn stop(&mut self) -> Result {
        self.cluster.stop()
    }

    /// Starts a stopped server on the port that it had.
    ///
    /// # Errors
    /// When it does not come up; its log is in the message.
    pub fn start(&mut self) -> Result {
        self.cluster.start()
    }

    /// Hangs the server: every process of it stops where it is, and connections open but never answer.
    /// [`PrivatePostgres::resume`] lets it go on.
    ///
    /// # Errors
    /// When the server does not run.
    pub fn pause(&self) -> Result {
        process::pause(self.cluster.pid()?)
    }

    /// Lets a hung server go on.
    ///
    /// # Errors
    /// When the server does not run.
    pub fn resume(&self) -> Result {
        process::resume(self.cluster.pid()?)
    }
}

impl Drop for PrivatePostgres {
    fn drop(&mut self) {
        if self.watcher.is_some() && self.cluster.is_running() {
            let _resumed = self.resume();
            let _stopped = self.cluster.stop();
        }
    }
}
