//! `start`.

use super::view;
use crate::process::home::{self, Home};
use crate::process::options::{Mode, Patience, Typed};
use crate::process::paths;
use crate::process::running::Running;
use crate::process::settings::{Plan, Settings};
use crate::process::spawn::Started;
use crate::process::target::Target;
use crate::serve;
use rustix::process::Signal;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;
use tokio::process::Child;
use tokio::time::Instant;
use toygres_plugin_api::report::{Block, Tone};
use toygres_plugin_api::shell::{ShellCommand, quote};
use toygres_plugin_api::{Args, Context, Error, ErrorKind, Report, Result};

/// Start local development server.
///
/// It goes on in the background, and the command ends when it is ready: when the database, the
/// workflows and Kubernetes can be used. Where it is not, nothing is left running. One that runs
/// already is left as it is.
///
/// What is not given here is taken from the settings (`toygres server config`).
#[derive(Args)]
#[command(
    category = "Process Management",
    here,
    mutating,
    consent = "typed",
    grace = "60s",
    examples = [
        "toygres server start",
        "toygres server start --mode worker --workers 8",
        "toygres server start --foreground --wait --timeout 5m"
    ]
)]
pub(crate) struct Start {
    /// What the process does [default: the setting server.mode]
    #[arg(long, value_name = "MODE")]
    mode: Option<Mode>,
    /// Listen on this address [default: the setting server.bind]
    #[arg(long, value_name = "ADDRESS")]
    bind: Option<String>,
    /// Listen on this port; 0 takes a free one [default: the setting server.port]
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// Work on so many orchestrations and activities at a time [default: the setting server.workers]
    #[arg(long, value_name = "N")]
    workers: Option<u32>,
    /// What is logged: error, warn, info, debug, trace, or one a part [default: the setting server.log_level]
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// Stay in the foreground until interrupted
    #[arg(long)]
    foreground: bool,
    /// Wait for backends that cannot be reached yet, instead of ending at once
    #[arg(long)]
    wait: bool,
    /// Give up when it is not ready after this long
    #[arg(long, value_name = "DURATION", default = "30s")]
    timeout: Duration,
    /// What `start` passes on to the process in the background
    #[arg(long, hidden, requires = ["foreground"])]
    detached: bool,
    /// Only look whether it could be started, for `restart`
    #[arg(long, hidden, requires = ["foreground"])]
    rehearse: bool,
    /// A setting that `start` passes on in the environment
    #[arg(long, hidden, value_name = "KEY", requires = ["foreground"])]
    passed: Vec<String>,
}

pub(crate) async fn start(ctx: &Context, args: Start) -> Result<Report> {
    let patience = Patience { wait: args.wait, timeout: args.timeout };
    let mut typed = Typed {
        mode: args.mode,
        bind: args.bind,
        port: args.port,
        workers: args.workers,
        log_level: args.log_level,
        plugin_dirs: plugin_dirs(std::env::args_os())?,
        passed: args.passed,
    };
    if args.rehearse {
        return serve::rehearse(ctx, typed, patience).await;
    }
    if args.foreground {
        return serve::run(ctx, typed, patience, args.detached).await;
    }
    let settings = Settings::read(ctx).await?;
    typed.passed = settings.passed().into_iter().map(|(key, _)| key).collect();
    let environment = environment(ctx, &settings).await?;
    background(ctx, &settings, typed, patience, environment, "started").await
}

/// Starts it in the background and waits until it is ready; `done` says what that was.
pub(super) async fn background(
    ctx: &Context,
    settings: &Settings,
    typed: Typed,
    patience: Patience,
    environment: Vec<(String, String)>,
    done: &str,
) -> Result<Report> {
    // What cannot be is said before anything is started.
    Plan::new(&typed, settings)?;
    let home = settings.home()?;
    home.make()?;
    let deadline = Instant::now() + patience.timeout;
    if let Some(running) = Running::find(&home)? {
        return already(ctx, &home, &typed, running, deadline).await;
    }
    // On a full disk the process could not even say what is in its way.
    home::writable(&home.start_file())?;
    let mut process = Started::new(&home, &words(&typed, patience), &environment)?;
    ctx.ui().progress("waiting for the server to be ready").await;
    match until_ready(ctx, &home, &mut process.child, deadline).await? {
        Outcome::Ready(running) => {
            process.keep(&home).map_err(|error| home::unwritable(&home.start_file(), error))?;
            started(&home, &running, done)
        }
        Outcome::Ended(status) => match Running::find(&home)? {
            // Somebody else started one at the same time and was first.
            Some(other) => already(ctx, &home, &typed, other, deadline).await,
            None => Err(process.failure(&home, status)),
        },
    }
}

