//! What the commands ask the database. Every statement names only columns that all generations of
//! duroxide's schema have; what later ones add is read from the row as a whole.

pub(crate) mod checks;
pub(crate) mod list;
pub(crate) mod records;
pub(crate) mod schema;
pub(crate) mod similar;
pub(crate) mod stuck;
pub(crate) mod workers;
