//! Ending the server: a handle of the process itself, so that a signal reaches no other.

use super::identity::Identity;
use super::running;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::os::fd::OwnedFd;
use std::time::Duration;
use toygres_plugin_api::{Error, Result};

/// Between two looks at whether it has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A process to be ended.
#[derive(Debug)]
pub(crate) struct Target {
    handle: OwnedFd,
    pid: i32,
}

impl Target {
    /// A handle of this very process; `None` where it has ended.
    ///
    /// # Errors
    /// When the kernel refuses it.
    pub(crate) fn open(identity: &Identity) -> Result<Option<Self>> {
        let handle = match pidfd_open(running::raw(identity.pid)?, PidfdFlags::NONBLOCK) {
            Ok(handle) => handle,
            Err(Errno::SRCH) => return Ok(None),
            Err(error) => return Err(refused(identity.pid, error)),
        };
        // The handle stands for whoever had the number when it was opened: that must be ours.
        if !identity.lives()? {
            return Ok(None);
        }
        Ok(Some(Self { handle, pid: identity.pid }))
    }

    /// Sends it a signal; one that has ended needs none.
    ///
    /// # Errors
    /// When it belongs to somebody else.
    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        match pidfd_send_signal(&self.handle, signal) {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(error) => Err(refused(self.pid, error)),
        }
    }

    /// Ready when it has ended.
    ///
    /// # Errors
    /// When the kernel cannot tell.
    pub(crate) async fn ended(&self) -> Result<()> {
        // A handle of a process is readable once that has ended.
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        loop {
            let asked = &mut [PollFd::new(&self.handle, PollFlags::IN)];
            match poll(asked, Some(&at_once)) {
                Ok(0) | Err(Errno::INTR) => tokio::time::sleep(LOOK_AGAIN).await,
                Ok(_) => return Ok(()),
                Err(error) => return Err(std::io::Error::from(error).into()),
            }
        }
    }
}

fn refused(pid: i32, error: Errno) -> Error {
    let refused = Error::failed(format!("the process {pid} cannot be ended")).cause(error);
    if error == Errno::PERM {
        return refused.hint("it belongs to another user; run the command as that one");
    }
    refused
}
