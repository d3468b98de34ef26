//! Write a command of the `toygres` command line as a plugin.
//!
//! A whole plugin (the crate's type is `cdylib`):
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use std::time::Duration;
//! use toygres_plugin_api::{Args, Context, Report, Result, plugin};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Backup {
//!     instance: String,
//!     finished_at: String,
//! }
//!
//! /// List databases whose last backup is too old.
//! #[derive(Args)]
//! struct StaleBackups {
//!     /// Report backups older than this
//!     #[arg(long, default = "24h")]
//!     older_than: Duration,
//! }
//!
//! async fn stale_backups(ctx: &Context, args: StaleBackups) -> Result<Report> {
//!     let rows: Vec<Backup> = ctx
//!         .db()
//!         .query(
//!             "SELECT instance, max(finished_at) AS finished_at FROM backups GROUP BY instance \
//!              HAVING max(finished_at) < now() - $1::interval",
//!         )
//!         .bind(args.older_than)
//!         .fetch()
//!         .await?;
//!     Ok(Report::list(rows))
//! }
//!
//! plugin! { name: "acme-backups", commands: [ stale_backups ] }
//! # fn main() {}
//! ```
//!
//! `toygres server stale-backups -o json` then exists, with help, masking of secrets, colour and
//! exit codes. `tokio::spawn`, timers and every library that needs tokio work in it.
//!
//! The function `stale_backups` takes the arguments struct of the same name in camel case,
//! `StaleBackups`, from the same module; write `list: ListArgs => run_list` where names differ.

#![warn(missing_docs)]

// So that the macros' paths work in this crate's own tests too.
#[allow(unused_extern_crates, reason = "named by what the macros write")]
extern crate self as toygres_plugin_api;

pub mod abi;
pub mod args;
pub mod batch;
pub mod bundle;
pub mod context;
pub mod document;
pub mod error;
mod later;
pub mod manifest;
pub mod protocol;
pub mod report;
#[doc(hidden)]
pub mod run;
pub mod shell;
#[cfg(feature = "testing")]
pub mod testing;
pub mod text;
pub mod text_file;
#[cfg(feature = "typed")]
#[doc(hidden)]
pub mod typed;

pub use args::{Pair, RecordTime, Time, ValueEnum};
pub use context::{Bind, Confirmation, Context};
pub use error::{Error, ErrorKind, Result};
pub use protocol::{Candidate, Confirmed};
pub use report::Report;
pub use toygres_plugin_api_macros::{Args, Schema, ValueEnum, plugin};

pub use schema::Schema;

mod schema;
