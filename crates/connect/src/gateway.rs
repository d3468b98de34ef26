//! The way for drivers that know less of libpq's rules than this crate.
//!
//! sqlx, and the workflows' store on top of it, connect to one host, verify certificates by rules
//! of their own, and begin each session with settings that poolers refuse. So they are told a place
//! where they do right: the server itself, where it is one that they reach as libpq would; else a
//! socket of this process, behind which each of their connections is made by this crate and passed
//! on byte by byte. Their passwords and statements go through unchanged, and a server that takes
//! over from another is found again.
//!
//! The socket lies in a folder that only this account can enter, and only this process is served.

use crate::canonical::encode;
use crate::failure::ConnectFailure;
use crate::session::{Route, Session, SessionOptions, open_session};
use crate::target::{ChannelBindingMode, DatabaseTarget, HostEntry, SessionAttributes, SslMode};
use crate::transport::Transport;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio_postgres::SimpleQueryMessage;
use toygres_plugin_api::{Error, Result};

/// The port in the name of the socket: any will do.
const SOCKET_PORT: u16 = 5432;
/// The longest path that a socket can have everywhere.
const MAX_SOCKET_PATH: usize = 100;
/// The beginning of the folders' names.
const FOLDER_PREFIX: &str = "toygres-gateway-";
/// A message with which a session begins is no longer.
const MAX_STARTUP_BYTES: usize = 64 * 1024;
/// How long a question about the pooler may take: where it has one connection only, a second
/// session waits for the first.
const POOLER_TIMEOUT: Duration = Duration::from_secs(3);

const PROTOCOL_3: u32 = 3 << 16;
const CANCEL_REQUEST: u32 = 80_877_102;
const SSL_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;

/// A place where drivers of others connect.
#[derive(Debug)]
pub struct Gateway {
    target: Arc<DatabaseTarget>,
    host: HostEntry,
    pooled: bool,
    /// The folder of the socket, where there is one.
    socket: Option<Socket>,
}

#[derive(Debug)]
struct Socket {
    folder: TempDir,
    serving: JoinHandle<()>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// What every connection through the socket needs.
#[derive(Debug)]
struct Forwarder {
    target: Arc<DatabaseTarget>,
    application_name: String,
    connect_timeout: Duration,
    route: Mutex<Route>,
}

impl Gateway {
    /// Logs in once, to learn which server answers and how.
    ///
    /// # Errors
    /// Why no server of the target can be used.
    pub async fn open(target: &Arc<DatabaseTarget>, options: SessionOptions<'_>) -> Result<Self> {
        let session = open_session(target, options, |transport| transport).await;
        let session = session.map_err(|failure| failure.to_error(target))?;
        let pooled = is_pooled(&session).await;
        let host = session.route.host().clone();
        if !pooled && is_plain(target, &session.route) {
            return Ok(Self { target: target.clone(), host, pooled, socket: None });
        }
        // A driver knows one password.
        let mut narrowed = DatabaseTarget::clone(target);
        narrowed.hosts.retain(|other| other.password() == host.password());
        let forwarder = Arc::new(Forwarder {
            target: Arc::new(narrowed),
            application_name: options.application_name.to_owned(),
            connect_timeout: options.connect_timeout,
            route: Mutex::new(session.route.clone()),
        });
        let socket = Socket::open(forwarder).map_err(|error| {
            Error::unavailable("no socket can be made for the database's connections").cause(error)
        })?;
        Ok(Self { target: target.clone(), host, pooled, socket: Some(socket) })
    }

    /// The folder of sockets to connect to, if it is one.
    #[must_use]
    pub fn socket_folder(&self) -> Option<&Path> {
        match &self.socket {
            Some(socket) => Some(socket.folder.path()),
            None => self.host.socket_folder().map(Path::new),
        }
    }

    /// The host to connect to, where it is not a folder of sockets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host.host
    }

    /// The port to connect to, or that of the socket's name.
    #[must_use]
    pub fn port(&self) -> u16 {
        if self.socket.is_some() { SOCKET_PORT } else { self.host.port }
    }

    /// The server that answered, for messages.
    #[must_use]
    pub fn place(&self) -> String {
        self.host.place()
    }