/// Whether it could be started in place of the one that runs, which is left as it is.
///
/// # Errors
/// What a start would fail with.
pub(super) async fn rehearse(
    ctx: &Context,
    home: &Home,
    typed: &Typed,
    patience: Patience,
    environment: &[(String, String)],
) -> Result<()> {
    home::writable(&home.start_file())?;
    let words = [words(typed, patience), vec!["--rehearse".into()]].concat();
    let mut process = Started::new(home, &words, environment)?;
    ctx.ui().progress("looking whether the server can be started anew").await;
    tokio::select! {
        status = process.child.wait() => match status? {
            status if status.success() => Ok(()),
            status => Err(process.failure(home, status)),
        },
        () = ctx.cancelled() => {
            process.child.kill().await?;
            Err(Error::new(ErrorKind::Interrupted, "interrupted"))
        }
    }
}

enum Outcome {
    Ready(Box<Running>),
    Ended(std::process::ExitStatus),
}

/// Between two looks at the pid file.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// One that is not ready in time says itself what it waited for; it gets this long to say so.
const LAST_WORDS: Duration = Duration::from_secs(3);
/// A server that is given up gets this long to end in order.
const IN_ORDER: Duration = Duration::from_secs(10);

async fn until_ready(
    ctx: &Context,
    home: &Home,
    child: &mut Child,
    deadline: Instant,
) -> Result<Outcome> {
    let pid = child.id();
    let deadline = deadline + LAST_WORDS;
    loop {
        let given_up = tokio::select! {
            status = child.wait() => return Ok(Outcome::Ended(status?)),
            () = tokio::time::sleep_until(deadline) => true,
            () = ctx.cancelled() => {
                give_up(home, child).await?;
                return Err(Error::new(ErrorKind::Interrupted, "interrupted; the server was stopped"));
            }
            () = tokio::time::sleep(LOOK_AGAIN) => false,
        };
        let running = Running::find(home)?;
        let ours = running.filter(|running| Some(running.pid().unsigned_abs()) == pid);
        match ours {
            Some(running) if running.is_ready() => return Ok(Outcome::Ready(Box::new(running))),
            ours if given_up => {
                give_up(home, child).await?;
                return Err(late(home, ours.as_ref()));
            }
            _ => {}
        }
    }
}

async fn give_up(home: &Home, child: &mut Child) -> Result<()> {
    if let Some(running) =
        Running::find(home)?.filter(|running| child.id() == Some(running.pid().unsigned_abs()))
        && let Some(target) = Target::open(&running.identity)?
    {
        target.signal(Signal::TERM)?;
        if tokio::time::timeout(IN_ORDER, child.wait()).await.is_ok() {
            return Ok(());
        }
    }
    child.kill().await?;
    super::stop::tidy(home)
}

fn late(home: &Home, running: Option<&Running>) -> Error {
    let error = Error::timed_out("the server was not ready in time and was stopped")
        .hint(format!("give it longer with `--timeout`; see {}", home.log_file.display()));
    let reasons = running.and_then(|running| running.record.as_ref());
    let reasons = reasons.map(|record| record.waits_for.as_slice()).unwrap_or_default();
    reasons.iter().fold(error, Error::cause)
}

fn started(home: &Home, running: &Running, done: &str) -> Result<Report> {
    let mut data = view::data(home, running);
    data["result"] = done.into();
    let fields = view::fields(&data);
    Ok(Report::data(data)?
        .block(Block::remark(Tone::Good, format!("Server {done}")))
        .block(fields)
        .hint("Use 'toygres server logs --follow' to see what it does"))
}

/// One that runs is the answer; where it was started with other options, it is a refusal.
async fn already(
    ctx: &Context,
    home: &Home,
    typed: &Typed,
    mut running: Running,
    deadline: Instant,
) -> Result<Report> {
    while !running.is_ready() && running.record.as_ref().is_none_or(|it| !it.stopping) {
        if Instant::now() >= deadline {
            return Err(Error::timed_out(format!(
                "the server already runs as process {}, and was not ready in time",
                running.pid()
            ))
            .hint("see `toygres server status`"));
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_AGAIN) => {}
            () = ctx.cancelled() => return Err(Error::new(ErrorKind::Interrupted, "interrupted")),
        }
        running = Running::find(home)?.ok_or_else(|| {
            Error::failed("the server that was starting ended")
                .hint("see why with `toygres server logs`, and start it again")
        })?;
    }
    let pid = running.pid();
    let record = running.record.as_ref();
    if record.is_some_and(|record| record.stopping) {
        return Err(Error::failed(format!("the server runs as process {pid}, and is ending"))
            .retryable(true)
            .hint("start it again when it has ended; see `toygres server status`"));
    }
    let others = record.map(|record| typed.unlike(record)).unwrap_or_default();
    if !others.is_empty() {
        let options = others.iter().map(quote).collect::<Vec<_>>().join(" ");
        return Err(Error::failed(format!(
            "the server already runs as process {pid}, but not with `{options}`"
        ))
        .hint(format!(
            "change it with `{} {options}`",
            ShellCommand::new("toygres server restart")
        )));
    }
    let mut data = view::data(home, &running);
    data["result"] = "already_running".into();
    let fields = view::fields(&data);
    Ok(Report::data(data)?
        .block(Block::remark(
            Tone::Good,
            format!("Already running as process {pid}: nothing was changed"),
        ))
        .block(fields))
}

