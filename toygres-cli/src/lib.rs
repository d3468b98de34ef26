//! The host: finds plugins, lends them what it has, and prints what they answer.
//!
//! It knows no domain: no table of the metadata database, no workflow. What it knows is how to
//! find a plugin (`discover`), read what it says of itself, open it (`load`), serve its calls
//! (`host`, `lend`), mask what it answers (`redact`) and print that (`render`, `output`).

mod call;
pub mod cli;
mod complete;
pub mod digest;
pub mod discover;
mod exit_status;
pub mod fault;
pub mod guard;
pub mod host;
mod https;
pub mod lend;
pub mod load;
pub mod man;
mod memory;
pub mod output;
pub mod plugin;
mod remote;
pub mod render;
pub mod runner;
pub mod settings;
pub mod trusted;
mod users;

/// Masks what is shown.
pub use toygres_redaction as redact;
