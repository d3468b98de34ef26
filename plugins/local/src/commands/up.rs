//! `local up`.

use super::view;
use crate::context;
use crate::daemon::{self, Answers, Overview};
use crate::folders::Folders;
use crate::kept::Kept;
use crate::process::account;
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;
use toygres_plugin_api::protocol::{Setting, Source};
use toygres_plugin_api::report::{Block, Tone};
use toygres_plugin_api::shell::ShellCommand;
use toygres_plugin_api::{Args, Context, Error, ErrorKind, Report, Result};

/// Bring up a private PostgreSQL and a stand-in for Kubernetes on this machine.
///
/// Everything listens on loopback only and lies in the home folder; the databases made on it are
/// processes of this machine. The context `local` leads other commands to it. It is for one laptop:
/// a real cluster is a kubeconfig and a context away.
#[derive(Args)]
#[command(
    scope = "local",
    category = "Local",
    mutating,
    consent = "typed",
    examples = ["toygres local up", "toygres local up --postgres-version 17 --wait"]
)]
pub(crate) struct Up {
    /// Major version of the private PostgreSQL, where it has to be made [default: the newest]
    #[arg(long, value_name = "MAJOR")]
    postgres_version: Option<u32>,
    /// Wait until every pod that was there before is ready again
    #[arg(long)]
    wait: bool,
    /// Give up after this long
    #[arg(long, value_name = "DURATION", default = "120s")]
    timeout: Duration,
}

/// How often it is looked whether pods are ready.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

pub(crate) async fn up(ctx: &Context, args: Up) -> Result<Report> {
    let deadline = Instant::now() + args.timeout;
    let folders = Folders::lent(ctx).await?;
    folders.prepare(account::for_servers()?.as_ref())?;
    let _one = daemon::one_at_a_time(&folders, deadline).await?;
    let already = daemon::launch(ctx, &folders, args.postgres_version, deadline).await?;
    let kept = Kept::load(&folders)?;
    if already {
        // Whoever changed the files meanwhile wants them back.
        context::write(&folders, &kept)?;
    }
    let mut overview = all_answer(ctx, &folders, &kept, deadline).await?;
    if args.wait {
        overview = all_ready(ctx, &folders, overview, deadline).await?;
    }
    ctx.ui().progress("").await;
    report(ctx, &folders, &kept, already, &overview).await
}

/// Waits until the daemon and PostgreSQL answer, whatever the daemon has written down of them.
async fn all_answer(
    ctx: &Context,
    folders: &Folders,
    kept: &Kept,
    deadline: Instant,
) -> Result<Overview> {
    let mut failures = None;
    loop {
        let mut overview = Overview::read(folders)?;
        let answers = Answers::ask(folders, kept, &mut overview).await;
        let Some(silence) = answers.awaited(&overview) else { return Ok(overview) };
        let database = &overview.database;
        // What kept it from starting may have been put right since: one more failure decides.
        let before = *failures.get_or_insert(database.failures);
        if database.failures > before
            && let Some(why) = &database.error
        {
            return Err(does_not_start(folders, why));
        }
        if Instant::now() >= deadline {
            return Err(silence.error(folders));
        }
        ctx.ui().progress(format!("waiting: {}", silence.text())).await;
        tokio::select! {
            () = tokio::time::sleep(LOOK_AGAIN) => {}
            () = ctx.cancelled() => return Err(Error::new(ErrorKind::Interrupted, "interrupted")),
        }
    }
}

/// The private PostgreSQL does not start, as the daemon has seen again and again.
fn does_not_start(folders: &Folders, why: &str) -> Error {
    Error::failed("the private PostgreSQL does not start").cause(why).hint(format!(
        "its log: {}; the daemon's: {}",
        folders.logs().join("postgres.log").display(),
        folders.logs().join("daemon.log").display()
    ))
}

/// Waits until no pod is on its way any more.
async fn all_ready(
    ctx: &Context,
    folders: &Folders,
    mut overview: Overview,
    deadline: Instant,
) -> Result<Overview> {
    loop {
        let Some(pod) = overview.pods.iter().find(|pod| !pod.ready) else { return Ok(overview) };
        if Instant::now() >= deadline {
            return Err(Error::timed_out(format!("pod `{}` is not ready", pod.name))
                .cause(format!("its state: {}", pod.state))
                .hint("everything else is up; look with: toygres local status"));
        }
        ctx.ui().progress(format!("waiting for pod {}: {}", pod.name, pod.state)).await;
        tokio::select! {
            () = tokio::time::sleep(LOOK_AGAIN) => {}
            () = ctx.cancelled() => return Err(Error::new(ErrorKind::Interrupted, "interrupted")),
        }
        overview = Overview::read(folders)?;
    }
}

async fn report(
    ctx: &Context,
    folders: &Folders,
    kept: &Kept,
    already: bool,
    overview: &Overview,
) -> Result<Report> {
    let current = context::current(folders)?;
    let chosen = current.as_deref() == Some(context::NAME);
    let mut data = view::data(folders, kept, overview, &Answers::default());
    data["result"] = if already { "already_up" } else { "started" }.into();
    data["context"] = json!({ "name": context::NAME, "current": chosen });
    let said = if already { "Up already" } else { "Up" };
    let mut report = Report::data(data)?
        .block(Block::remark(Tone::Good, format!("{said}, on this machine only")))
        .block(Block::fields(view::fields(folders, kept, overview, &Answers::default())))
        .block(Block::text(
            "This is for one laptop: it shares its disk, its memory and its fate. A real cluster is \
             a kubeconfig and a context away.",
        ))
        .block(Block::section("Next", next(folders)));
    if !chosen {
        let other = current.unwrap_or_default();
        report = report.note(format!(
            "the current context is `{other}`; choose this one with `--context {name}`, with \
             TOYGRES_CONTEXT={name}, or with `current = \"{name}\"` in {file}",
            name = context::NAME,
            file = folders.config().display()
        ));
    }
    for warning in hidden(ctx, chosen).await? {
        report = report.warning(warning);
    }
    Ok(report)
}

/// What to type now.
fn next(folders: &Folders) -> [Block; 3] {
    let kubectl = ShellCommand::new("kubectl")
        .option("--kubeconfig", folders.kubeconfig())
        .arg("get")
        .arg("pods");
    ["toygres server start".to_owned(), "toygres create mydb".to_owned(), kubectl.into()]
        .map(Block::text)
}

/// What goes before the context and leads commands elsewhere.
async fn hidden(ctx: &Context, chosen: bool) -> Result<Vec<String>> {
    let config = ctx.config().all().await?;
    let mut warnings: Vec<String> = config
        .settings
        .iter()
        .filter(|setting| context::SETTINGS.contains(&setting.key.as_str()))
        .filter_map(hides)
        .collect();
    // The file is the host's, read before it was written: only a context that was chosen counts.
    let named = config.context.filter(|named| chosen && named != context::NAME);
    if let Some(named) = named {
        warnings.push(format!(
            "the context `{named}` was chosen for this run and goes before `{}`",
            context::NAME
        ));
    }
    Ok(warnings)
}

fn hides(setting: &Setting) -> Option<String> {
    let name = setting.env.as_deref()?;
    let (place, action) = match setting.source {
        Source::Environment => ("is set".to_owned(), format!("unset {name}")),
        Source::DotEnv => {
            let file = setting.place.as_deref().unwrap_or(".env");
            (format!("is set in the file {file}"), format!("remove {name} from {file}"))
        }
        _ => return None,
    };
    Some(format!(
        "{name} {place} and goes before the context `{}`: commands use that one; to use what is up \
         here: {action}",
        context::NAME
    ))
}
