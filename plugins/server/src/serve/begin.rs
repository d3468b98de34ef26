//! The first steps: folders, lock, log, token, port, pid file. Whatever fails here has changed
//! nothing that others see.

use crate::api::Token;
use crate::log::{self, Mask};
use crate::process::home::{self, Home};
use crate::process::identity::Identity;
use crate::process::lock::Lock;
use crate::process::options::Typed;
use crate::process::record::Record;
use crate::process::running::Running;
use crate::process::settings::{Plan, Settings};
use crate::process::spawn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use tokio::net::{TcpListener, TcpSocket};
use toygres_plugin_api::{Context, Error, Result, ValueEnum};

/// What a server has before it serves.
pub(super) struct Begun {
    pub(super) home: Home,
    pub(super) plan: Plan,
    pub(super) token: Token,
    /// Not in a worker.
    pub(super) listener: Option<TcpListener>,
    pub(super) record: Record,
    _lock: Lock,
}

/// Takes everything that must be this server's alone.
pub(super) async fn begin(
    ctx: &Context,
    typed: Typed,
    settings: &Settings,
    plan: Plan,
    detached: bool,
) -> Result<Begun> {
    let home = settings.home()?;
    home.make()?;
    let lock = lock(&home)?;
    let token = match plan.mode.serves() {
        true => Token::find(ctx, settings, &home, plan.bind).await?,
        false => Token::new(""),
    };
    let mask = mask(ctx, &token).await?;
    let target = log::Target {
        path: &home.log_file,
        most_bytes: plan.log_max_bytes,
        keep: plan.log_keep,
        stderr: !detached,
    };
    log::start(&target, &plan.log_level, &mask)?;
    let listener = match plan.mode.serves() {
        true => Some(listen(plan.bind, plan.port)?),
        false => None,
    };
    let url = listener.as_ref().map(|listener| listener.local_addr().map(url)).transpose()?;
    let record = Record {
        identity: Identity::of_ourselves()?,
        started_at: jiff::Timestamp::now().to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        mode: plan.mode,
        url,
        bind: plan.bind.to_string(),
        port: plan.port,
        workers: if plan.mode.works() { plan.workers } else { 0 },
        log_level: plan.log_level.clone(),
        log_file: home.log_file.display().to_string(),
        context: settings.context().map(str::to_owned),
        typed,
        ready_at: None,
        waits_for: Vec::new(),
        stopping: false,
    };
    record.write(&home.pid_file).map_err(|error| home::unwritable(&home.pid_file, error))?;
    tracing::info!(
        pid = record.identity.pid,
        mode = plan.mode.name(),
        version = record.version,
        "the server starts"
    );
    Ok(Begun { home, plan, token, listener, record, _lock: lock })
}

fn lock(home: &Home) -> Result<Lock> {
    // A server whose lock file was removed runs without a lock that others see.
    if let Some(running) = Running::find(home)? {
        return Err(spawn::taken(Some(running.pid())));
    }
    let path = home.lock_file();
    match Lock::take(&path) {
        Ok(Some(lock)) => Ok(lock),
        Ok(None) => Err(spawn::taken(None)),
        Err(error) => Err(Error::failed(format!("{} cannot be locked", path.display()))
            .cause(error)
            .hint("check who owns it with: ls -l")),
    }
}

async fn mask(ctx: &Context, token: &Token) -> Result<Mask> {
    let mut secrets = vec![token.secret().to_owned()];
    for setting in ctx.config().all().await?.settings {
        // Any setting may be a URL with a password in it.
        secrets.extend(ctx.config().reveal(&setting.key).await?.filter(|value| {
            setting.secret || url::Url::parse(value).is_ok_and(|url| url.password().is_some())
        }));
    }
    Ok(Mask::new(secrets.iter().map(String::as_str)))
}

pub(super) fn listen(bind: IpAddr, port: u16) -> Result<TcpListener> {
    bind_with_backlog(SocketAddr::new(bind, port)).map_err(|error| {
        let place = SocketAddr::new(bind, port);
        let hint = match error.kind() {
            io::ErrorKind::AddrInUse => {
                "another program has the port; give `--port`, or `--port 0` for a free one"
            }
            io::ErrorKind::PermissionDenied => "give a port above 1023 with `--port`",
            _ => "give another address with `--bind`",
        };
        Error::failed(format!("the server cannot listen on {place}")).cause(error).hint(hint)
    })
}

/// Connections that wait to be taken. The standard library's 128 are fewer than connect at once when
/// a server that many use comes back: the kernel lets the others wait a second before it listens to
/// them again, which is more than a probe has. The kernel has a limit of its own, `somaxconn`.
const BACKLOG: u32 = 4096;

fn bind_with_backlog(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A port that connections of an earlier server linger on is free.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Where a client on this machine finds it.
fn url(address: SocketAddr) -> String {
    let host = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => "127.0.0.1".to_owned(),
        IpAddr::V6(ip) if ip.is_unspecified() => "[::1]".to_owned(),
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    format!("http://{host}:{}", address.port())
}
