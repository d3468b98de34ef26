//! How many commands run for others at a time, and for how long.
//!
//! A command takes a thread, memory and sessions of the database, which the server's own work needs
//! too. So there are few at a time, a few more wait for a moment, and the rest is told to come back
//! (429). What is followed and what a shell asks for have turns of their own: they are no reason to
//! keep a command waiting.
//!
//! A command ends at its deadline, or when its client has gone. One whose plugin blocks its thread
//! cannot be ended within this process: it is *stuck*, and goes on. Its turn is given to somebody
//! else, and it counts against its plugin. A plugin with too many stuck commands runs no more of
//! them until some have ended, so that asking again and again exhausts nothing.

use crate::api::fault::Fault;
use crate::metrics::CommandFigures;
use axum::http::StatusCode;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use toygres_plugin_api::Error;

/// Commands that wait for their turn, of each class.
const MAX_QUEUED: usize = 64;
/// How long a command waits for its turn.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(5);
/// When whoever was refused may ask again.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// What sort of a command it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::api) enum CommandClass {
    /// It answers and ends.
    Command,
    /// It follows something for as long as its client wants.
    Follow,
    /// A shell asks for the values of an argument.
    Completion,
}

/// The limits of commands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CommandSettings {
    /// Commands at a time.
    pub(crate) commands: usize,
    /// How long a command may take to answer.
    pub(crate) timeout: Duration,
    /// How long one may follow something.
    pub(crate) follow_timeout: Duration,
}

impl CommandSettings {
    fn size(&self, class: CommandClass) -> usize {
        match class {
            CommandClass::Command => self.commands,
            CommandClass::Follow => self.commands.div_ceil(2),
            CommandClass::Completion => self.commands.div_ceil(2).min(4),
        }
    }

    /// How many commands of all classes there may be at a time.
    pub(crate) fn all(&self) -> usize {
        CLASSES.iter().map(|class| self.size(*class)).sum()
    }

    /// Stuck commands of one plugin, from which on it runs no more.
    fn max_stuck(&self) -> usize {
        self.commands.div_ceil(4)
    }
}

const CLASSES: [CommandClass; 3] =
    [CommandClass::Command, CommandClass::Follow, CommandClass::Completion];

impl CommandClass {
    fn name(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Follow => "follow",
            Self::Completion => "completion",
        }
    }
}

/// Gives commands their turns.
#[derive(Debug, Clone)]
pub(crate) struct CommandLimits(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: CommandSettings,
    turns: [ClassTurns; 3],
    stuck: Mutex<BTreeMap<String, usize>>,
    queue_full: AtomicU64,
    queue_timeouts: AtomicU64,
    stuck_refusals: AtomicU64,
}

#[derive(Debug)]
struct ClassTurns {
    size: usize,
    free: Arc<Semaphore>,
    queued: AtomicUsize,
}

/// The turn of one command; it is given back when this is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    limits: CommandLimits,
    plugin: String,
    command: String,
    _permit: OwnedSemaphorePermit,
}

/// A command that did not end when it was told to, until it does.
#[derive(Debug)]
pub(super) struct StuckCommand {
    limits: CommandLimits,
    plugin: String,
}

impl CommandLimits {
    pub(crate) fn new(settings: CommandSettings) -> Self {
        let turns = CLASSES.map(|class| {
            let size = settings.size(class);
            ClassTurns { size, free: Arc::new(Semaphore::new(size)), queued: AtomicUsize::new(0) }
        });
        Self(Arc::new(Inner {
            settings,
            turns,
            stuck: Mutex::default(),
            queue_full: AtomicU64::new(0),
            queue_timeouts: AtomicU64::new(0),
            stuck_refusals: AtomicU64::new(0),
        }))
    }

    pub(super) fn settings(&self) -> &CommandSettings {
        &self.0.settings
    }

