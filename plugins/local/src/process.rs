//! Processes: who they are, whom they run as, how they end.

pub(crate) mod account;
mod handle;
mod identity;

pub(crate) use handle::{Ended, Process};
pub(crate) use identity::Identity;
