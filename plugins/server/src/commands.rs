//! One file a command.

mod crash;
pub(crate) mod logs;
pub(crate) mod restart;
pub(crate) mod start;
pub(crate) mod status;
pub(crate) mod stop;
mod view;
