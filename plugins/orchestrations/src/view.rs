//! How the answers look.

pub(crate) mod detail;
pub(crate) mod history;
pub(crate) mod pending;
pub(crate) mod status;
