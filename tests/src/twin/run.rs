//! Runs of one command: the first as if nobody stood between, the others unseen.

use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

/// What is kept of an answer; a longer one is not compared.
const MOST: usize = 8 << 20;

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// Its exit code; none after a signal.
    pub code: Option<i32>,
    /// What it wrote.
    pub stdout: Vec<u8>,
    /// What it said.
    pub stderr: Vec<u8>,
}

/// A first run, and whether there is anything to compare it with.
#[derive(Debug)]
pub struct First {
    /// How it ended.
    pub ran: Ran,
    /// What it was given on stdin.
    pub input: Vec<u8>,
    /// Whether it ended by itself and was heard to its end.
    pub whole: bool,
}

/// Runs it with this process's own stdin, stdout and stderr.
///
/// # Errors
/// When it does not start.
pub async fn first(program: &Path, args: &[String], takes_input: bool) -> crate::Result<First> {
    let mut command = Command::new(program);
    command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.stdin(if takes_input { Stdio::piped() } else { Stdio::inherit() });
    let mut child = command.spawn()?;
    let stdin = child.stdin.take();
    let stdout = child.stdout.take().ok_or("no stdout")?;
    let stderr = child.stderr.take().ok_or("no stderr")?;
    let giving = tokio::spawn(async move {
        match stdin {
            Some(stdin) => tee(tokio::io::stdin(), stdin).await.0,
            None => Vec::new(),
        }
    });
    let out = tokio::spawn(tee(stdout, tokio::io::stdout()));
    let err = tokio::spawn(tee(stderr, tokio::io::stderr()));
    let (status, told) = ended(&mut child).await?;
    let ((stdout, heard), (stderr, _)) = (out.await?, err.await?);
    // Nobody may ever end the input of a command that did not read it.
    let input = if giving.is_finished() { giving.await? } else { Vec::new() };
    let whole = heard && !told && stdout.len() < MOST && status.code().is_some();
    Ok(First { ran: Ran { code: status.code(), stdout, stderr }, input, whole })
}

/// Runs it again, unseen, with the same input.
///
/// # Errors
/// When it does not start.
pub async fn again(
    program: &Path,
    plugins: Option<&Path>,
    args: &[String],
    input: &[u8],
) -> crate::Result<Ran> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if let Some(plugins) = plugins {
        command.env("TOYGRES_PLUGIN_PATH", plugins);
    }
    let mut child = command.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that does not read its input closes it.
        let _unread = stdin.write_all(input).await;
    }
    let output = child.wait_with_output().await?;
    Ok(Ran { code: output.status.code(), stdout: output.stdout, stderr: output.stderr })
}

/// Waits for its end, and hands on what this process is told meanwhile.
async fn ended(child: &mut Child) -> crate::Result<(std::process::ExitStatus, bool)> {
    let mut interrupts = signal(SignalKind::interrupt())?;
    let mut terminations = signal(SignalKind::terminate())?;
    let mut told = false;
    loop {
        let signal = tokio::select! {
            status = child.wait() => return Ok((status?, told)),
            _ = interrupts.recv() => rustix::process::Signal::INT,
            _ = terminations.recv() => rustix::process::Signal::TERM,
        };
        told = true;
        let pid = child.id().and_then(|pid| rustix::process::Pid::from_raw(pid.try_into().ok()?));
        if let Some(pid) = pid {
            rustix::process::kill_process(pid, signal)?;
        }
    }
}

/// Hands on what comes as it comes, and keeps it; whether all of it could be handed on.
async fn tee(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> (Vec<u8>, bool) {
    let (mut kept, mut buffer) = (Vec::new(), vec![0; 64 << 10]);
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let came = &buffer[..read];
        if kept.len() < MOST {
            kept.extend_from_slice(came);
        }
        if to.write_all(came).await.is_err() || to.flush().await.is_err() {
            // Whoever listened went away: with `from` dropped the command finds out as well.
            return (kept, false);
        }
    }
    (kept, true)
}
