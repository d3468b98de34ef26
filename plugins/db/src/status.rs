//! What `db-status` asks PostgreSQL, and what it makes of the answers.

pub(crate) mod facts;
pub(crate) mod sql;
pub(crate) mod view;
