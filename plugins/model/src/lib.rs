//! The domain that the first-party plugins share: names, and duroxide's records read tolerantly.
//!
//! Nothing here talks to a backend: records in, facts out; `disk` alone asks this machine. Deployments of several generations
//! exist, so no reader fails on a record that it does not know.

pub mod cluster_reading;
pub mod completion;
pub mod diagnosis;
pub mod disk;
pub mod drift;
pub mod error_details;
pub mod failure;
pub mod history;
pub mod instance;
pub mod kubectl;
pub mod kubernetes;
pub mod names;
pub mod queue;
pub mod records;
pub mod releases;
pub mod request;
pub mod results;
pub mod rights;
pub mod steps;
pub mod time;
pub mod unstarted;
