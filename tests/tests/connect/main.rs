//! Connecting as libpq does: the same connection strings, environments and files are given to
//! `psql` and to the real binary.

#[path = "../support/mod.rs"]
mod support;

mod certificates;
mod control_plane;
mod messages;
mod pooler;
mod rows;
mod servers;
mod settings;
mod table;