    /// The role.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.target.user
    }

    /// The database's name.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.target.database
    }

    /// The password to answer with; empty where there is none, so that nobody looks for one.
    #[must_use]
    pub fn password(&self) -> &str {
        self.host.password().unwrap_or_default()
    }

    /// Whether the driver should use TLS where the server offers it later.
    #[must_use]
    pub fn prefers_tls(&self) -> bool {
        self.socket.is_none() && self.target.tls.mode == SslMode::Prefer
    }

    /// The place as a URL, for a driver that takes nothing else.
    #[must_use]
    pub fn url(&self) -> String {
        let host = match self.socket_folder().and_then(Path::to_str) {
            Some(folder) => encode(folder),
            None if self.host().contains(':') => format!("[{}]", self.host()),
            None => encode(self.host()),
        };
        format!(
            "postgres://{}@{host}:{}/{}?password={}&sslmode={}",
            encode(self.user()),
            self.port(),
            encode(self.database()),
            encode(self.password()),
            if self.prefers_tls() { "prefer" } else { "disable" },
        )
    }

    /// Whether sessions are the caller's own, and not lent for single transactions by a pooler.
    ///
    /// # Errors
    /// Where they are not, or the server cannot be asked.
    pub async fn check_sessions(&self, options: SessionOptions<'_>) -> Result<()> {
        if !self.pooled {
            return Ok(());
        }
        let asking = lends_transactions(&self.target, options);
        let lends = tokio::time::timeout(POOLER_TIMEOUT, asking).await;
        if !lends.unwrap_or(Ok(false)).map_err(|failure| failure.to_error(&self.target))? {
            return Ok(());
        }
        let place = self.place();
        Err(Error::unavailable(format!(
            "the pooler at {place} lends connections for single transactions only"
        ))
        .cause("the control plane and its workflows need sessions of their own")
        .retryable(false)
        .hint(format!(
            "set `pool_mode = session` for this database in the pooler, or give PostgreSQL's own \
             address in {}",
            self.target.address_origin()
        )))
    }
}

/// Whether other drivers reach the server as libpq would.
fn is_plain(target: &DatabaseTarget, route: &Route) -> bool {
    target.hosts.len() == 1
        && !route.is_encrypted()
        && target.hosts.iter().all(|host| host.address.is_none() && !host.host.starts_with('@'))
        && (target.tls.mode == SslMode::Disable
            || route.is_without_tls()
            || route.host().socket_folder().is_some())
        && target.session_attributes == SessionAttributes::Any
        && target.options.is_none()
        && std::env::var_os("PGOPTIONS").is_none()
        && target.required_peer.is_none()
        && target.required_auth.is_none()
        && target.channel_binding != ChannelBindingMode::Require
}

async fn backend_process(session: &Session) -> Option<i32> {
    let asked = session.client.simple_query("SELECT pg_catalog.pg_backend_pid()").await.ok()?;
    asked.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0)?.parse().ok(),
        _ => None,
    })
}

/// A pooler names a process of its own making.
async fn is_pooled(session: &Session) -> bool {
    backend_process(session).await != session.named_process()
}

/// Whether a session's connection is another's as soon as its statement has ended.
async fn lends_transactions(
    target: &Arc<DatabaseTarget>,
    options: SessionOptions<'_>,
) -> std::result::Result<bool, ConnectFailure> {
    let first = open_session(target, options, |transport| transport).await?;
    let second = open_session(target, options, |transport| transport).await?;
    for _ in 0..3 {
        let before = backend_process(&first).await;
        if second.client.batch_execute("BEGIN").await.is_err() {
            return Ok(false);
        }
        let other = backend_process(&second).await;
        if before == other || before != backend_process(&first).await {
            return Ok(true);
        }
        if second.client.batch_execute("ROLLBACK").await.is_err() {
            return Ok(false);
        }
    }
    Ok(false)
}

