//! `config` and `env`: what is in force, and where each value comes from.

mod commands;

use commands::config::config;
use commands::env::env;
use commands::{config::Config, env::Env};

toygres_plugin_api::plugin! {
    name: "config",
    description: "The configuration and environment in force, each value with its source",
    needs: ["config"],
    commands: [ Config => config, Env => env ],
}
