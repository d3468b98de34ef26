//! A process that we started, or one that an earlier daemon left.

use super::Identity;
use rustix::process::Signal;
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;
use tokio::process::{Child, Command};
use toygres_plugin_api::{Error, Result};

/// How often one that is nobody's child is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// After SIGQUIT, which PostgreSQL obeys at once, this long until SIGKILL.
const LAST_WARNING: Duration = Duration::from_secs(2);

/// A running process. Dropping this leaves it running.
#[derive(Debug)]
pub(crate) struct Process {
    identity: Identity,
    child: Option<Child>,
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Its exit code; 128 and the signal's number where a signal ended it. `None` where it was
    /// not our child, and nobody told.
    pub(crate) code: Option<i32>,
    /// The signal that ended it.
    pub(crate) signal: Option<i32>,
}

impl Process {
    /// Starts a command.
    pub(crate) fn start(mut command: Command) -> Result<Self> {
        let program = command.as_std().get_program().to_string_lossy().into_owned();
        let child = command
            .spawn()
            .map_err(|error| Error::failed(format!("`{program}` does not start")).cause(error))?;
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
        let identity = pid.and_then(Identity::of);
        let identity =
            identity.ok_or_else(|| Error::failed(format!("`{program}` ended at once")))?;
        Ok(Self { identity, child: Some(child) })
    }

    /// Takes over one that runs already.
    pub(crate) fn adopt(identity: Identity) -> Self {
        Self { identity, child: None }
    }

    /// Which one it is.
    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Ready when it has ended; may be asked again.
    pub(crate) async fn ended(&mut self) -> Ended {
        if let Some(child) = &mut self.child {
            return match child.wait().await {
                Ok(status) => Ended {
                    code: status.code().or_else(|| status.signal().map(|signal| 128 + signal)),
                    signal: status.signal(),
                },
                Err(_) => Ended { code: None, signal: None },
            };
        }
        // The system tells only parents of an end.
        while self.identity.lives() {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ended { code: None, signal: None }
    }

    /// Ends a PostgreSQL server: its connections are closed and its files left in order. One that
    /// does not go within `grace` is killed.
    pub(crate) async fn stop(&mut self, grace: Duration) -> Ended {
        for (signal, patience) in [(Signal::INT, grace), (Signal::QUIT, LAST_WARNING)] {
            self.identity.signal(signal);
            // One that was paused would not hear it.
            self.identity.signal(Signal::CONT);
            if let Ok(ended) = tokio::time::timeout(patience, self.ended()).await {
                return ended;
            }
        }
        self.identity.signal(Signal::KILL);
        self.ended().await
    }
}
