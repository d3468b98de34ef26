//! One file a command.

pub(crate) mod health;
pub(crate) mod workers;
