//! One cluster: its files, and its server's start and end.

use super::{Binaries, SUPERUSER, process, user};
use crate::{Result, wait};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File, Permissions};
use std::io::Read;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The data's folder, beside the log.
pub(super) const DATA: &str = "data";

/// Settings for a server whose data may be lost with the machine.
const SETTINGS: &str = "
fsync = off
synchronous_commit = off
full_page_writes = off
shared_buffers = 32MB
max_connections = 200
max_wal_size = 256MB
autovacuum_naptime = 10min
log_min_messages = warning
log_line_prefix = '%t [%p] '
listen_addresses = '127.0.0.1'
timezone = 'UTC'
lc_messages = 'C'
";

/// Transactions that one file of PostgreSQL's commit log tells of.
pub(super) const XIDS_OF_A_FILE: u32 = 1024 * 1024;

/// How often another port is tried when somebody took the free one first.
const TRIES: u32 = 5;

/// A cluster and, while it runs, its server.
#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) binaries: Binaries,
    pub(super) data: PathBuf,
    pub(super) log: PathBuf,
    pub(super) password: String,
    pub(super) port: u16,
    /// For the server's process.
    pub(super) variables: Vec<(String, String)>,
    /// Kept to be reaped; empty where an earlier process started the server.
    server: Option<Child>,
}

