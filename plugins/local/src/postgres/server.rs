//! Starting a server.

use super::{Programs, Running, pidfile, running};
use crate::files;
use crate::process::Process;
use crate::process::account::Account;
use std::path::PathBuf;
use std::process::Stdio;
use tokio::process::Command;
use toygres_plugin_api::Result;

/// What a server needs to start.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    /// The programs of the version that made its data folder.
    pub(crate) programs: Programs,
    /// Its data folder.
    pub(crate) data: PathBuf,
    /// What it writes is appended here.
    pub(crate) log: PathBuf,
    /// The loopback port.
    pub(crate) port: u16,
    /// What it is called in lists of processes.
    pub(crate) name: String,
    /// More of the command line.
    pub(crate) arguments: Vec<String>,
    /// Who runs it.
    pub(crate) account: Option<Account>,
}

impl Server {
    /// Starts it. It listens on loopback only, whatever its configuration says: the command line
    /// goes before that. No server may run on the data folder.
    pub(crate) async fn start(&self) -> Result<Process> {
        pidfile::clear(&self.data).await;
        let log = files::open_log(&self.log)?;
        let mut command = self.programs.command("postgres", self.account.as_ref());
        command.arg("-D").arg(&self.data).args(&self.arguments);
        for setting in [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={}", self.port),
            "unix_socket_directories=".to_owned(),
            "logging_collector=off".to_owned(),
            format!("cluster_name={}", self.name),
        ] {
            command.arg("-c").arg(setting);
        }
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let mut command = Command::from(command);
        // A group of its own: it outlives the daemon, and is adopted by the next one.
        command.process_group(0);
        Process::start(command)
    }

    /// The server that an earlier daemon left running on these files, on this port.
    pub(crate) fn left_running(&self) -> Option<Running> {
        running(&self.data).filter(|running| running.port == self.port)
    }
}
