//! One session: the hosts in turn, each with its limit of time, until one will do.

use crate::failure::{Attempt, ConnectFailure, Failure};
use crate::target::{
    AuthMethod, ChannelBindingMode, ConnectTimeout, DatabaseTarget, HostEntry, SessionAttributes,
};
use crate::transport::{Address, Encryption, Transport, dial, encryptions, look_up};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::config::{ChannelBinding, SslMode, SslNegotiation};
use tokio_postgres::tls::{TlsConnect, TlsStream};
use tokio_postgres::{CancelToken, Client, Config, SimpleQueryMessage};

/// The way to a server that answered.
#[derive(Debug, Clone)]
pub struct Route {
    target: Arc<DatabaseTarget>,
    host: HostEntry,
    address: Address,
    encryption: Encryption,
    /// The server declined TLS when it was asked.
    declined: bool,
}

impl Route {
    /// The server that answered.
    #[must_use]
    pub fn host(&self) -> &HostEntry {
        &self.host
    }

    /// Whether it is reached with TLS.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.encryption != Encryption::Clear
    }

    /// Whether the server has no TLS to offer.
    pub(crate) fn is_without_tls(&self) -> bool {
        self.declined
    }

    /// A further connection the same way, up to where PostgreSQL's protocol begins.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) async fn dial(&self) -> Result<Transport, ConnectFailure> {
        let dialled = dial(&self.target, &self.host, &self.address, self.encryption).await;
        dialled.map_err(|failure| ConnectFailure {
            attempts: vec![Attempt { place: self.host.place(), encrypted: None, failure }],
        })
    }
}

/// A session with a server.
pub struct Session {
    /// The driver's half.
    pub client: Client,
    /// How the server was reached.
    pub route: Route,
    cancel: CancelToken,
    /// The process that serves the session, as its server said when the session began.
    process: Option<i32>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("route", &self.route).finish_non_exhaustive()
    }
}

impl Session {
    /// Asks the server to end what runs.
    pub async fn cancel(&self) {
        let Ok(transport) = self.route.dial().await else { return };
        let _best_effort = self.cancel.cancel_query_raw(transport, Wrap(Ok::<_, io::Error>)).await;
    }

    /// The process that the server named for this session: a pooler names one of its own.
    #[must_use]
    pub fn named_process(&self) -> Option<i32> {
        self.process
    }
}

/// What all sessions of one kind have in common.
#[derive(Debug, Clone, Copy)]
pub struct SessionOptions<'a> {
    /// The name that the server shows, where the target has none.
    pub application_name: &'a str,
    /// How long one address may take, where the target does not say.
    pub connect_timeout: Duration,
}

/// Opens a session. `wrap` may put something of the caller's around the connection.
///
/// # Errors
/// Why none of the servers can be used.
pub async fn open_session<S>(
    target: &Arc<DatabaseTarget>,
    options: SessionOptions<'_>,
    wrap: impl Fn(Transport) -> S,
) -> Result<Session, ConnectFailure>
where
    S: AsyncRead + AsyncWrite + TlsStream + Unpin + Send + 'static,
{
    let mut attempts = Vec::new();
    let wanted: &[SessionAttributes] = match target.session_attributes {
        SessionAttributes::PreferStandby => &[SessionAttributes::Standby, SessionAttributes::Any],
        _ => &[target.session_attributes],
    };
    for wanted in wanted {
        for host in in_order(target) {
            let addresses = match look_up(host).await {
                Ok(addresses) => addresses,
                Err(failure) => {
                    attempts.push(Attempt { place: host.place(), encrypted: None, failure });
                    continue;
                }
            };
            for address in addresses {
                let trying = try_address(target, host, &address, *wanted, options, &wrap);
                match trying.await {
                    Ok(session) => return Ok(session),
                    Err(failed) => {
                        let goes_on =
                            failed.last().is_some_and(|last| last.failure.lets_others_try());
                        attempts.extend(failed);
                        if !goes_on {
                            return Err(ConnectFailure { attempts });
                        }
                    }
                }
            }
        }
    }
    Err(ConnectFailure { attempts })
}

