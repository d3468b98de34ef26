//! The server's process, as its own commands see it: who it is, whether it runs, how it is ended.
//!
//! It is known by more than a number. It holds a lock on a file for its whole life, and the kernel
//! says who holds it; and the pid file says when it began and under which boot, so that another
//! process that got its number later is never taken for it.

pub(crate) mod descriptors;
pub(crate) mod home;
pub(crate) mod identity;
pub(crate) mod lock;
pub(crate) mod options;
pub(crate) mod paths;
pub(crate) mod record;
pub(crate) mod running;
pub(crate) mod settings;
pub(crate) mod spawn;
pub(crate) mod target;
