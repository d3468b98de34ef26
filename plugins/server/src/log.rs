//! The server's log: JSON lines in a file that is set aside when it has grown.

pub(crate) mod entry;
pub(crate) mod files;
pub(crate) mod filter;
pub(crate) mod follow;
mod mask;
mod rotate;
mod setup;
mod throttle;

pub(crate) use mask::Mask;
pub(crate) use setup::{Target, filter, start, writable};
pub(crate) use throttle::LogThrottle;
