//! The control plane and its process: `start`, `stop`, `restart`, `status`, `logs`, and the server
//! behind them.
//!
//! `process` knows which process the server is, `serve` is its life, `api` its port, `control` what
//! it is for, `log` and `metrics` what it tells of itself; each file of `commands` is one command.

mod api;
mod commands;
mod complete;
mod control;
mod log;
mod metrics;
mod process;
mod serve;

use commands::logs::{Logs, logs};
use commands::restart::{Restart, restart};
use commands::start::{Start, start};
use commands::status::{Status, status};
use commands::stop::{Stop, stop};

toygres_plugin_api::plugin! {
    name: "server",
    description: "The control plane's process and its API",
    needs: [
        "credentials", "commands", "completions", "db", "kube", "ui", "config", "streams", "api",
    ],
    commands: [
        Start => start,
        Stop => stop,
        Restart => restart,
        Status => status,
        Logs => logs,
    ],
}
