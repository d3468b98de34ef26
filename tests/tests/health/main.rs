//! `health`, `stats` and `workers`, through the real binary on real backends: nothing fails on a
//! healthy system, every fault is named by its code, and nothing is written.
//!
//! Where there is no kube-apiserver (`KUBEBUILDER_ASSETS`), the tests that need one say so and pass
//! over.

#[path = "../support/mod.rs"]
mod support;

mod altered;
mod clock;
mod codes;
mod contributed;
mod database;
mod hung;
mod kubernetes;
mod layout;
mod plane;
mod reads;
mod records;
mod rollups;
mod stats;
mod unstarted;
mod workers;
