//! The CMS: what is known of instances, in PostgreSQL.
//!
//! No password is ever written into it. Connection strings are kept without one, and put together
//! with the Secret's on demand.

mod activity_runs;
mod change;
mod health;
mod heartbeat;
mod holders;
mod insert;
mod migrate;
mod migrations;
mod reach;
mod read;
mod rollups;
mod session;
mod turn;
mod workflows;

pub(super) use activity_runs::{ActivityRuns, add_runs};
pub(super) use change::{
    Change, DELETE_COLUMN, HEALTH_COLUMN, change, mark_orchestration, write_reached,
};
pub(super) use health::{Check, record_check};
pub(super) use heartbeat::{Beat, beat};
pub(super) use holders::naming_key;
pub(super) use insert::{Draft, insert, upsert};
pub(super) use migrate::migrate;
pub(super) use read::{Record, find, list, record};
pub(super) use turn::{make_turn, unmake_turn};
pub(super) use workflows::{Workflow, next_id, strays, workflow};

use super::broken;
use super::settings::ControlSettings;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use std::time::Duration;
use toygres_connect::Gateway;
use toygres_plugin_api::Result;

/// How long an activity waits for a connection: longer than a server's restart takes. Requests do not
/// wait so long (`reach`).
const ACQUIRE_WITHIN: Duration = Duration::from_secs(20);

/// Connections beside those of the activities: requests, heartbeats, the janitor.
const EXTRA_CONNECTIONS: u32 = 6;

/// The CMS of a deployment. Every connection finds its tables without their schema.
#[derive(Clone, Debug)]
pub(super) struct Cms {
    pub(super) pool: PgPool,
    pub(super) schema: String,
    /// The schema of the workflows' records, which is read, never written.
    pub(super) duroxide: String,
}

impl Cms {
    /// Connects; nothing is made yet.
    pub(super) async fn connect(settings: &ControlSettings, gateway: &Gateway) -> Result<Self> {
        let workers = u32::try_from(settings.workers).unwrap_or(u32::MAX);
        let (schema, duroxide) = (settings.cms_schema.clone(), settings.duroxide_schema.clone());
        let search_path = schema.clone();
        let pool = PgPoolOptions::new()
            .max_connections(workers.saturating_add(EXTRA_CONNECTIONS).min(64))
            .acquire_timeout(ACQUIRE_WITHIN)
            .after_connect(move |connection, _| {
                let search_path = search_path.clone();
                Box::pin(async move { session::prepare(connection, &search_path).await })
            })
            .connect_with(session::connect_options(gateway))
            .await
            .map_err(broken::cms)?;
        Ok(Self { pool, schema, duroxide })
    }

    /// Whether it answers.
    pub(super) async fn ping(&self) -> Result<()> {
        sqlx::query("SELECT 1 FROM instances LIMIT 1")
            .execute(&self.pool)
            .await
            .map(drop)
            .map_err(broken::cms)
    }

    /// Whether the workflows' records can be read.
    pub(super) async fn ping_workflows(&self) -> Result<()> {
        let sql = format!("SELECT 1 FROM {}.instances LIMIT 1", self.duroxide);
        sqlx::query(&sql).execute(&self.pool).await.map(drop).map_err(broken::cms)
    }
}
