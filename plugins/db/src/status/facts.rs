//! What was found out, as `db-status` answers it.

use serde::{Deserialize, Serialize};
use toygres_plugin_api::Schema;
use toygres_plugin_api::report::Verdict;

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

impl Facts {
    /// A full disk is no good news, and what may not be read is no whole answer.
    pub(crate) fn verdict(&self) -> Verdict {
        if self.full().is_some() {
            Verdict::Negative
        } else if self.forbidden().is_some() {
            Verdict::Undetermined
        } else {
            Verdict::Clean
        }
    }

    /// What a full disk means, and what helps.
    pub(crate) fn full(&self) -> Option<String> {
        (self.disk.room.as_deref() == Some("full")).then(|| {
            "the disk of the database is full: nothing can be written until there is room on it"
                .to_owned()
        })
    }

    /// The tables that this role may not read, and the right that it lacks.
    pub(crate) fn forbidden(&self) -> Option<String> {
        let closed: Vec<&TableFacts> =
            self.tables.iter().filter(|table| table.rows_source == "forbidden").collect();
        let mut schemas: Vec<String> =
            closed.iter().map(|table| identifier(&table.schema)).collect();
        schemas.dedup();
        let (schemas, role) = (schemas.join(", "), identifier(&self.connection.user));
        let plural = if closed.len() == 1 { "" } else { "s" };
        (!closed.is_empty()).then(|| {
            format!(
                "{} table{plural} may not be read by this role; their owner allows it with \
                 `GRANT USAGE ON SCHEMA {schemas} TO {role}; \
                 GRANT SELECT ON ALL TABLES IN SCHEMA {schemas} TO {role}`",
                closed.len()
            )
        })
    }
}

/// A name as SQL takes it.
fn identifier(name: &str) -> String {
    let plain =
        |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    if name.starts_with(|letter: char| !letter.is_ascii_digit()) && name.chars().all(plain) {
        return name.to_owned();
    }
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Where the database is and what it says of itself.
#[derive(Debug, Serialize, Deserialize, Schema)]
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
#[derive(Debug, Serialize, Deserialize, Schema)]
pub(crate) struct Pool {
    /// The most that one toygres command opens.
    pub(crate) max_connections: u32,
    /// Of those, the ones that this command uses.
    pub(crate) own_active: i64,
    /// Of those, the ones that it does not.
    pub(crate) own_idle: i64,
    /// Connections of all toygres processes that run a statement; this command's own included.
    pub(crate) active: i64,
    /// Connections of all toygres processes that run none.
    pub(crate) idle: i64,
    /// All sessions of the server.
    pub(crate) server_connections: i64,
    pub(crate) server_max_connections: i64,
    /// Why the numbers may be too small; `null` where they are not.
    pub(crate) reason: Option<String>,
}

/// How fast it answers.
#[derive(Debug, Serialize, Deserialize, Schema)]
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
#[derive(Debug, Serialize, Deserialize, Schema)]
pub(crate) struct Disk {
    /// What this database takes.
    pub(crate) total_bytes: i64,
    pub(crate) available_bytes: Option<i64>,
    /// The size of the file system.
    pub(crate) capacity_bytes: Option<i64>,
    /// `enough`, `low` (less than a twentieth is left, and less than 5 GiB) or `full`: nothing can be written.
    pub(crate) room: Option<String>,
    /// Why the others are `null`.
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
    /// How many are recorded. Numbers may be left out, so this may be less than `latest`.
    pub(crate) applied: i64,
    /// The number of the newest one that is recorded.
    pub(crate) latest: Option<i64>,
    /// The number of the newest one that this release has, to compare `latest` with.
    #[serde(default)]
    pub(crate) known: Option<i64>,
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

#[cfg(test)]
mod tests {
    use super::{Facts, TableFacts, identifier};
    use serde_json::json;
    use toygres_plugin_api::report::Verdict;

    /// What was found, with this much room and these sources of rows.
    fn facts(room: Option<&str>, sources: &[&str]) -> Facts {
        let connection = json!({"connected": true, "host": "h", "port": 1, "database": "d",
            "user": "reader", "server_version": "18", "in_recovery": false, "uptime_ms": 1});
        let pool = json!({"max_connections": 5, "own_active": 1, "own_idle": 4, "active": 1,
            "idle": 7, "server_connections": 9, "server_max_connections": 100, "reason": null});
        let performance = json!({"avg_query_ms": null, "avg_query_source": "probe",
            "avg_query_reason": null, "slow_queries": 0, "slow_queries_source": "probe",
            "slow_queries_reason": null});
        let disk = json!({"total_bytes": 1, "available_bytes": 0, "capacity_bytes": 1,
            "room": room, "available_reason": null});
        let table = |source: &&str| TableFacts {
            schema: "toygres_cms".to_owned(),
            name: "instances".to_owned(),
            rows: None,
            rows_source: (*source).to_owned(),
            size_bytes: 1,
            index_bytes: 1,
            dead_rows: None,
            vacuumed_at: None,
            analyzed_at: None,
        };
        Facts {
            connection: serde_json::from_value(connection).unwrap(),
            schemas: Vec::new(),
            tables: sources.iter().map(table).collect(),
            pool: serde_json::from_value(pool).unwrap(),
            performance: serde_json::from_value(performance).unwrap(),
            disk: serde_json::from_value(disk).unwrap(),
            long_transactions: None,
            extensions: None,
            migrations: None,
            standbys: None,
        }
    }

    #[test]
    fn a_full_disk_is_no_good_news_and_a_closed_table_no_whole_answer() {
        let full = facts(Some("full"), &["counted", "forbidden"]);
        assert_eq!(full.verdict(), Verdict::Negative);
        assert!(full.full().unwrap().contains("disk of the database is full"));
        assert_eq!(facts(Some("low"), &["counted"]).verdict(), Verdict::Clean);
        let closed = facts(None, &["forbidden", "counted", "forbidden"]);
        assert_eq!(closed.verdict(), Verdict::Undetermined);
        let said = closed.forbidden().unwrap();
        assert!(
            said.contains("2 tables may not") && said.contains("IN SCHEMA toygres_cms TO reader")
        );
        assert_eq!(facts(Some("enough"), &["estimate"]).verdict(), Verdict::Clean);
    }

    #[test]
    fn names_are_quoted_where_they_must_be() {
        assert_eq!(identifier("toygres_cms"), "toygres_cms");
        assert_eq!(identifier("My \"role\""), "\"My \"\"role\"\"\"");
        assert_eq!(identifier("1st"), "\"1st\"");
    }
}
