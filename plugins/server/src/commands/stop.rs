//! `stop`.

use crate::process::home::{self, Home};
use crate::process::lock::Lock;
use crate::process::running::Running;
use crate::process::settings::Settings;
use crate::process::target::Target;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::time::Duration;
use toygres_plugin_api::report::{Block, Tone};
use toygres_plugin_api::shell::ShellCommand;
use toygres_plugin_api::{Args, Context, Error, ErrorKind, Report, Result};

/// Stop local development server.
///
/// It takes no more requests, ends those under way, and lets its workers finish what they have in
/// hand. What is not finished is taken up again by the next server. One that has not ended after
/// the timeout is killed.
#[derive(Args)]
#[command(
    category = "Process Management",
    here,
    mutating,
    consent = "typed",
    grace = "5s",
    examples = ["toygres server stop", "toygres server stop --timeout 2m"]
)]
pub(crate) struct Stop {
    /// Kill it when it has not ended after this long
    #[arg(long, value_name = "DURATION", default = "60s")]
    timeout: Duration,
    /// Kill it at once
    #[arg(long, short = 'f')]
    force: bool,
}

pub(crate) async fn stop(ctx: &Context, args: Stop) -> Result<Report> {
    let home = Settings::read(ctx).await?.home()?;
    let timeout = if args.force { None } else { Some(args.timeout) };
    let stopped = end(ctx, &home, timeout).await?;
    let (tone, said) = match &stopped {
        Stopped::NotRunning => (Tone::Plain, "Not running: nothing was changed".to_owned()),
        Stopped::InOrder(pid) => (Tone::Good, format!("Server stopped (process {pid})")),
        Stopped::Killed(pid) if args.force => {
            (Tone::Good, format!("Server killed (process {pid})"))
        }
        Stopped::Killed(pid) => {
            (Tone::Warn, format!("Server killed (process {pid}): it had not ended in time"))
        }
    };
    let mut report = Report::data(stopped.data())?.block(Block::remark(tone, said));
    if matches!(stopped, Stopped::Killed(_)) && !args.force {
        report = report.warning("what it had in hand is taken up again when its lease runs out");
    }
    Ok(report)
}

/// How a server was ended.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stopped {
    NotRunning,
    InOrder(i32),
    Killed(i32),
}

impl Stopped {
    pub(super) fn data(self) -> Value {
        let (result, pid) = match self {
            Self::NotRunning => ("not_running", None),
            Self::InOrder(pid) => ("stopped", Some(pid)),
            Self::Killed(pid) => ("killed", Some(pid)),
        };
        json!({"result": result, "pid": pid})
    }
}

/// A killed process is gone when the kernel has taken its memory back.
const AFTER_KILL: Duration = Duration::from_secs(30);

/// Ends the server of this home; without a timeout it is killed at once.
pub(super) async fn end(ctx: &Context, home: &Home, timeout: Option<Duration>) -> Result<Stopped> {
    let target = match Running::find(home)? {
        None => None,
        Some(running) => Target::open(&running.identity)?.map(|target| (running.pid(), target)),
    };
    let Some((pid, target)) = target else {
        tidy(home)?;
        return Ok(Stopped::NotRunning);
    };
    if let Some(timeout) = timeout {
        target.signal(Signal::TERM)?;
        ctx.ui().progress(format!("waiting for process {pid} to end")).await;
        tokio::select! {
            ended = tokio::time::timeout(timeout, target.ended()) => {
                if let Ok(ended) = ended {
                    ended?;
                    tidy(home)?;
                    return Ok(Stopped::InOrder(pid));
                }
            }
            () = ctx.cancelled() => {
                return Err(Error::new(ErrorKind::Interrupted, "interrupted; the server goes on ending")
                    .hint("see `toygres server status`"));
            }
        }
    }
    target.signal(Signal::KILL)?;
    tokio::time::timeout(AFTER_KILL, target.ended()).await.map_err(|_| {
        Error::timed_out(format!("the kernel has not ended process {pid}")).hint(format!(
            "see what holds it with: {}",
            ShellCommand::new("cat").arg(format!("/proc/{pid}/status"))
        ))
    })??;
    tidy(home)?;
    Ok(Stopped::Killed(pid))
}

/// Takes away what a server that ended by force left, unless another one has begun.
pub(super) fn tidy(home: &Home) -> Result<()> {
    if !home.folder.is_dir() || !home.lock_file().exists() {
        return Ok(());
    }
    let Some(_lock) = Lock::take(&home.lock_file())? else { return Ok(()) };
    home::remove(&home.url_file())?;
    home::remove(&home.pid_file)?;
    Ok(())
}