fn in_order(target: &DatabaseTarget) -> Vec<&HostEntry> {
    let mut hosts: Vec<&HostEntry> = target.hosts.iter().collect();
    if target.load_balance {
        let random = RandomState::new();
        let mut at = 0;
        hosts.sort_by_cached_key(|_| {
            let mut hasher = random.build_hasher();
            hasher.write_usize(at);
            at += 1;
            hasher.finish()
        });
    }
    hosts
}

async fn try_address<S>(
    target: &Arc<DatabaseTarget>,
    host: &HostEntry,
    address: &Address,
    wanted: SessionAttributes,
    options: SessionOptions<'_>,
    wrap: &impl Fn(Transport) -> S,
) -> Result<Session, Vec<Attempt>>
where
    S: AsyncRead + AsyncWrite + TlsStream + Unpin + Send + 'static,
{
    let mut attempts = Vec::new();
    let attempt = |encrypted, failure| Attempt { place: host.place(), encrypted, failure };
    let trying = async {
        for encryption in encryptions(target.tls.mode, address) {
            let logged_in = log_in(target, host, address, *encryption, options, wrap).await;
            match logged_in {
                Ok(session) => match check_attributes(&session.client, wanted).await {
                    Ok(()) => return Some(session),
                    Err(failure) => {
                        let encrypted = Some(session.route.is_encrypted());
                        attempts.push(attempt(encrypted, failure));
                        return None;
                    }
                },
                Err((encrypted, failure)) => {
                    // Another try with the other choice, where this one is what the server minds.
                    let again = match encryption {
                        Encryption::Clear => matches!(failure, Failure::Server(_)),
                        Encryption::Offered => {
                            matches!(
                                failure,
                                Failure::Tls(..)
                                    | Failure::Certificate(..)
                                    | Failure::CertificateName(_)
                            ) || encrypted == Some(true) && matches!(failure, Failure::Server(_))
                        }
                        Encryption::Required => false,
                    };
                    attempts.push(attempt(encrypted, failure));
                    if !again {
                        return None;
                    }
                }
            }
        }
        None
    };
    let limit = target.connect_timeout.unwrap_or(ConnectTimeout::Limited(options.connect_timeout));
    let session = match limit {
        ConnectTimeout::Unlimited => trying.await,
        ConnectTimeout::Limited(limit) => match tokio::time::timeout(limit, trying).await {
            Ok(session) => session,
            Err(_) => {
                attempts.push(attempt(None, Failure::Timeout(limit)));
                None
            }
        },
    };
    session.ok_or(attempts)
}

async fn log_in<S>(
    target: &Arc<DatabaseTarget>,
    host: &HostEntry,
    address: &Address,
    encryption: Encryption,
    options: SessionOptions<'_>,
    wrap: &impl Fn(Transport) -> S,
) -> Result<Session, (Option<bool>, Failure)>
where
    S: AsyncRead + AsyncWrite + TlsStream + Unpin + Send + 'static,
{
    let dialled = dial(target, host, address, encryption).await;
    let transport = dialled.map_err(|failure| {
        let tls = encryption != Encryption::Clear;
        let known = !matches!(failure, Failure::Unreachable(_));
        ((known).then_some(tls), failure)
    })?;
    let watch = transport.watch();
    let encrypted = transport.is_encrypted();
    let config = driver_config(target, host, options);
    let connected = config.connect_raw(transport, Wrap(|transport| Ok(wrap(transport)))).await;
    let (client, connection) = connected.map_err(|error| {
        let failure = match (error.as_db_error(), watch.refused(), watch.asked()) {
            (Some(server), _, _) => Failure::Server(Box::new(server.clone())),
            (None, Some(method), _) => Failure::Method(method),
            (None, None, Some(AuthMethod::Password | AuthMethod::Md5 | AuthMethod::Scram))
                if host.password.is_none() =>
            {
                Failure::PasswordMissing
            }
            _ => driver_failure(&error),
        };
        (Some(encrypted), failure)
    })?;
    tokio::spawn(async move {
        let _told_to_the_waiting = connection.await;
    });
    let cancel = client.cancel_token();
    let declined = !encrypted && encryption == Encryption::Offered;
    let kept = if encrypted { Encryption::Required } else { Encryption::Clear };
    let (host, address) = (host.clone(), address.clone());
    let route = Route { target: target.clone(), host, address, encryption: kept, declined };
    Ok(Session { client, route, cancel, process: watch.process() })
}

