//! The harness of the tests: real parts, each in one file.
//!
//! - [`postgres`]: a private PostgreSQL server, and databases in it;
//! - [`workload`]: a duroxide runtime that leaves records of every kind;
//! - [`cgroup`]: a limit of memory, for what runs in it;
//! - [`clock`]: a clock that is wrong, for one process;
//! - [`cms`]: the control plane's tables as deployments have them;
//! - [`control`]: the control plane as a process, on real backends;
//! - [`drift_scale`]: many instances in both, without a control plane;
//! - [`generations`]: duroxide schemas of other releases, and large ones;
//! - [`kube`]: a real kube-apiserver, and a kubelet that it lacks;
//! - [`leaks`]: secrets that got where they should not be;
//! - [`server`]: the server as its operator handles it;
//! - [`soak`]: a control plane under attack;
//! - [`statistics`]: a deployment with millions of events;
//! - [`toygres`]: the real binary, run in an environment of its own;
//! - [`twin`]: a second build that has to answer the same.

pub mod cgroup;
pub mod clock;
pub mod cms;
pub mod control;
pub mod drift_scale;
pub mod generations;
pub mod kube;
pub mod leaks;
pub mod postgres;
pub mod secrets;
pub mod server;
pub mod soak;
pub mod statistics;
pub mod toygres;
pub mod twin;
pub mod wait;
pub mod workload;

/// An error that a test only prints.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// What most functions here answer.
pub type Result<T = (), E = Error> = std::result::Result<T, E>;
