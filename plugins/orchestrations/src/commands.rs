//! One file a command.

pub(crate) mod cancel;
mod clear;
pub(crate) mod orchestration;
pub(crate) mod orchestrations;
