//! How many files and connections this process may have open, and who gets them.
//!
//! Everything that the server does takes descriptors: its sessions with PostgreSQL and Kubernetes,
//! the checks of instances, the commands that it runs for others. Connections of clients take them
//! too, and anybody can make these. So clients get what is left once the server's own work has its
//! share, however low the limit is.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// No more than this is asked for, though the hard limit may be higher.
const MAX_DESCRIPTORS: u64 = 65_536;
/// Files, logs, libraries, sessions with Kubernetes, checks of instances.
const BASE_DESCRIPTORS: u64 = 64;
/// Sessions of the workflows' own pool.
const WORKFLOW_SESSIONS: u64 = 10;
/// Sessions of the CMS's pool besides those of the activities.
const EXTRA_SESSIONS: u64 = 6;
/// Sessions that one command may have at a time.
const SESSIONS_PER_COMMAND: u64 = 5;
/// A server that can take fewer connections is of no use.
const MIN_CONNECTIONS: u64 = 16;

/// Raises the soft limit as far as the hard one allows, and answers what holds now.
pub(crate) fn raise_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let unlimited = |value: Option<u64>| value.unwrap_or(u64::MAX);
    let soft = unlimited(limit.current);
    let wanted = unlimited(limit.maximum).min(MAX_DESCRIPTORS);
    if soft >= wanted {
        return soft;
    }
    let raised = Rlimit { current: Some(wanted), maximum: limit.maximum };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => wanted,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files cannot be raised");
            soft
        }
    }
}

/// The descriptors that the server's own work may need at a time.
pub(crate) fn own_share(workers: u32, commands: usize) -> u64 {
    let sessions = u64::from(workers.min(64)) + EXTRA_SESSIONS + WORKFLOW_SESSIONS;
    BASE_DESCRIPTORS + sessions + SESSIONS_PER_COMMAND * commands as u64
}

/// The connections of clients that `limit` has room for beside the server's own work.
pub(crate) fn connections(wanted: usize, limit: u64, own_share: u64) -> usize {
    // With a limit that is too low for both, a quarter of it: the server's work comes first.
    let room = limit.saturating_sub(own_share).max(limit / 4).max(MIN_CONNECTIONS);
    usize::try_from(room).unwrap_or(usize::MAX).min(wanted)
}

#[cfg(test)]
mod tests {
    use super::{connections, own_share};

    #[test]
    fn the_servers_own_work_has_its_share_of_descriptors() {
        let own = own_share(3, 19);
        for (limit, expected) in [
            (u64::MAX, 1024),
            (65_536, 1024),
            (1024, (1024 - own) as usize),
            (256, (256 - own) as usize),
            (128, 32),
            (32, 16),
        ] {
            assert_eq!(connections(1024, limit, own), expected, "{limit}");
        }
        assert_eq!(connections(20, 1024, own), 20);
    }
}
