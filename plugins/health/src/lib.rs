//! `health`, `report`, `stats` and `workers`: whether the control plane and what it runs are well.
//!
//! `gather` asks the backends, once each and only for what is needed; `checks` are rows that judge
//! what was gathered; `report` shows them. Nothing here writes anywhere.

mod archive;
mod check;
mod checks;
mod commands;
mod gather;
mod report;
mod run;
mod stats;
mod workers;

use commands::health::{Health, health};
use commands::report::{Report as SupportReport, report as support_report};
use commands::stats::{Stats, stats};
use commands::workers::{Workers, workers};

toygres_plugin_api::plugin! {
    name: "health",
    description: "Check the health of everything, and show statistics and workers",
    needs: ["db", "kube", "api", "ui", "config", "commands"],
    commands: [
        Health => health,
        SupportReport => support_report,
        Stats => stats,
        Workers => workers,
    ],
}
