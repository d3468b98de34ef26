//! One file for a support case: what every diagnostic says, masked by the host, and a manifest of
//! what was run.

mod collect;
pub(crate) mod kubernetes;
mod pack;
mod plan;

pub(crate) use collect::{Entry, collect, is_remote};
pub(crate) use pack::pack;
pub(crate) use plan::{Planned, looked_into, plan, queries};
