//! `toygres` with the badly behaved plugin of the tests linked in: what a plugin of one's own looks
//! like in a binary of one's own.

use std::process::ExitCode;
use toygres_bad_plugin::TOYGRES_PLUGIN as BAD;
use toygres_plugin_api::bundle::Bundled;

static BUNDLED: &[Bundled] = &[BAD];

fn main() -> ExitCode {
    let argv: Vec<_> = std::env::args_os().collect();
    ExitCode::from(toygres_cli::runner::run_with(&argv, BUNDLED))
}
