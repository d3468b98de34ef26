//! PostgreSQL as this machine has it: its programs, data folders, and running servers.

mod create;
mod download;
mod pidfile;
mod probe;
mod programs;
mod server;
mod shared_memory;

pub(crate) use create::{Making, literal, quoted, verifier};
pub(crate) use pidfile::{Running, running};
pub(crate) use probe::{accepts, answers};
pub(crate) use programs::{Installed, Programs};
pub(crate) use server::Server;

use std::path::Path;

/// The major version that made a data folder; none where there is no finished one.
pub(crate) fn major_of(data: &Path) -> Option<u32> {
    std::fs::read_to_string(data.join("PG_VERSION")).ok()?.trim().parse().ok()
}
