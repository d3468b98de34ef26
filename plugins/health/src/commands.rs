//! One file a command.

pub(crate) mod health;
pub(crate) mod report;
pub(crate) mod stats;
pub(crate) mod workers;