impl Socket {
    fn open(forwarder: Arc<Forwarder>) -> io::Result<Self> {
        let folder = make_folder()?;
        let path = folder.path().join(format!(".s.PGSQL.{SOCKET_PORT}"));
        let listener = UnixListener::bind(&path)?;
        let serving = tokio::spawn(async move {
            loop {
                match listener.accept().await {
                    Ok((stream, _)) if is_own(&stream) => {
                        tokio::spawn(serve(forwarder.clone(), stream));
                    }
                    // Not ours: it is closed.
                    Ok(_) => {}
                    // Out of files: others must give theirs back first.
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        });
        Ok(Self { folder, serving })
    }
}

/// A folder for the socket that only this account can enter.
fn make_folder() -> io::Result<TempDir> {
    let places = [std::env::temp_dir(), PathBuf::from("/tmp"), PathBuf::from("/dev/shm")];
    let mut failure = io::Error::from(io::ErrorKind::NotFound);
    for place in places {
        if place.as_os_str().len() > MAX_SOCKET_PATH - 60 {
            continue;
        }
        remove_abandoned(&place);
        match tempfile::Builder::new().prefix(FOLDER_PREFIX).tempdir_in(&place) {
            Ok(folder) => return Ok(folder),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// Removes the folders of processes that were killed: nobody listens in them any more.
fn remove_abandoned(place: &Path) {
    let Ok(entries) = std::fs::read_dir(place) else { return };
    for entry in entries.flatten() {
        if !entry.file_name().to_string_lossy().starts_with(FOLDER_PREFIX) {
            continue;
        }
        let socket = entry.path().join(format!(".s.PGSQL.{SOCKET_PORT}"));
        let refused = std::os::unix::net::UnixStream::connect(&socket)
            .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
        if refused {
            // What belongs to another account stays.
            let _removed = std::fs::remove_file(&socket);
            let _removed = std::fs::remove_dir(entry.path());
        }
    }
}

/// Whether this very process is at the other end.
fn is_own(stream: &UnixStream) -> bool {
    let Ok(peer) = stream.peer_cred() else { return false };
    let process = i32::try_from(std::process::id()).ok();
    // Where the system does not tell the process the folder has to do.
    peer.pid().is_none_or(|pid| Some(pid) == process)
}

/// One connection of a driver: it ends when either side does.
async fn serve(forwarder: Arc<Forwarder>, mut driver: UnixStream) {
    let Ok(Some(request)) = read_request(&mut driver).await else { return };
    match forwarder.connect().await {
        Ok(mut server) => {
            let opening = match request {
                Request::Session(parameters) => forwarder.startup_message(&parameters),
                Request::Cancel(bytes) => bytes,
            };
            if server.write_all(&opening).await.is_ok() && server.flush().await.is_ok() {
                let _ended = tokio::io::copy_bidirectional(&mut driver, &mut server).await;
            }
        }
        Err(failure) => {
            let error = failure.to_error(&forwarder.target);
            let mut words = error.message;
            for cause in error.causes {
                words.push_str(": ");
                words.push_str(&cause);
            }
            let _told = driver.write_all(&error_message(failure.sql_state(), &words)).await;
            let _closed = driver.shutdown().await;
        }
    }
}

/// What a driver begins with.
enum Request {
    Session(Vec<(String, String)>),
    Cancel(Vec<u8>),
}

async fn read_request(driver: &mut UnixStream) -> io::Result<Option<Request>> {
    loop {
        let length = usize::try_from(driver.read_u32().await?).unwrap_or(usize::MAX);
        if !(8..=MAX_STARTUP_BYTES).contains(&length) {
            return Ok(None);
        }
        let mut body = vec![0; length - 4];
        driver.read_exact(&mut body).await?;
        let (code, rest) = body.split_at(4);
        let code = code.try_into().map_or(0, u32::from_be_bytes);
        match code {
            SSL_REQUEST | GSS_REQUEST => driver.write_all(b"N").await?,
            CANCEL_REQUEST => {
                let mut bytes = u32::try_from(length).unwrap_or(0).to_be_bytes().to_vec();
                bytes.extend(&body);
                return Ok(Some(Request::Cancel(bytes)));
            }
            PROTOCOL_3 => {
                let mut texts =
                    rest.split(|byte| *byte == 0).map(|text| String::from_utf8_lossy(text));
                let mut parameters = Vec::new();
                while let (Some(name), Some(value)) = (texts.next(), texts.next()) {
                    if name.is_empty() {
                        break;
                    }
                    parameters.push((name.into_owned(), value.into_owned()));
                }
                return Ok(Some(Request::Session(parameters)));
            }
            _ => return Ok(None),
        }
    }
}

/// What the driver may say of its session: poolers know these, and refuse others.
const PASSED_ON: [&str; 4] = ["application_name", "client_encoding", "DateStyle", "TimeZone"];

impl Forwarder {
    fn startup_message(&self, parameters: &[(String, String)]) -> Vec<u8> {
        let mut body = PROTOCOL_3.to_be_bytes().to_vec();
        let mut push = |name: &str, value: &str| {
            for text in [name, value] {
                body.extend(text.as_bytes());
                body.push(0);
            }
        };
        push("user", &self.target.user);
        push("database", &self.target.database);
        for (name, value) in parameters {
            if PASSED_ON.contains(&name.as_str()) {
                push(name, value);
            }
        }
        let named = parameters.iter().any(|(name, _)| name == "application_name");
        if let Some(name) = self.target.application_name.as_deref().filter(|_| !named) {
            push("application_name", name);
        }
        if let Some(options) = &self.target.options {
            push("options", options);
        }
        body.push(0);
        let length = u32::try_from(body.len() + 4).unwrap_or(0);
        let mut message = length.to_be_bytes().to_vec();
        message.extend(body);
        message
    }

    /// The way that worked last, or another one. Where not every server will do, the one that does
    /// is looked for each time.
    async fn connect(&self) -> std::result::Result<Transport, ConnectFailure> {
        if self.target.session_attributes == SessionAttributes::Any {
            let route = self.route.lock().await.clone();
            let dialled = tokio::time::timeout(self.connect_timeout, route.dial()).await;
            if let Ok(Ok(transport)) = dialled {
                return Ok(transport);
            }
        }
        let options = SessionOptions {
            application_name: &self.application_name,
            connect_timeout: self.connect_timeout,
        };
        let found = open_session(&self.target, options, |transport| transport).await?;
        let route = found.route.clone();
        *self.route.lock().await = route.clone();
        route.dial().await
    }
}

/// An error as a server sends it.
fn error_message(code: &str, words: &str) -> Vec<u8> {
    let mut body = Vec::new();
    for (field, text) in [(b'S', "FATAL"), (b'V', "FATAL"), (b'C', code), (b'M', words)] {
        body.push(field);
        body.extend(text.bytes().filter(|byte| *byte != 0));
        body.push(0);
    }
    body.push(0);
    let mut message = vec![b'E'];
    message.extend(u32::try_from(body.len() + 4).unwrap_or(0).to_be_bytes());
    message.extend(body);
    message
}
