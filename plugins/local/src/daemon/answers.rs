//! Whether what the daemon says is up answers. A process that hangs, or was paused, lives on and
//! changes no file: only asking it tells.

use super::Overview;
use crate::folders::Folders;
use crate::kept::Kept;
use crate::kube::tls;
use crate::postgres::accepts;
use crate::process::Identity;
use futures_util::future::join_all;
use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use toygres_plugin_api::Error;

/// A server on this machine that takes longer to answer hangs.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

/// What the first line of an answer of the stand-in begins with where all is well.
const HEALTHY: &[u8] = b"HTTP/1.1 200 ";

/// One part that does not answer, and what can be said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Silence {
    /// The daemon, and with it the stand-in for Kubernetes.
    Daemon { pid: i32, paused: bool },
    /// PostgreSQL's process is there, and it takes no connection.
    Postgres { pid: i32, paused: bool },
    /// PostgreSQL's process is gone, and the daemon has not noticed.
    PostgresGone { pid: i32 },
    /// PostgreSQL has ended, and the daemon is about to start it again.
    PostgresDown,
}

/// What answers.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// What does not; the part first on which the others depend.
    pub(crate) silent: Vec<Silence>,
}

impl Answers {
    /// Asks the daemon, PostgreSQL, and every pod that is called ready; a pod that does not answer is
    /// not ready in `overview` from then on.
    pub(crate) async fn ask(folders: &Folders, kept: &Kept, overview: &mut Overview) -> Self {
        let asked: Vec<_> = overview
            .pods
            .iter()
            .map(|pod| pod.port.filter(|_| pod.ready && pod.pid.is_some()))
            .collect();
        let pods = join_all(asked.iter().map(async |port| match port {
            Some(port) => accepts(*port).await,
            None => true,
        }));
        let port = overview.database.port;
        let (daemon, postgres, pods) =
            tokio::join!(stand_in_answers(folders, kept.api_port), accepts(port), pods);
        for (pod, answers) in overview.pods.iter_mut().zip(pods) {
            pod.ready &= answers;
        }
        let mut silent = Vec::new();
        if !daemon {
            let pid = overview.pid;
            silent.push(Silence::Daemon { pid, paused: Identity::is_paused(pid) });
        }
        match (overview.lost(folders), overview.database.pid) {
            (Some(pid), _) => silent.push(Silence::PostgresGone { pid }),
            (None, None) => silent.push(Silence::PostgresDown),
            (None, Some(pid)) if !postgres => {
                silent.push(Silence::Postgres { pid, paused: Identity::is_paused(pid) });
            }
            (None, Some(_)) => {}
        }
        Self { silent }
    }

    /// What has to be waited for before everything is up: what does not answer, or a PostgreSQL that
    /// answers and that the daemon has not heard of so far.
    pub(crate) fn awaited(&self, overview: &Overview) -> Option<Silence> {
        let database = &overview.database;
        let starting = database.pid.filter(|_| !database.ready);
        let starting = starting.map(|pid| Silence::Postgres { pid, paused: false });
        self.silent.first().cloned().or(starting)
    }

    /// Whether the daemon does.
    pub(crate) fn daemon(&self) -> bool {
        !self.silent.iter().any(|silence| matches!(silence, Silence::Daemon { .. }))
    }

    /// Whether PostgreSQL does.
    pub(crate) fn postgres(&self) -> bool {
        self.silent.iter().all(|silence| matches!(silence, Silence::Daemon { .. }))
    }
}

impl Silence {
    /// In words.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Daemon { pid, paused: true } => {
                format!("the daemon (pid {pid}) does not answer: the process is paused")
            }
            Self::Daemon { pid, paused: false } => {
                format!("the daemon (pid {pid}) does not answer")
            }
            Self::Postgres { pid, paused: true } => {
                format!("PostgreSQL (pid {pid}) does not answer: the process is paused")
            }
            Self::Postgres { pid, paused: false } => {
                format!("PostgreSQL (pid {pid}) does not answer")
            }
            Self::PostgresGone { pid } => {
                format!("PostgreSQL (pid {pid}) is gone, and the daemon has not noticed")
            }
            Self::PostgresDown => {
                "PostgreSQL has ended, and the daemon has not started it again yet".to_owned()
            }
        }
    }

    /// What helps.
    pub(crate) fn hint(&self, folders: &Folders) -> String {
        let anew = "toygres local down && toygres local up";
        match self {
            Self::Daemon { pid, paused: true } | Self::Postgres { pid, paused: true } => {
                format!("let it go on: kill -CONT {pid}")
            }
            Self::Daemon { .. } | Self::PostgresGone { .. } => {
                format!("if it stays so, the daemon hangs: {anew}")
            }
            Self::Postgres { .. } | Self::PostgresDown => {
                let log = folders.logs().join("postgres.log");
                format!("its log: {}; if it stays so: {anew}", log.display())
            }
        }
    }

    /// As the error of a command that waited for it.
    pub(crate) fn error(&self, folders: &Folders) -> Error {
        Error::timed_out("not everything is up").cause(self.text()).hint(self.hint(folders))
    }
}

/// Whether the stand-in says that it is well, over TLS as for everybody.
async fn stand_in_answers(folders: &Folders, port: u16) -> bool {
    let asked = async {
        let connector = tls::connector(&folders.certificate())?;
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        let name = Ipv4Addr::LOCALHOST.to_string();
        let name = rustls::pki_types::ServerName::try_from(name).map_err(io::Error::other)?;
        let mut stream = connector.connect(name, stream).await?;
        let request = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await?;
        let mut line = [0; HEALTHY.len()];
        stream.read_exact(&mut line).await?;
        Ok::<bool, io::Error>(line == *HEALTHY)
    };
    tokio::time::timeout(ANSWER_TIMEOUT, asked).await.is_ok_and(|asked| asked.unwrap_or(false))
}
