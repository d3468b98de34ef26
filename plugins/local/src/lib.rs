//! The embedded default: a private PostgreSQL and a stand-in for Kubernetes on one machine.
//!
//! `toygres local up` starts a process of its own ([`daemon`]), which runs PostgreSQL
//! ([`postgres`]), serves the Kubernetes API ([`kube`]) and does what a cluster does with its
//! objects ([`kubelet`]).

mod commands;
mod context;
mod daemon;
mod files;
mod folders;
mod kept;
mod kube;
mod kubelet;
mod lock;
mod ports;
mod postgres;
mod process;

use commands::down::{Down, down};
use commands::serve::{Serve, serve};
use commands::status::{Status, status};
use commands::up::{Up, up};

toygres_plugin_api::plugin! {
    name: "local",
    description: "A private PostgreSQL and a stand-in for Kubernetes on this machine",
    needs: ["config"],
    commands: [ Up => up, Down => down, Status => status, Serve => serve ],
}