impl Cluster {
    /// Makes the files of a cluster in a folder that the server's user owns.
    pub(super) fn create(folder: &Path) -> Result<Self> {
        let binaries = Binaries::find()?;
        let password = random_password()?;
        // A file, because another user may not open a pipe of ours by name.
        let secret = folder.join("initial.password");
        fs::write(&secret, &password)?;
        let mut command = Command::new(binaries.path("initdb"));
        command
            .args(["-U", SUPERUSER, "--auth=scram-sha-256", "--no-sync", "--encoding=UTF8"])
            .args(["--locale=C", "--pwfile"])
            .arg(&secret)
            .arg("-D")
            .arg(folder.join(DATA))
            .current_dir("/");
        user::unprivileged(&mut command)?;
        let output = command.output()?;
        fs::remove_file(secret)?;
        if !output.status.success() {
            return Err(format!("initdb: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        let data = folder.join(DATA);
        let port = free_port()?;
        let sockets = sockets(folder);
        let settings = format!("{SETTINGS}unix_socket_directories = '{sockets}'\nport = {port}\n");
        fs::write(data.join("postgresql.auto.conf"), settings)?;
        let secret = data.join(PASSWORD);
        fs::write(&secret, &password)?;
        fs::set_permissions(&secret, Permissions::from_mode(0o600))?;
        let log = data.join("server.log");
        Ok(Self { binaries, data, log, password, port, variables: Vec::new(), server: None })
    }

    /// The cluster that [`Cluster::create`] made in this folder, if it did.
    pub(super) fn open(folder: &Path) -> Result<Option<Self>> {
        let data = folder.join(DATA);
        let Ok(password) = fs::read_to_string(data.join(PASSWORD)) else { return Ok(None) };
        let data = data.canonicalize()?;
        let port = port_of(&fs::read_to_string(data.join("postgresql.auto.conf"))?)
            .ok_or("the cluster's settings name no port")?;
        let log = data.join("server.log");
        let (binaries, variables) = (Binaries::find()?, Vec::new());
        Ok(Some(Self { binaries, data, log, password, port, variables, server: None }))
    }

    /// Starts the server and waits until it answers.
    pub(super) fn start(&mut self) -> Result {
        for _ in 0..TRIES {
            self.spawn()?;
            if self.answers()? {
                return Ok(());
            }
            // It ended. Only a taken port is worth another try.
            if !fs::read_to_string(&self.log)?.contains("Address already in use") {
                break;
            }
            self.move_to(free_port()?)?;
        }
        Err(format!("the server does not start: {}", fs::read_to_string(&self.log)?).into())
    }

    /// Stops the server and waits until it is down.
    pub(super) fn stop(&mut self) -> Result {
        let pid = self.pid()?;
        // Fast: open connections are ended, the files are left in order.
        kill_process(pid, Signal::INT)?;
        let mut server = self.server.take();
        wait::until("the server to go down", || {
            let ended = match &mut server {
                Some(child) => child.try_wait()?.is_some(),
                None => !process::lives(pid),
            };
            Ok(ended.then_some(()))
        })
    }

    /// Has the server, which is down, go on with this transaction id: so many are used up.
    pub(super) fn use_up(&self, transactions: u32) -> Result {
        // What became of them is looked up in a file that has to be there: nothing of them is known.
        let log = self.data.join("pg_xact").join(format!("{:04X}", transactions / XIDS_OF_A_FILE));
        fs::write(&log, vec![0; 256 * 1024])?;
        let owner = fs::metadata(&self.data)?;
        chown(&log, Some(owner.uid()), Some(owner.gid()))?;
        let mut command = Command::new(self.binaries.path("pg_resetwal"));
        command.arg("-x").arg(transactions.to_string()).arg("-D").arg(&self.data);
        command.current_dir("/");
        user::unprivileged(&mut command)?;
        let output = command.output()?;
        if output.status.success() {
            return Ok(());
        }
        Err(format!("pg_resetwal: {}", String::from_utf8_lossy(&output.stderr)).into())
    }

    pub(super) fn is_running(&self) -> bool {
        self.pid().is_ok_and(process::lives)
    }

    /// The server's process, by the file that it keeps while it runs.
    pub(super) fn pid(&self) -> Result<Pid> {
        let file = fs::read_to_string(self.data.join("postmaster.pid"))
            .map_err(|_| "the server does not run")?;
        let pid = file.lines().next().and_then(|line| line.trim().parse().ok());
        Ok(pid.and_then(Pid::from_raw).ok_or("the server's pid file names no process")?)
    }

    fn spawn(&mut self) -> Result {
        let log = File::create(&self.log)?;
        let mut command = Command::new(self.binaries.path("postgres"));
        command.arg("-D").arg(&self.data).current_dir("/").env_remove("PGDATA");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        // A group of its own: an interrupt at the terminal is for the tests, not for the server.
        command.process_group(0);
        user::unprivileged(&mut command)?;
        self.server = Some(command.spawn()?);
        Ok(())
    }

    /// Waits until the server answers; false when it ended instead.
    fn answers(&mut self) -> Result<bool> {
        let url =
            format!("postgresql://{SUPERUSER}:{}@127.0.0.1:{}/postgres", self.password, self.port);
        let Self { server, binaries, .. } = self;
        wait::until("the server to answer", || {
            if let Some(child) = server
                && child.try_wait()?.is_some()
            {
                *server = None;
                return Ok(Some(false));
            }
            Ok(binaries.psql(&url, "SELECT 1").is_ok().then_some(true))
        })
    }

    fn move_to(&mut self, port: u16) -> Result {
        let file = self.data.join("postgresql.auto.conf");
        let settings = fs::read_to_string(&file)?;
        let (old, new) = (format!("port = {}\n", self.port), format!("port = {port}\n"));
        fs::write(file, settings.replace(&old, &new))?;
        self.port = port;
        Ok(())
    }
}

/// The file that keeps the password of a cluster that stays.
const PASSWORD: &str = "toygres.password";

/// Where the server may put its socket; nowhere when the path would be longer than the system allows.
fn sockets(folder: &Path) -> std::borrow::Cow<'_, str> {
    let path = folder.to_string_lossy();
    if path.len() > 80 { "".into() } else { path }
}

fn port_of(settings: &str) -> Option<u16> {
    settings.lines().find_map(|line| line.strip_prefix("port = ")?.parse().ok())
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn random_password() -> Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
