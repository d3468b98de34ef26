//! What `db-status` asks PostgreSQL, and what it makes of the answers.

mod disk;
pub(crate) mod facts;
mod performance;
pub(crate) mod probe;
mod sql;
pub(crate) mod view;