fn driver_failure(error: &tokio_postgres::Error) -> Failure {
    let mut source = std::error::Error::source(error);
    let words = source.map_or_else(|| error.to_string(), ToString::to_string);
    while let Some(inner) = source {
        if let Some(error) = inner.downcast_ref::<io::Error>() {
            return Failure::Broken(io::Error::new(error.kind(), words));
        }
        source = inner.source();
    }
    Failure::Driver(words)
}

/// The driver's own description, field by field: no text is passed on.
fn driver_config(target: &DatabaseTarget, host: &HostEntry, options: SessionOptions<'_>) -> Config {
    let mut config = Config::new();
    let fallback = target.fallback_application_name.as_deref();
    let name = target.application_name.as_deref().or(fallback);
    config
        .user(&target.user)
        .dbname(&target.database)
        .application_name(name.unwrap_or(options.application_name))
        // The transport has seen to both already.
        .ssl_mode(SslMode::Require)
        .ssl_negotiation(SslNegotiation::Direct)
        .channel_binding(match target.channel_binding {
            ChannelBindingMode::Disable => ChannelBinding::Disable,
            ChannelBindingMode::Prefer => ChannelBinding::Prefer,
            ChannelBindingMode::Require => ChannelBinding::Require,
        });
    if let Some(password) = host.password() {
        config.password(password);
    }
    if let Some(options) = &target.options {
        config.options(options);
    }
    config
}

/// Asked by statements of their own, so that it works through poolers and with old servers.
async fn check_attributes(client: &Client, wanted: SessionAttributes) -> Result<(), Failure> {
    if wanted == SessionAttributes::Any {
        return Ok(());
    }
    let sql = "SELECT pg_catalog.pg_is_in_recovery(), \
               pg_catalog.current_setting('default_transaction_read_only')";
    let messages = client.simple_query(sql).await.map_err(|error| match error.as_db_error() {
        Some(server) => Failure::Server(Box::new(server.clone())),
        None => driver_failure(&error),
    })?;
    let row = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some((row.get(0) == Some("t"), row.get(1) == Some("on"))),
        _ => None,
    });
    let (standby, read_only) = row.unwrap_or_default();
    let fits = match wanted {
        SessionAttributes::Any | SessionAttributes::PreferStandby => true,
        SessionAttributes::ReadWrite => !standby && !read_only,
        SessionAttributes::ReadOnly => standby || read_only,
        SessionAttributes::Primary => !standby,
        SessionAttributes::Standby => standby,
    };
    if fits { Ok(()) } else { Err(Failure::Attributes(wanted)) }
}

/// Stands where the driver would begin TLS, which the transport has done, if anything.
struct Wrap<F>(F);

impl<F, S> TlsConnect<Transport> for Wrap<F>
where
    F: FnOnce(Transport) -> io::Result<S>,
    S: AsyncRead + AsyncWrite + TlsStream + Unpin + Send + 'static,
{
    type Stream = S;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<S>> + Send>>;

    fn connect(self, transport: Transport) -> Self::Future {
        Box::pin(std::future::ready((self.0)(transport)))
    }
}
