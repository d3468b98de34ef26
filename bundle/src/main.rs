//! `toygres` with plugins linked in: runs what was typed.

use std::process::ExitCode;
use toygres_plugin_api::bundle::Bundled;

/// What the features chose, by name.
static BUNDLED: &[Bundled] = &[
    #[cfg(feature = "config")]
    toygres_config::TOYGRES_PLUGIN,
    #[cfg(feature = "db")]
    toygres_db::TOYGRES_PLUGIN,
    #[cfg(feature = "drift")]
    toygres_drift::TOYGRES_PLUGIN,
    #[cfg(feature = "health")]
    toygres_health::TOYGRES_PLUGIN,
    #[cfg(feature = "instances")]
    toygres_instances::TOYGRES_PLUGIN,
    #[cfg(feature = "local")]
    toygres_local::TOYGRES_PLUGIN,
    #[cfg(feature = "orchestrations")]
    toygres_orchestrations::TOYGRES_PLUGIN,
    #[cfg(feature = "server")]
    toygres_server::TOYGRES_PLUGIN,
];

fn main() -> ExitCode {
    let argv: Vec<_> = std::env::args_os().collect();
    ExitCode::from(toygres_cli::runner::run_with(&argv, BUNDLED))
}
