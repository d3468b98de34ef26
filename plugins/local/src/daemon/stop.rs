//! Taking everything down.

use super::{Leftover, State, is_alive, leftovers};
use crate::folders::Folders;
use crate::process::{Identity, Process};
use rustix::process::Signal;
use std::time::Duration;
use tokio::time::Instant;
use toygres_plugin_api::{Context, Error, ErrorKind, Result};

const LOOK_AGAIN: Duration = Duration::from_millis(30);

/// What was taken down.
#[derive(Debug, Default)]
pub(crate) struct Stopped {
    /// The daemon's number, where one ran.
    pub(crate) daemon: Option<i32>,
    /// It did not go by itself.
    pub(crate) killed: bool,
    /// Servers that an earlier daemon had left.
    pub(crate) leftovers: usize,
}

/// Asks the daemon to take everything down, kills it where it has not at the deadline, and ends
/// the servers that are left then.
pub(crate) async fn stop(ctx: &Context, folders: &Folders, deadline: Instant) -> Result<Stopped> {
    let mut stopped = Stopped::default();
    while is_alive(folders)? {
        let Some(state) = State::read(folders)?.filter(|state| state.identity.lives()) else {
            // It has begun, and has not said who it is.
            if Instant::now() >= deadline {
                return Err(Error::timed_out(
                    "the daemon of `toygres local` does not say who it is",
                )
                .hint(format!("see who holds {}", folders.local().join("daemon.lock").display())));
            }
            pause(ctx).await?;
            continue;
        };
        stopped.daemon = Some(state.identity.pid);
        state.identity.signal(Signal::TERM);
        stopped.killed = !goes(ctx, folders, &state.identity, deadline).await?;
        if stopped.killed {
            state.identity.signal(Signal::KILL);
            let deadline = Instant::now() + Duration::from_secs(10);
            goes(ctx, folders, &state.identity, deadline).await?;
        }
    }
    let left = leftovers(folders);
    stopped.leftovers = left.len();
    end(left).await;
    State::remove(folders)?;
    Ok(stopped)
}

/// Whether the daemon ends before the deadline; it lets go of its lock a moment earlier.
async fn goes(
    ctx: &Context,
    folders: &Folders,
    daemon: &Identity,
    deadline: Instant,
) -> Result<bool> {
    while is_alive(folders)? || daemon.lives() {
        if Instant::now() >= deadline {
            return Ok(false);
        }
        pause(ctx).await?;
    }
    Ok(true)
}

/// Pods first, the database that may know of them last.
async fn end(left: Vec<Leftover>) {
    for leftover in left {
        Process::adopt(leftover.running.identity).stop(Duration::from_secs(10)).await;
    }
}

async fn pause(ctx: &Context) -> Result<()> {
    tokio::select! {
        () = tokio::time::sleep(LOOK_AGAIN) => Ok(()),
        () = ctx.cancelled() => Err(Error::new(ErrorKind::Interrupted, "interrupted")
            .hint("see what is still up: toygres local status")),
    }
}
