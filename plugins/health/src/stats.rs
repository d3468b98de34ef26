//! Statistics: roll-ups and what is counted now, as one answer.

mod bins;
pub(crate) mod facts;
pub(crate) mod prometheus;
mod read;
mod sql;
pub(crate) mod view;
