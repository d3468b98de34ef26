//! One file a command.

pub(crate) mod drift;
pub(crate) mod sync;
