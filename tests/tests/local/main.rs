//! `toygres local`, through the real binary, with `kubectl` and `psql`.

#[path = "../support/mod.rs"]
mod support;

mod context;
mod crash;
mod home;
mod lifecycle;
mod light;
mod pods;
mod processes;
mod trouble;
mod user;
