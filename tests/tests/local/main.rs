//! `toygres local`, through the real binary, with `kubectl` and `psql`.

#[path = "../support/mod.rs"]
mod support;

mod answers;
mod context;
mod crash;
mod forgotten;
mod full_disk;
mod home;
mod lifecycle;
mod light;
mod pods;
mod processes;
mod shared_memory;
mod trouble;
mod user;
