//! Workers: heartbeats joined with duroxide's leases.

pub(crate) mod facts;
mod join;
mod read;
pub(crate) mod view;
