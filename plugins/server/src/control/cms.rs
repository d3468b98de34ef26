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
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use std::str::FromStr;
use std::time::Duration;
use toygres_plugin_api::{Error, Result};

/// How long an activity waits for a connection: longer than a server's restart takes. Requests do not
/// wait so long (`reach`).
const ACQUIRE_WITHIN: Duration = Duration::from_secs(20);

/// Connections beside those of the activities: requests, heartbeats, the janitor.
const EXTRA_CONNECTIONS: u32 = 6;

/// The database gives up a session whose process vanished or hangs, with the locks that it holds.
const VANISHED: [(&str, &str); 4] = [
    ("tcp_keepalives_idle", "30"),
    ("tcp_keepalives_interval", "10"),
    ("tcp_keepalives_count", "3"),
    // Longer than the objects of an instance take to be made, each within its deadline.
    ("idle_in_transaction_session_timeout", "150s"),
];

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
    pub(super) async fn connect(settings: &ControlSettings) -> Result<Self> {
        // The error of an unreadable URL quotes none of it, but the cause might.
        let options = PgConnectOptions::from_str(&settings.database_url).map_err(|_| {
            Error::usage("the database's URL cannot be read")
                .hint("it has the form `postgresql://user:password@host:5432/database`")
        })?;
        let options = options
            .application_name("toygres-server")
            .options([("search_path", settings.cms_schema.as_str())])
            .options(VANISHED);
        let workers = u32::try_from(settings.workers).unwrap_or(u32::MAX);
        let pool = PgPoolOptions::new()
            .max_connections(workers.saturating_add(EXTRA_CONNECTIONS).min(64))
            .acquire_timeout(ACQUIRE_WITHIN)
            .connect_with(options)
            .await
            .map_err(broken::cms)?;
        let (schema, duroxide) = (settings.cms_schema.clone(), settings.duroxide_schema.clone());
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
