//! Which tables and migrations a deployment has; generations differ.

use super::{QUESTION, Settings};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use toygres_plugin_api::{Context, Result};

/// The two schemas as this database has them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Schemas {
    tables: BTreeSet<(String, String)>,
    /// The newest migration by schema; absent where no table records them.
    newest: BTreeMap<String, i64>,
    indexes: BTreeSet<String>,
    pub(crate) cms: String,
    pub(crate) duroxide: String,
}

/// duroxide's tables, without which nothing can be said of orchestrations.
pub(crate) const DUROXIDE_TABLES: &[&str] =
    &["instances", "executions", "history", "orchestrator_queue", "worker_queue", "instance_locks"];
/// The tables of the CMS that every deployment has.
pub(crate) const CMS_TABLES: &[&str] =
    &["instances", "instance_events", "instance_health_checks", "drift_detections"];

impl Schemas {
    /// Schemas of these names, without a table.
    #[cfg(test)]
    pub(crate) fn named(cms: &str, duroxide: &str) -> Self {
        Self { cms: cms.to_owned(), duroxide: duroxide.to_owned(), ..Self::default() }
    }

    /// Whether the CMS has a table.
    pub(crate) fn cms_has(&self, table: &str) -> bool {
        self.tables.contains(&(self.cms.clone(), table.to_owned()))
    }

    /// Whether duroxide's schema has a table.
    pub(crate) fn duroxide_has(&self, table: &str) -> bool {
        self.tables.contains(&(self.duroxide.clone(), table.to_owned()))
    }

    /// How many tables a schema has.
    pub(crate) fn count(&self, schema: &str) -> usize {
        self.tables.iter().filter(|(of, _)| of == schema).count()
    }

    /// The tables of a schema, in order.
    pub(crate) fn names(&self, schema: &str) -> Vec<&str> {
        let own = self.tables.iter().filter(|(of, _)| of == schema);
        own.map(|(_, name)| name.as_str()).collect()
    }

    /// The newest migration of a schema.
    pub(crate) fn newest(&self, schema: &str) -> Option<i64> {
        self.newest.get(schema).copied()
    }

    /// Whether the CMS has an index.
    pub(crate) fn has_index(&self, name: &str) -> bool {
        self.indexes.contains(name)
    }

    /// A table of the CMS, quoted.
    pub(crate) fn of_cms(&self, table: &str) -> String {
        format!("{}.{table}", quoted(&self.cms))
    }

    /// A table of duroxide's, quoted.
    pub(crate) fn of_duroxide(&self, table: &str) -> String {
        format!("{}.{table}", quoted(&self.duroxide))
    }
}

/// As an identifier of SQL.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[derive(Deserialize)]
struct Found {
    schema: String,
    name: String,
    kind: String,
}

#[derive(Deserialize)]
struct Newest {
    newest: Option<i64>,
}

/// Looks.
pub(crate) async fn look(ctx: Context, settings: Settings) -> Result<Schemas> {
    let found: Vec<Found> = ctx
        .db()
        .query(
            "SELECT n.nspname AS schema, c.relname AS name, c.relkind::text AS kind \
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname = ANY ($1::text[]) AND c.relkind IN ('r', 'p', 'i')",
        )
        .bind(vec![settings.cms.as_str(), settings.duroxide.as_str()])
        .timeout(QUESTION)
        .fetch()
        .await?;
    let mut schemas =
        Schemas { cms: settings.cms, duroxide: settings.duroxide, ..Schemas::default() };
    for object in found {
        if object.kind == "i" {
            schemas.indexes.insert(object.name);
        } else {
            schemas.tables.insert((object.schema, object.name));
        }
    }
    let recorded = [
        (schemas.cms.clone(), "schema_migrations"),
        (schemas.duroxide.clone(), "_duroxide_migrations"),
    ];
    for (schema, table) in recorded {
        if !schemas.tables.contains(&(schema.clone(), table.to_owned())) {
            continue;
        }
        let sql = format!("SELECT max(version)::bigint AS newest FROM {}.{table}", quoted(&schema));
        // A role without the right to read it knows as little as where there is no such table.
        let newest: Result<Newest> = ctx.db().query(sql).timeout(QUESTION).fetch_one().await;
        if let Ok(Newest { newest: Some(newest) }) = newest {
            schemas.newest.insert(schema, newest);
        }
    }
    Ok(schemas)
}