/// What the process in the background is started with.
fn words(typed: &Typed, patience: Patience) -> Vec<OsString> {
    let mut words: Vec<OsString> = Vec::new();
    for folder in &typed.plugin_dirs {
        words.extend(["--plugin-dir".into(), folder.into()]);
    }
    if trusts_home(std::env::args_os()) {
        words.push(TRUST_HOME.into());
    }
    let command = ["server", "start", "--foreground", "--detached", "--output", "json"];
    words.extend(command.map(OsString::from));
    words.extend(["--timeout".into(), format!("{}ms", patience.timeout.as_millis()).into()]);
    if patience.wait {
        words.push("--wait".into());
    }
    words.extend(typed.words());
    words
}

/// What the process gets in its environment: what was given as options of the connection or in the
/// `.env` file, and paths that do not depend on the current folder, which it leaves. Other users
/// cannot read an environment as they can a command line.
pub(super) async fn environment(
    ctx: &Context,
    settings: &Settings,
) -> Result<Vec<(String, String)>> {
    let mut environment = paths::absolute_environment(ctx, settings).await;
    let folder = std::env::current_dir().unwrap_or_else(|_| "/".into());
    for (key, variable) in settings.passed() {
        if environment.iter().any(|(name, _)| *name == variable && key == "database.url") {
            // Its files were made absolute above.
            continue;
        }
        let value = ctx.config().reveal(&key).await?;
        environment.extend(value.map(|value| {
            let value = paths::absolute_value(&folder, &variable, &value);
            (variable, value)
        }));
    }
    if let Some(context) = settings.context() {
        environment.push(("TOYGRES_CONTEXT".to_owned(), context.to_owned()));
    }
    Ok(environment)
}

/// The folders of `--plugin-dir`, which the host keeps to itself; the process needs them too.
///
/// # Errors
/// When one is not UTF-8: the process's record is text.
pub(super) fn plugin_dirs(typed: impl Iterator<Item = OsString>) -> Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    let mut words = typed.skip(1).take_while(|word| word != "--");
    while let Some(word) = words.next() {
        let folder = match word.as_bytes().strip_prefix(b"--plugin-dir") {
            Some([]) => words.next().map(PathBuf::from),
            Some([b'=', folder @ ..]) => Some(PathBuf::from(OsStr::from_bytes(folder))),
            _ => None,
        };
        let Some(folder) = folder else { continue };
        let folder = folder.canonicalize().unwrap_or(folder);
        if folder.to_str().is_none() {
            return Err(Error::usage("invalid value of `--plugin-dir`: not UTF-8")
                .hint("give a path in UTF-8, such as a link to that folder"));
        }
        folders.push(folder);
    }
    Ok(folders)
}

/// `--trust-home`, which the host keeps to itself as well.
fn trusts_home(typed: impl Iterator<Item = OsString>) -> bool {
    typed.take_while(|word| word != "--").any(|word| word == TRUST_HOME)
}

/// The option of the host that accepts the home folder of another user.
const TRUST_HOME: &str = "--trust-home";

#[cfg(test)]
mod tests {
    use super::plugin_dirs;
    use std::path::Path;

    #[test]
    fn plugin_folders_are_passed_on_in_full() {
        let typed = [
            "toygres",
            "--plugin-dir",
            "/usr/lib",
            "server",
            "--plugin-dir=/nowhere",
            "--",
            "--plugin-dir=/no",
        ];
        let found = plugin_dirs(typed.map(Into::into).into_iter()).unwrap();
        assert_eq!(found[1], Path::new("/nowhere"));
        assert_eq!(found[0], Path::new("/usr/lib").canonicalize().unwrap());
        assert_eq!(found.len(), 2);
    }
}
