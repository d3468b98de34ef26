//! The private PostgreSQL, which holds the control plane's database: made once, kept running.

use super::Log;
use crate::files;
use crate::folders::Folders;
use crate::kept::{DATABASE, Kept, ROLE};
use crate::ports;
use crate::postgres::{
    Installed, Making, Programs, Server, answers, literal, major_of, quoted, running, verifier,
};
use crate::process::Process;
use crate::process::account::Account;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use toygres_plugin_api::{Error, ErrorKind, Result};

/// How often a server that starts is asked.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// Between two starts of a server that keeps dying, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// One that ran so long had not failed to start.
const STABLE: Duration = Duration::from_secs(60);

/// Open connections are closed and a checkpoint is written; a large one takes a while.
const SHUTDOWN: Duration = Duration::from_secs(20);

/// How it is, for `local status`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DatabaseStatus {
    /// The server's first process; none while it does not run.
    pub(crate) pid: Option<i32>,
    /// Its loopback port.
    pub(crate) port: u16,
    /// The server's version.
    pub(crate) version: Option<String>,
    /// It took a connection and answered after its last start.
    pub(crate) ready: bool,
    /// Since when this process runs, or is ours; RFC 3339.
    pub(crate) since: Option<String>,
    /// How often it was started again after it had died.
    pub(crate) restarts: u32,
    /// How often in a row it did not start.
    #[serde(default)]
    pub(crate) failures: u32,
    /// Why it did not start the last time.
    #[serde(default)]
    pub(crate) error: Option<String>,
}

/// The private PostgreSQL.
#[derive(Debug)]
pub(crate) struct Database {
    server: Server,
    url: String,
    log: Log,
    status: watch::Sender<DatabaseStatus>,
}

impl Database {
    /// Makes the data folder if there is none, and finds a port if the kept one is taken.
    pub(crate) fn prepare(
        folders: &Folders,
        kept: &mut Kept,
        programs: Programs,
        account: Option<Account>,
        log: Log,
    ) -> Result<Self> {
        let data = folders.database();
        if major_of(&data).is_none() {
            log.say(&format!("making {} with PostgreSQL {}", data.display(), programs.version));
            let making = Making {
                programs: &programs,
                templates: &folders.templates(),
                account: account.as_ref(),
                superuser: "postgres",
                script: &script(&kept.password)?,
            };
            making.run(&data)?;
        }
        match running(&data) {
            Some(left) => kept.postgres_port = left.port,
            None if ports::is_free(kept.postgres_port) => {}
            None => {
                let old = kept.postgres_port;
                kept.postgres_port = ports::free(|port| port == kept.api_port)?;
                log.say(&format!(
                    "port {old} is taken; PostgreSQL moves to {}",
                    kept.postgres_port
                ));
            }
        }
        kept.save(folders)?;
        let status = DatabaseStatus { port: kept.postgres_port, ..DatabaseStatus::default() };
        let server = Server {
            programs,
            data,
            log: folders.logs().join("postgres.log"),
            port: kept.postgres_port,
            name: "toygres-local".to_owned(),
            arguments: Vec::new(),
            account,
        };
        let url = kept.database_url();
        Ok(Self { server, url, log, status: watch::Sender::new(status) })
    }

    /// How it is at any time.
    pub(crate) fn status(&self) -> watch::Receiver<DatabaseStatus> {
        self.status.subscribe()
    }

    /// Starts it, or takes over the one that an earlier daemon left, and waits until it answers.
    pub(crate) async fn start(&self) -> Result<Process> {
        let mut process = match self.server.left_running() {
            Some(left) => {
                self.log.say(&format!("PostgreSQL runs already as {}", left.identity.pid));
                Process::adopt(left.identity)
            }
            None => self.server.start().await?,
        };
        self.change(|status| {
            status.pid = Some(process.identity().pid);
            status.since = Some(Timestamp::now().to_string());
        });
        loop {
            tokio::select! {
                biased;
                _ = process.ended() => {
                    self.down();
                    return Err(self.ended());
                }
                answered = answers(&self.url) => match answered {
                    Ok(said) => {
                        // Packagers add words of their own.
                        let version = said.split_whitespace().next().unwrap_or(&said).to_owned();
                        self.log.say(&format!(
                            "PostgreSQL {version} answers on port {}", self.server.port
                        ));
                        self.change(|status| {
                            status.version = Some(version);
                            status.ready = true;
                            status.failures = 0;
                            status.error = None;
                        });
                        return Ok(process);
                    }
                    // It answered with a no.
                    Err(error) if error.kind == ErrorKind::Failed => return Err(error),
                    Err(_) => tokio::time::sleep(ASK_AGAIN).await,
                }
            }
        }
    }

