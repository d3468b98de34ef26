//! `health` on a healthy system: no check fails, on a real API server and, with
//! `TOYGRES_TEST_CLUSTER=stand-in`, on the stand-in.

#[allow(dead_code, reason = "shared with the suite of faults")]
#[path = "../health/plane.rs"]
mod plane;
#[path = "../support/mod.rs"]
mod support;

mod healthy;
