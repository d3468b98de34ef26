//! One file a command.

pub(crate) mod query;
pub(crate) mod status;
