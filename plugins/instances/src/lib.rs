//! `create`, `list`, `get` and `delete`, through the API of the control plane.
//!
//! `api` asks and reads, `wait` follows what was asked for until it is done and `tell` says how far
//! it is, `view` shows, and each file of `commands` is one command.

mod api;
mod commands;
mod complete;
mod instance;
mod password;
mod tell;
mod view;
mod wait;

use commands::create::{Create, create};
use commands::delete::{Delete, delete};
use commands::get::{Get, get};
use commands::list::{List, list};

toygres_plugin_api::plugin! {
    name: "instances",
    description: "Create, list, show and delete databases",
    needs: ["api", "ui"],
    commands: [
        Create => create,
        List => list,
        Get => get,
        Delete => delete,
    ],
}
