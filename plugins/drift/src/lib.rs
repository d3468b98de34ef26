//! `drift` and `sync`: where the metadata database and Kubernetes differ, and how they agree again.
//!
//! `read` asks both sides, `toygres-model` compares what they say, `answer` tells it, `plan` says
//! what would make them agree, and `apply` does that. Nothing outside of `apply` can write.

mod answer;
mod apply;
mod commands;
mod complete;
mod ignore;
mod plan;
mod read;
mod settings;

use commands::drift::{Drift, drift};
use commands::sync::{Sync, sync};

toygres_plugin_api::plugin! {
    name: "drift",
    description: "Compare the metadata database with Kubernetes, and make them agree",
    needs: ["db", "kube", "ui", "config"],
    commands: [
        Drift => drift,
        Sync => sync,
    ],
}
