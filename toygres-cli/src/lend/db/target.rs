//! Which database: the URL, as libpq would read it.

use super::wire::MessageLimits;
use crate::memory::MemoryBudget;
use crate::settings::{MAX_MILLISECONDS, Settings};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use toygres_plugin_api::protocol::{DbTarget, Source};
use toygres_plugin_api::{Error, Result};
use url::Url;

/// Which database, and how long it may take.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) config: Config,
    pub(super) verify: Verify,
    pub(super) connect_timeout: Duration,
    pub(super) statement_timeout: Duration,
    pub(super) message_limits: MessageLimits,
}

/// Whether the server's certificate is checked: libpq does so only from `verify-ca` on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verify {
    Not,
    Against(Option<PathBuf>),
}

/// Where an API is configured, what is missing may be its token: commands run there then.
fn none(settings: &Settings) -> Error {
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
        let database = settings.database()?.map_or_else(|| Err(none(settings)), Ok)?;
        let ms = |key: &str| -> Result<Duration> {
            Ok(Duration::from_millis(settings.number(key, 1..=MAX_MILLISECONDS)?))
        };
        let mode = settings.environment_of().text("PGSSLMODE")?.map(|(value, _)| value);
        let mut target = Self::parse(&database.url, mode)?;
        if target.config.get_password().is_none()
            && let Some(password) = database.password
        {
            target.config.password(password);
        }
        target.connect_timeout = ms("database.connect_timeout_ms")?;
        target.statement_timeout = ms("database.statement_timeout_ms")?;
        target.message_limits = message_limits(settings, served)?;
        Ok(target)
    }

    /// Reads a URL or libpq's `key=value` form.
    pub(super) fn parse(text: &str, default_mode: Option<&str>) -> Result<Self> {
        let bad = |cause: String| {
            Error::usage("the database URL cannot be read")
                .cause(cause)
                .hint("give it as `postgres://USER:PASSWORD@HOST:PORT/DATABASE`")
        };
        let mut mode = default_mode.map(str::to_owned);
        let mut root = None;
        let mut plain = text.to_owned();
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            let mut url = Url::parse(text).map_err(|error| bad(error.to_string()))?;
            let pairs: Vec<(String, String)> = url
                .query_pairs()
                .map(|(key, value)| (key.into_owned(), value.into_owned()))
                .collect();
            let mut kept = url::form_urlencoded::Serializer::new(String::new());
            for (key, value) in &pairs {
                match key.as_str() {
                    "sslmode" => mode = Some(value.clone()),
                    "sslrootcert" => root = Some(PathBuf::from(value)),
                    _ => {
                        kept.append_pair(key, value);
                    }
                }
            }
            let kept = kept.finish();
            url.set_query((!kept.is_empty()).then_some(kept.replace('+', "%20")).as_deref());
            plain = url.to_string();
        }
        let mut config = Config::from_str(&plain).map_err(|error| {
            // The driver's words never hold the URL itself.
            bad(std::error::Error::source(&error).map_or(error.to_string(), ToString::to_string))
        })?;
        let verify = match mode.as_deref() {
            None | Some("prefer" | "allow") => {
                config.ssl_mode(SslMode::Prefer);
                Verify::Not
            }
            Some("disable") => {
                config.ssl_mode(SslMode::Disable);
                Verify::Not
            }
            Some("require") => {
                config.ssl_mode(SslMode::Require);
                if root.is_some() { Verify::Against(root) } else { Verify::Not }
            }
            Some("verify-ca" | "verify-full") => {
                config.ssl_mode(SslMode::Require);
                Verify::Against(root)
            }
            Some(other) => return Err(bad(format!("`{other}` is no sslmode"))),
        };
        if config.get_user().is_none() {
            config.user(std::env::var("USER").unwrap_or_else(|_| "postgres".to_owned()));
        }
        if config.get_hosts().is_empty() {
            config.host("localhost");
        }
        if config.get_application_name().is_none() {
            config.application_name("toygres");
        }
        let unlimited = Duration::from_secs(5);
        Ok(Self {
            config,
            verify,
            connect_timeout: unlimited,
            statement_timeout: unlimited,
            message_limits: MessageLimits {
                max_row_bytes: *ROW_BYTES.end(),
                setting: OWN_ROWS,
                budget: None,
            },
        })
    }

    /// What may be told.
    pub(super) fn public(&self, max_connections: usize) -> DbTarget {
        let host = match self.config.get_hosts().first() {
            Some(Host::Tcp(host)) => host.clone(),
            #[cfg(unix)]
            Some(Host::Unix(path)) => path.display().to_string(),
            None => String::new(),
        };
        let ms = |duration: Duration| duration.as_millis().try_into().unwrap_or(u64::MAX);
        DbTarget {
            host,
            port: self.config.get_ports().first().copied().unwrap_or(5432),
            database: self
                .config
                .get_dbname()
                .or(self.config.get_user())
                .unwrap_or_default()
                .to_owned(),
            user: self.config.get_user().unwrap_or_default().to_owned(),
            max_connections: max_connections.try_into().unwrap_or(u32::MAX),
            connect_timeout_ms: ms(self.connect_timeout),
            statement_timeout_ms: ms(self.statement_timeout),
        }
    }

    /// `HOST:PORT`, for messages.
    pub(super) fn place(&self) -> String {
        let public = self.public(0);
        format!("{}:{}", public.host, public.port)
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

#[cfg(test)]
mod tests {
    use super::{Target, Verify};
    use tokio_postgres::config::SslMode;

    #[test]
    fn urls_are_read_as_libpq_reads_them() {
        let target = Target::parse("postgresql://u:p%40ss@h:6000/db?sslmode=verify-full", None);
        let target = target.unwrap();
        assert_eq!(target.config.get_password(), Some(b"p@ss".as_slice()));
        assert_eq!(target.config.get_ssl_mode(), SslMode::Require);
        assert_eq!(target.verify, Verify::Against(None));
        assert_eq!(target.place(), "h:6000");
        let socket = Target::parse("postgres:///db?host=%2Ftmp%2Fpg&port=6001", None).unwrap();
        assert_eq!(socket.place(), "/tmp/pg:6001");
        assert_eq!(socket.public(1).database, "db");
        let pairs = Target::parse("host=h user=u dbname=d", Some("disable")).unwrap();
        assert_eq!(pairs.config.get_ssl_mode(), SslMode::Disable);
    }

    #[test]
    fn a_bad_url_is_answered_without_its_password() {
        for url in ["postgres://u:canary@[h/db", "mysql://u:canary@h", "postgres://u:canary@h:x/d"]
        {
            let error = Target::parse(url, None).unwrap_err();
            let said = format!("{error:?}");
            assert!(!said.contains("canary"), "{said}");
        }
    }
}
