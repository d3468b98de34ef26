//! `orchestrations`, `orchestration` and `cancel`: duroxide's workflows as an operator sees them.
//!
//! `read` asks the database, `toygres-model` makes facts of the records, `view` shows them, and
//! each file of `commands` is one command.

mod commands;
mod complete;
mod read;
mod view;

use commands::cancel::{Cancel, cancel};
use commands::orchestration::{Orchestration, orchestration};
use commands::orchestrations::{Orchestrations, orchestrations};

toygres_plugin_api::plugin! {
    name: "orchestrations",
    description: "List, explain and cancel the control plane's workflows",
    needs: ["db", "workflows", "ui", "config"],
    commands: [
        Orchestrations => orchestrations,
        Orchestration => orchestration,
        Cancel => cancel,
    ],
}
