//! Tests of commands: in process on answers that the test gives, or through the real `toygres`.
//!
//! [`TestHost`] lends a command what the test says, and remembers what the command did. A command
//! is run by the words that an operator would type, read by the same code as in the host:
//!
//! ```
//! use serde_json::json;
//! use std::time::Duration;
//! use toygres_plugin_api::testing::TestHost;
//! use toygres_plugin_api::{Args, Context, Report, Result, plugin};
//!
//! /// List backups that are too old.
//! #[derive(Args)]
//! #[command(list)]
//! struct StaleBackups {
//!     /// Report backups older than this
//!     #[arg(long, default = "24h")]
//!     older_than: Duration,
//! }
//!
//! async fn stale_backups(ctx: &Context, args: StaleBackups) -> Result<Report> {
//!     let sql = "SELECT instance FROM backups WHERE finished_at < now() - $1::interval";
//!     let rows: Vec<serde_json::Value> = ctx.db().query(sql).bind(args.older_than).fetch().await?;
//!     Ok(Report::list(rows))
//! }
//!
//! plugin! { name: "acme-backups", commands: [ stale_backups ] }
//!
//! # fn main() {
//! let host = TestHost::new().rows("FROM backups", json!([{"instance": "proddb"}]));
//! let report = host.run(&TOYGRES_PLUGIN, "stale-backups --older-than 2h").unwrap();
//! assert_eq!(report.data, json!([{"instance": "proddb"}]));
//! assert_eq!(host.queries()[0].binds, [Some("7200000000 microseconds".to_owned())]);
//!
//! let error = host.run(&TOYGRES_PLUGIN, "stale-backups --older-than soon").unwrap_err();
//! assert_eq!(error.kind.exit_code(), 2);
//! # }
//! ```
//!
//! What PostgreSQL makes of a statement only PostgreSQL knows: [`Toygres`] runs the plugin's
//! library in the real `toygres`, on a real database.

mod commands;
mod db;
mod host;
mod kube;
mod run;
mod serve;
mod state;
mod streams;
mod toygres;

pub use host::TestHost;
pub use kube::KubeRequest;
pub use toygres::{Ran, Toygres};
