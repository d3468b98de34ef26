//! The host: finds plugins, lends them what it has, and prints what they answer.

pub mod cli;
pub mod discover;
pub mod fault;
pub mod guard;
pub mod load;
pub mod plugin;
pub mod redact;
pub mod settings;
pub mod host { pub const ABILITIES: &[&str] = &[]; }
