//! `restart`.

use super::{start, stop};
use crate::process::options::{Mode, Patience, Typed};
use crate::process::record::Record;
use crate::process::running::{self, Running};
use crate::process::settings::{Plan, Settings};
use std::collections::BTreeMap;
use std::time::Duration;
use toygres_plugin_api::shell::quote;
use toygres_plugin_api::{Args, Context, Error, Report, Result};

/// Restart server.
///
/// Equivalent to `toygres server stop` and `toygres server start`, with the options that the
/// running one was started with. An option that is given here takes the place of its own.
#[derive(Args)]
#[command(
    category = "Process Management",
    here,
    mutating,
    consent = "typed",
    grace = "60s",
    examples = ["toygres server restart", "toygres server restart --log-level debug"]
)]
pub(crate) struct Restart {
    /// What the process does
    #[arg(long, value_name = "MODE")]
    mode: Option<Mode>,
    /// Listen on this address
    #[arg(long, value_name = "ADDRESS")]
    bind: Option<String>,
    /// Listen on this port; 0 takes a free one
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// Work on so many orchestrations and activities at a time
    #[arg(long, value_name = "N")]
    workers: Option<u32>,
    /// What is logged: error, warn, info, debug, trace, or one a part
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// Wait for backends that cannot be reached yet, instead of ending at once
    #[arg(long)]
    wait: bool,
    /// Kill the running one when it has not ended after this long, and give up the new one when it
    /// is not ready after this long
    #[arg(long, value_name = "DURATION", default = "60s")]
    timeout: Duration,
}

pub(crate) async fn restart(ctx: &Context, args: Restart) -> Result<Report> {
    let settings = Settings::read(ctx).await?;
    let home = settings.home()?;
    let running = Running::find(&home)?;
    let before = match &running {
        Some(running) => running.record.clone(),
        None => running::last(&home)?,
    };
    let typed = Typed {
        mode: args.mode,
        bind: args.bind,
        port: args.port,
        workers: args.workers,
        log_level: args.log_level,
        plugin_dirs: start::plugin_dirs(std::env::args_os())?,
        passed: settings.passed().into_iter().map(|(key, _)| key).collect(),
    };
    let typed = typed.over(before.as_ref().map(|record| record.typed.clone()).unwrap_or_default());
    // A server that cannot be started is no reason to end the one that runs.
    Plan::new(&typed, &settings)?;
    let now = start::environment(ctx, &settings).await?;
    let kept = before.map(|record| kept(&record, &settings)).unwrap_or_default();
    let environment = kept.into_iter().chain(now).collect::<BTreeMap<_, _>>();
    let environment: Vec<_> = environment.into_iter().collect();
    let patience = Patience { wait: args.wait, timeout: args.timeout };
    let Some(running) = running else {
        stop::end(ctx, &home, Some(args.timeout)).await?;
        let lost = lost_variables(&typed, &settings, &environment);
        let started = start::background(ctx, &settings, typed, patience, environment, "started");
        return started.await.map_err(|error| match lost.as_slice() {
            [] => error,
            // It lived in the memory of a process that is gone.
            names => with(
                error,
                format!(
                    "the server before was given {} as options or by a `.env` file, and took that \
                     with it when it ended: set it again, or start it in the same folder",
                    names.join(", ")
                ),
            ),
        });
    };
    start::rehearse(ctx, &home, &typed, patience, &environment).await.map_err(left)?;
    stop::end(ctx, &home, Some(args.timeout)).await?;
    let started =
        start::background(ctx, &settings, typed, patience, environment, "restarted").await;
    started.map_err(|error| match Running::find(&home) {
        // Somebody else has started one meanwhile.
        Ok(Some(_)) => error,
        _ => gone(error, running.record.as_ref(), &settings),
    })
}

/// The variables that an earlier server was given and that nothing gives now.
fn lost_variables(
    typed: &Typed,
    settings: &Settings,
    environment: &[(String, String)],
) -> Vec<String> {
    let given = typed.passed.iter().filter(|key| !settings.is_set(key));
    let given = given.filter_map(|key| settings.variable(key));
    let lost = given.filter(|name| environment.iter().all(|(known, _)| known != name));
    lost.map(|name| format!("`{name}`")).collect()
}

/// The error of a restart that ended nothing.
fn left(error: Error) -> Error {
    with(error, "the server that runs was left as it is".to_owned())
}

/// The error of a restart that ended the old server and has no new one.
fn gone(error: Error, before: Option<&Record>, settings: &Settings) -> Error {
    let mut words = vec!["toygres".to_owned()];
    let typed = before.map(|record| record.typed.clone()).unwrap_or_default();
    let context = before.and_then(|record| record.context.clone());
    words.extend(context.into_iter().flat_map(|context| ["--context".to_owned(), context]));
    let folders = typed.plugin_dirs.iter().map(|folder| folder.display().to_string());
    words.extend(folders.flat_map(|folder| ["--plugin-dir".to_owned(), folder]));
    words.extend(["server".to_owned(), "start".to_owned()]);
    // Where its backends are was passed in the environment, and may be secret.
    let variables = typed.passed.iter().filter_map(|key| settings.variable(key));
    let variables: Vec<String> = variables.map(|name| format!("`{name}`")).collect();
    let plain = Typed { passed: Vec::new(), ..typed };
    words.extend(plain.words().iter().map(|word| word.to_string_lossy().into_owned()));
    let set = match variables.as_slice() {
        [] => String::new(),
        names => format!(", with {} set as it was", names.join(", ")),
    };
    let words: Vec<String> = words.iter().map(quote).collect();
    let message = format!("the server was stopped, and none runs now: {}", error.message);
    let again = format!("start it as it was with `{}`{set}", words.join(" "));
    with(Error { message, ..error }, again)
}

fn with(error: Error, more: String) -> Error {
    let hint = error.hint.clone().map(|hint| format!("{hint}; {more}"));
    error.hint(hint.unwrap_or(more))
}

/// The variables by which the running one was given options of the connection.
fn kept(record: &Record, settings: &Settings) -> Vec<(String, String)> {
    let wanted: Vec<String> =
        record.typed.passed.iter().filter_map(|key| settings.variable(key)).collect();
    let mut kept = environment_of(record, &wanted);
    kept.extend(record.context.clone().map(|context| ("TOYGRES_CONTEXT".to_owned(), context)));
    kept
}

/// What a process was given in its environment; nothing where it has ended.
fn environment_of(record: &Record, names: &[String]) -> Vec<(String, String)> {
    if !record.identity.lives().unwrap_or(false) {
        return Vec::new();
    }
    let file = format!("/proc/{}/environ", record.identity.pid);
    let bytes = std::fs::read(file).unwrap_or_default();
    let entries = bytes.split(|byte| *byte == 0).filter_map(|entry| {
        let (name, value) = std::str::from_utf8(entry).ok()?.split_once('=')?;
        Some((name.to_owned(), value.to_owned()))
    });
    entries.filter(|(name, _)| names.contains(name)).collect()
}
