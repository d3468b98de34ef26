//! The schemas, and which tables they have.

use serde::Deserialize;
use std::collections::BTreeSet;
use toygres_model::records::Tables;
use toygres_model::unstarted;
use toygres_plugin_api::context::Session;
use toygres_plugin_api::{Context, Error, Result};

/// duroxide's schema and the metadata's, as this database has them.
#[derive(Debug, Clone)]
pub(crate) struct Schema {
    duroxide: String,
    cms: String,
    present: BTreeSet<String>,
}

const TABLES: &[&str] = unstarted::TABLES;

impl Schema {
    /// Looks which tables there are.
    ///
    /// # Errors
    /// When there is no table of orchestrations.
    pub(crate) async fn look(ctx: &Context, session: &Session) -> Result<Self> {
        #[derive(Deserialize)]
        struct Present {
            name: String,
        }
        let setting = |key: &'static str| async move { ctx.config().get(key).await };
        let duroxide = setting("database.duroxide_schema").await?;
        let duroxide = duroxide.unwrap_or_else(|| "toygres_duroxide".to_owned());
        let cms = setting("database.cms_schema").await?;
        let cms = cms.unwrap_or_else(|| "toygres_cms".to_owned());
        let wanted: Vec<String> = TABLES.iter().map(|table| (*table).to_owned()).collect();
        let present: Vec<Present> = session
            .query(
                "SELECT name FROM unnest($1::text[]) AS name \
                 WHERE to_regclass(format('%I.%I', $2::text, name)) IS NOT NULL \
                 UNION ALL SELECT 'cms' WHERE to_regclass(format('%I.instances', $3::text)) IS NOT NULL \
                   AND has_table_privilege(to_regclass(format('%I.instances', $3::text)), 'SELECT') \
                 UNION ALL SELECT 'heartbeats' \
                   WHERE to_regclass(format('%I.worker_heartbeats', $3::text)) IS NOT NULL \
                   AND has_table_privilege(to_regclass(format('%I.worker_heartbeats', $3::text)), 'SELECT')",
            )
            .bind(wanted)
            .bind(duroxide.as_str())
            .bind(cms.as_str())
            .fetch()
            .await?;
        let present: BTreeSet<String> = present.into_iter().map(|row| row.name).collect();
        let schema = Self { duroxide, cms, present };
        if !schema.has("instances") || !schema.has("executions") {
            let message = format!("the schema `{}` has no orchestrations", schema.duroxide);
            return Err(Error::not_found(message).hint(
                "is this the right database? see `toygres server db-status`; another schema: \
                 `database.duroxide_schema`",
            ));
        }
        Ok(schema)
    }

    /// Whether a table of duroxide's is there; `cms` for the metadata.
    pub(crate) fn has(&self, table: &str) -> bool {
        self.present.contains(table)
    }

    /// A table of duroxide's, quoted.
    pub(crate) fn table(&self, name: &str) -> String {
        format!("{}.{name}", quoted(&self.duroxide))
    }

    /// duroxide's tables of executions and what moves them on; `None` where one is missing.
    pub(crate) fn tables(&self) -> Option<Tables> {
        let all = ["executions", "history", "worker_queue", "orchestrator_queue", "instance_locks"];
        all.iter().all(|table| self.has(table)).then(|| Tables {
            executions: self.table("executions"),
            history: self.table("history"),
            orchestrator_queue: self.table("orchestrator_queue"),
            worker_queue: self.table("worker_queue"),
            instance_locks: self.table("instance_locks"),
        })
    }

    /// Both schemas, for what was never started; `None` where a table is missing.
    pub(crate) fn unstarted(&self) -> Option<unstarted::Schemas<'_>> {
        TABLES.iter().all(|table| self.has(table)).then(|| unstarted::Schemas {
            duroxide: &self.duroxide,
            cms: self.has("cms").then_some(self.cms.as_str()),
            heartbeats: self.has("heartbeats"),
        })
    }

    /// The metadata's schema, quoted.
    pub(crate) fn cms(&self) -> String {
        quoted(&self.cms)
    }

    /// The metadata's instances, quoted.
    pub(crate) fn cms_instances(&self) -> String {
        format!("{}.instances", quoted(&self.cms))
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