    /// Waits for a command's turn.
    ///
    /// # Errors
    /// 429 when the queue is full, it takes too long, or the plugin has too many stuck commands.
    pub(super) async fn take_turn(
        &self,
        class: CommandClass,
        plugin: &str,
        command: &str,
    ) -> Result<Turn, Fault> {
        let stuck = self.lock_stuck().get(plugin).copied().unwrap_or_default();
        if stuck >= self.0.settings.max_stuck() {
            self.0.stuck_refusals.fetch_add(1, Ordering::Relaxed);
            return Err(plugin_is_stuck(plugin, stuck));
        }
        let turns = &self.0.turns[class as usize];
        let permit = match turns.free.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => self.wait_in_queue(turns).await?,
        };
        Ok(Turn {
            limits: self.clone(),
            plugin: plugin.to_owned(),
            command: command.to_owned(),
            _permit: permit,
        })
    }

    async fn wait_in_queue(&self, turns: &ClassTurns) -> Result<OwnedSemaphorePermit, Fault> {
        let Some(_queued) = Queued::join(&turns.queued) else {
            self.0.queue_full.fetch_add(1, Ordering::Relaxed);
            return Err(busy(turns.size));
        };
        let timeout = QUEUE_TIMEOUT.min(self.0.settings.timeout);
        match tokio::time::timeout(timeout, turns.free.clone().acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            // It is never closed.
            Ok(Err(_)) | Err(_) => {
                self.0.queue_timeouts.fetch_add(1, Ordering::Relaxed);
                Err(busy(turns.size))
            }
        }
    }

    /// What the metrics tell.
    pub(crate) fn figures(&self) -> CommandFigures {
        let classes = CLASSES.into_iter().zip(&self.0.turns).map(|(class, turns)| {
            let running = turns.size.saturating_sub(turns.free.available_permits());
            (class.name(), running, turns.queued.load(Ordering::Relaxed))
        });
        CommandFigures {
            classes: classes.collect(),
            refused: vec![
                ("queue_full", self.0.queue_full.load(Ordering::Relaxed)),
                ("queue_timeout", self.0.queue_timeouts.load(Ordering::Relaxed)),
                ("plugin_stuck", self.0.stuck_refusals.load(Ordering::Relaxed)),
            ],
            stuck: self.lock_stuck().clone(),
        }
    }

    fn lock_stuck(&self) -> MutexGuard<'_, BTreeMap<String, usize>> {
        self.0.stuck.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// The command did not end: somebody else gets its turn, and its plugin has one more of these.
    pub(super) fn give_up(self) -> StuckCommand {
        let mut all = self.limits.lock_stuck();
        let count = all.entry(self.plugin.clone()).or_default();
        *count += 1;
        if *count == 1 {
            tracing::warn!(
                plugin = self.plugin,
                command = self.command,
                "a command went on after it was told to end; it cannot be stopped before the server"
            );
        }
        drop(all);
        StuckCommand { limits: self.limits.clone(), plugin: self.plugin.clone() }
    }
}

impl Drop for StuckCommand {
    fn drop(&mut self) {
        let mut all = self.limits.lock_stuck();
        if let Some(count) = all.get_mut(&self.plugin) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.plugin);
            }
        }
    }
}

/// A place in the queue.
struct Queued<'a>(&'a AtomicUsize);

impl<'a> Queued<'a> {
    fn join(queue: &'a AtomicUsize) -> Option<Self> {
        let joined = queue.fetch_update(Ordering::AcqRel, Ordering::Acquire, |queued| {
            (queued < MAX_QUEUED).then_some(queued + 1)
        });
        joined.ok().map(|_| Self(queue))
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn busy(size: usize) -> Fault {
    let error = Error::unavailable(format!("the server is busy with {size} other commands"))
        .hint("try again in a moment; how many run at a time is the setting `server.commands`");
    Fault::new(StatusCode::TOO_MANY_REQUESTS, error).retry_after(RETRY_AFTER)
}

fn plugin_is_stuck(plugin: &str, stuck: usize) -> Fault {
    let error = Error::unavailable(format!(
        "the plugin `{plugin}` is busy with {stuck} commands that did not end in time"
    ))
    .hint("tell the plugin's author; `toygres server restart` ends these commands");
    Fault::new(StatusCode::TOO_MANY_REQUESTS, error).retry_after(RETRY_AFTER)
}

#[cfg(test)]
mod tests {
    use super::{CommandClass, CommandLimits, CommandSettings, MAX_QUEUED};
    use std::time::Duration;

    fn limits(commands: usize) -> CommandLimits {
        let timeout = Duration::from_millis(300);
        CommandLimits::new(CommandSettings { commands, timeout, follow_timeout: timeout })
    }

    #[tokio::test]
    async fn some_run_some_wait_and_the_rest_is_refused() {
        let limits = limits(2);
        let take = || limits.take_turn(CommandClass::Command, "p", "c");
        let turns = [take().await.unwrap(), take().await.unwrap()];
        let mut waiting: Vec<_> = (0..MAX_QUEUED).map(|_| Box::pin(take())).collect();
        for one in &mut waiting {
            assert!(futures_util::poll!(one).is_pending());
        }
        assert!(take().await.is_err(), "the queue is full");
        assert!(limits.take_turn(CommandClass::Follow, "p", "c").await.is_ok());
        assert!(limits.take_turn(CommandClass::Completion, "p", "c").await.is_ok());
        // Whoever stops waiting leaves the queue.
        drop(waiting.pop());
        assert_eq!(limits.figures().classes[0], ("command", 2, MAX_QUEUED - 1));
        drop(turns);
        let first = waiting.remove(0).await;
        assert!(first.is_ok(), "its turn came");
        drop(waiting);
        assert_eq!(limits.figures().classes[0], ("command", 1, 0));
        let _second = take().await.unwrap();
        assert!(take().await.is_err(), "nobody waits for ever");
        assert_eq!(limits.figures().refused[..2], [("queue_full", 1), ("queue_timeout", 1)]);
    }

    #[tokio::test]
    async fn a_plugin_with_stuck_commands_runs_no_more_and_others_do() {
        let limits = limits(8);
        let take = |plugin| limits.take_turn(CommandClass::Command, plugin, "c");
        let one = take("bad").await.unwrap().give_up();
        let _other = take("bad").await.unwrap().give_up();
        assert!(take("bad").await.is_err());
        assert_eq!(limits.figures().classes[0].1, 0, "their turns are free");
        assert!(take("good").await.is_ok());
        drop(one);
        assert!(take("bad").await.is_ok());
        assert_eq!(limits.figures().stuck["bad"], 1);
    }
}