    /// Starts it again whenever it dies, until `stop`; then takes it down.
    pub(crate) async fn keep(self, process: Process, stop: CancellationToken) {
        let mut current = Some(process);
        let mut pause = FIRST_PAUSE;
        while let Some(mut process) = current.take() {
            let begun = Instant::now();
            tokio::select! {
                _ = process.ended() => {}
                () = stop.cancelled() => {
                    let ended = process.stop(SHUTDOWN).await;
                    self.log.say(&format!("PostgreSQL is down, exit code {:?}", ended.code));
                    self.down();
                    return;
                }
            }
            self.down();
            self.log.say("PostgreSQL has ended by itself");
            pause = if begun.elapsed() > STABLE { FIRST_PAUSE } else { pause };
            current = self.restart(&mut pause, &stop).await;
        }
    }

    /// Tries until it is up again; none once it shall stop.
    async fn restart(&self, pause: &mut Duration, stop: &CancellationToken) -> Option<Process> {
        loop {
            tokio::select! {
                () = stop.cancelled() => return None,
                () = tokio::time::sleep(*pause) => {}
            }
            *pause = (*pause * 2).min(LONGEST_PAUSE);
            self.change(|status| status.restarts += 1);
            let started = tokio::select! {
                started = self.start() => started,
                () = stop.cancelled() => {
                    let _down = self.abandon().await;
                    return None;
                }
            };
            match started {
                Ok(process) => return Some(process),
                Err(error) => {
                    self.log.error("PostgreSQL does not start", &error);
                    let why = error.causes.first().unwrap_or(&error.message).clone();
                    self.change(|status| {
                        status.failures += 1;
                        status.error = Some(why);
                    });
                }
            }
        }
    }

    /// Takes down one that was started and is not up yet: it is known by its files.
    pub(crate) async fn abandon(&self) -> Result<()> {
        if let Some(left) = self.server.left_running() {
            Process::adopt(left.identity).stop(SHUTDOWN).await;
        }
        Ok(())
    }

    fn down(&self) {
        self.change(|status| {
            status.pid = None;
            status.since = None;
            status.ready = false;
        });
    }

    fn change(&self, change: impl FnOnce(&mut DatabaseStatus)) {
        self.status.send_modify(change);
    }

    fn ended(&self) -> Error {
        let log = &self.server.log;
        Error::failed("the private PostgreSQL does not start")
            .cause(files::last_lines(log, 5))
            .hint(format!("its log: {}", log.display()))
    }
}

/// The programs for it: those that made its files, or those that it shall be made with.
pub(crate) async fn programs(
    folders: &Folders,
    installed: &mut Installed,
    wanted: Option<u32>,
    account: Option<&Account>,
) -> Result<Programs> {
    let data = folders.database();
    let Some(made) = major_of(&data) else {
        return installed.or_download(wanted, &folders.programs(), account).await;
    };
    if let Some(other) = wanted.filter(|wanted| *wanted != made) {
        return Err(Error::usage(format!(
            "the private PostgreSQL is of version {made}, not {other}"
        ))
        .hint("leave `--postgres-version` out, or begin anew with: toygres local down --purge"));
    }
    if installed.of_major(made).is_none() {
        // Perhaps it was downloaded once, and may be again.
        installed.or_download(Some(made), &folders.programs(), account).await?;
    }
    installed.that_made(made, &data).cloned()
}

/// The control plane's role is no superuser, and the superuser has no password: nobody is that
/// over the network.
fn script(password: &str) -> Result<Vec<String>> {
    let verifier = verifier(password);
    Ok(vec![
        format!("CREATE ROLE {} LOGIN PASSWORD {}", quoted(ROLE), literal(&verifier)),
        format!("GRANT pg_monitor TO {}", quoted(ROLE)),
        format!("CREATE DATABASE {} OWNER {}", quoted(DATABASE), quoted(ROLE)),
    ])
}
