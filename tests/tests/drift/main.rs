//! `drift` and `sync` through the real binary, on a control plane of its own: a real PostgreSQL, a
//! real API server, and changes made behind the control plane's back.
//!
//! Where there is no kube-apiserver (`KUBEBUILDER_ASSETS`), these tests say so and pass over.

#[path = "../support/mod.rs"]
mod support;

mod corpus;
mod ignore;
mod in_flight;
mod partial;
mod pasted;
mod plane;
mod repair;
mod rights;
mod sets;
mod sync;
mod view;
