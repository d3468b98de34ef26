//! One file a command.

pub(crate) mod cancel;
pub(crate) mod orchestration;
pub(crate) mod orchestrations;
