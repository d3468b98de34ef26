//! What was found out, as `db-status` answers it.

use serde::{Deserialize, Serialize};
use toygres_plugin_api::Schema;

/// The answer of `db-status`.
#[derive(Debug, Serialize, Schema)]
pub(crate) struct Facts {
    pub(crate) connection: Connection,
    pub(crate) schemas: Vec<SchemaFacts>,
    pub(crate) tables: Vec<TableFacts>,
    pub(crate) pool: Pool,
    pub(crate) performance: Performance,
    pub(crate) disk: Disk,
    /// Only with `--verbose`.
    pub(crate) long_transactions: Option<Vec<Transaction>>,
    /// Only with `--verbose`.
    pub(crate) extensions: Option<Vec<Extension>>,
    /// Only with `--verbose`.
    pub(crate) migrations: Option<Vec<Migrations>>,
    /// Only with `--verbose`.
    pub(crate) standbys: Option<Vec<Standby>>,
}

/// Where the database is and what it says of itself.
#[derive(Debug, Serialize, Schema)]
pub(crate) struct Connection {
    pub(crate) connected: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) database: String,
    pub(crate) user: String,
    pub(crate) server_version: String,
    pub(crate) in_recovery: bool,
    pub(crate) uptime_ms: i64,
}

/// One schema.
#[derive(Debug, Serialize, Deserialize, Schema)]
pub(crate) struct SchemaFacts {
    pub(crate) name: String,
    pub(crate) present: bool,
    pub(crate) tables: i64,
    pub(crate) size_bytes: i64,
}

/// One table.
#[derive(Debug, Serialize, Schema)]
pub(crate) struct TableFacts {
    pub(crate) schema: String,
    pub(crate) name: String,
    /// `null` where it cannot be known: see `rows_source`.
    pub(crate) rows: Option<i64>,
    /// `counted`, `estimate`, `never_analyzed` or `forbidden`.
    pub(crate) rows_source: String,
    pub(crate) size_bytes: i64,
    pub(crate) index_bytes: i64,
    pub(crate) dead_rows: Option<i64>,
    pub(crate) vacuumed_at: Option<String>,
    pub(crate) analyzed_at: Option<String>,
}

/// Connections.
#[derive(Debug, Serialize, Schema)]
pub(crate) struct Pool {
    /// The most that one toygres command opens.
    pub(crate) max_connections: u32,
    /// Connections of all toygres processes that run a statement; this command's own included.
    pub(crate) active: i64,
    pub(crate) idle: i64,
    /// All sessions of the server.
    pub(crate) server_connections: i64,
    pub(crate) server_max_connections: i64,
    /// Why the numbers may be too small; `null` where they are not.
    pub(crate) reason: Option<String>,
}

/// How fast it answers.
#[derive(Debug, Serialize, Schema)]
pub(crate) struct Performance {
    pub(crate) avg_query_ms: Option<f64>,
    /// `pg_stat_statements` or `probe`: the round trip that this command measured.
    pub(crate) avg_query_source: String,
    /// Why the better source is not used; `null` where it is.
    pub(crate) avg_query_reason: Option<String>,
    pub(crate) slow_queries: i64,
    /// `pg_stat_statements` (on average over 1 s) or `pg_stat_activity` (running for over 1 s now).
    pub(crate) slow_queries_source: String,
    /// Why the number may be too small; `null` where it is not.
    pub(crate) slow_queries_reason: Option<String>,
}

/// Disk.
#[derive(Debug, Serialize, Schema)]
pub(crate) struct Disk {
    pub(crate) total_bytes: i64,
    pub(crate) available_bytes: Option<i64>,
    /// Why `available_bytes` is `null`.
    pub(crate) available_reason: Option<String>,
}

/// A transaction that has been open for long.
#[derive(Debug, Serialize, Deserialize, Schema)]
pub(crate) struct Transaction {
    pub(crate) pid: i64,
    pub(crate) user_name: Option<String>,
    pub(crate) application_name: Option<String>,
    pub(crate) state: Option<String>,
    pub(crate) age_ms: Option<i64>,
    pub(crate) statement: Option<String>,
}

/// An extension.
#[derive(Debug, Serialize, Deserialize, Schema)]
pub(crate) struct Extension {
    pub(crate) name: String,
    pub(crate) version: String,
}

/// The migrations of a schema, by the table that records them.
#[derive(Debug, Serialize, Deserialize, Schema)]
pub(crate) struct Migrations {
    pub(crate) schema: String,
    pub(crate) applied: i64,
    pub(crate) latest: Option<i64>,
}

/// A standby that streams from this server.
#[derive(Debug, Serialize, Deserialize, Schema)]
pub(crate) struct Standby {
    pub(crate) application_name: Option<String>,
    pub(crate) address: Option<String>,
    pub(crate) state: Option<String>,
    pub(crate) sync_state: Option<String>,
    /// `null` without the right to see it, and on a quiet server.
    pub(crate) lag_ms: Option<i64>,
}
