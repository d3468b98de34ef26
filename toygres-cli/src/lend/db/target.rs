//! Which database, and how long it may take.

use super::wire::MessageLimits;
use crate::memory::MemoryBudget;
use crate::settings::{MAX_MILLISECONDS, Settings};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;
use toygres_connect::{ConnectTimeout, DatabaseTarget, HostEntry};
use toygres_plugin_api::protocol::{DbTarget, Source};
use toygres_plugin_api::{Error, Result};

/// Which database, and how long it may take.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) database: Arc<DatabaseTarget>,
    /// How long one address may take, where the connection string does not say.
    pub(super) connect_timeout: Duration,
    pub(super) statement_timeout: Duration,
    pub(super) message_limits: MessageLimits,
}

/// The settings name no database. Where an API is configured, what is missing may be its token:
/// commands run there then.
pub(in crate::lend) fn no_database(settings: &Settings) -> Error {
    let set = |key: &str| settings.get(key).ok().filter(|(_, source)| *source != Source::Default);
    let hint = match (set("api.url"), set("api.token")) {
        (Some((Some(url), _)), None) => format!(
            "set `TOYGRES_API_TOKEN` to the token of the API at {url}, and it runs there; or give \
             the database: `DATABASE_URL`, `--database-url`"
        ),
        _ => "set `DATABASE_URL`, give `--database-url`, or put `database.url` into the \
              configuration file"
            .to_owned(),
    };
    Error::unavailable("no database is configured").retryable(false).hint(hint)
}

impl Target {
    /// The database of the settings; `served` says that what it answers is for somebody else.
    pub(super) fn of(settings: &Settings, served: bool) -> Result<Self> {
        let database = settings.database()?.map_or_else(|| Err(no_database(settings)), Ok)?;
        let ms = |key: &str| -> Result<Duration> {
            Ok(Duration::from_millis(settings.number(key, 1..=MAX_MILLISECONDS)?))
        };
        Ok(Self {
            database: Arc::new(database),
            connect_timeout: ms("database.connect_timeout_ms")?,
            statement_timeout: ms("database.statement_timeout_ms")?,
            message_limits: message_limits(settings, served)?,
        })
    }

    /// What may be told; of several servers the one that answered, else the first.
    pub(super) fn public(&self, answered: Option<&HostEntry>, max_connections: usize) -> DbTarget {
        let ms = |duration: Duration| duration.as_millis().try_into().unwrap_or(u64::MAX);
        let host = answered.or(self.database.hosts.first());
        let connect_timeout = match self.database.connect_timeout {
            Some(ConnectTimeout::Limited(limit)) => ms(limit),
            Some(ConnectTimeout::Unlimited) => u64::MAX,
            None => ms(self.connect_timeout),
        };
        DbTarget {
            host: host.map(HostEntry::shown_host).unwrap_or_default(),
            port: host.map(|host| host.port).unwrap_or_default(),
            database: self.database.database.clone(),
            user: self.database.user.clone(),
            max_connections: max_connections.try_into().unwrap_or(u32::MAX),
            connect_timeout_ms: connect_timeout,
            statement_timeout_ms: ms(self.statement_timeout),
        }
    }
}

/// The settings that limit a row: for whoever types a command, and for whom a server runs one.
const OWN_ROWS: &str = "database.max_row_bytes";
const SERVED_ROWS: &str = "server.max_row_bytes";
/// A batch of rows holds less than 2 GiB.
const ROW_BYTES: RangeInclusive<u64> = 1024..=1024 * 1024 * 1024;

fn message_limits(settings: &Settings, served: bool) -> Result<MessageLimits> {
    let setting = if served { SERVED_ROWS } else { OWN_ROWS };
    let max_row_bytes = settings.number(setting, ROW_BYTES)?;
    let budget =
        served.then(|| MemoryBudget::of_server(max_row_bytes.try_into().unwrap_or(usize::MAX)));
    Ok(MessageLimits { max_row_bytes, setting, budget })
}
