//! A command that runs for a client: its turn, its deadlines and its end.

use super::limits::{CommandClass, Turn};
use super::{Api, Runner};
use crate::api::fault::Fault;
use std::time::Duration;
use tokio::time::Instant;
use toygres_plugin_api::context::Said;
use toygres_plugin_api::protocol::{Line, RunCommand};
use toygres_plugin_api::{Error, Result};

/// How long a command that was told to end may take to do so.
const END_TIMEOUT: Duration = Duration::from_secs(5);
/// All rows of an answer may take so many times as long as the answer itself.
const ROWS_FACTOR: u32 = 10;

/// A command that runs for a client. Dropping it tells the command to end.
pub(super) struct CommandUnderWay {
    running: Option<(Said, Turn)>,
    deadlines: Deadlines,
}

/// How long a command may keep its client, or its client it.
#[derive(Debug, Clone, Copy)]
struct Deadlines {
    class: CommandClass,
    timeout: Duration,
    follow_timeout: Duration,
    /// When it has to have answered; none once it has, and for what is followed.
    answer: Option<Instant>,
    /// How long its rows have been waited for. A client that reads slowly is not counted here.
    waited: Duration,
    /// When it ends, however its client reads.
    end: Instant,
}

/// Begins a command once it is its turn.
///
/// # Errors
/// 429 when the server is busy; what the host refuses.
pub(super) async fn begin(
    api: &Api,
    class: CommandClass,
    plugin: &str,
    run: RunCommand,
) -> Result<CommandUnderWay, Fault> {
    let limits = &api.0.commands;
    let turn = limits.take_turn(class, plugin, &run.command).await?;
    let deadlines = Deadlines::new(api, class);
    let api = api.clone();
    // Whoever asks may be gone before it has begun; what begins then is dropped, and so ended.
    let begun = tokio::spawn(async move {
        let said = api.runner()?.start(run).await?;
        Ok(CommandUnderWay { running: Some((said, turn)), deadlines })
    });
    begun.await.map_err(Error::from)?
}

impl CommandUnderWay {
    /// The next line as it came; none at the end.
    ///
    /// # Errors
    /// `timed_out` when it does not come in time; when the host broke.
    pub(super) async fn text(&mut self) -> Result<Option<String>> {
        let deadlines = self.deadlines;
        let Some((said, _)) = &mut self.running else { return Ok(None) };
        let asked = Instant::now();
        let text = match tokio::time::timeout_at(deadlines.next(asked), said.text()).await {
            Ok(text) if asked < deadlines.end => text?,
            _ => return Err(deadlines.late()),
        };
        if deadlines.answer.is_none() {
            self.deadlines.waited += asked.elapsed();
        }
        // Before its answer a command says little, and after it there are only rows.
        if deadlines.answer.is_some()
            && let Some(text) = &text
            && matches!(read(text), Ok(Line::Report(_)))
        {
            self.deadlines.answer = None;
        }
        Ok(text)
    }

    /// The next line.
    ///
    /// # Errors
    /// As for [`Self::text`].
    pub(super) async fn line(&mut self) -> Result<Option<Line>> {
        self.text().await?.map(|text| read(&text)).transpose()
    }
}

fn read(text: &str) -> Result<Line> {
    serde_json::from_str(text)
        .map_err(|error| Error::plugin("a line of the host cannot be read").cause(error))
}

impl Drop for CommandUnderWay {
    fn drop(&mut self) {
        // Without a runtime the server has ended, and with it everything that it ran.
        let runtime = tokio::runtime::Handle::try_current();
        if let (Some((said, turn)), Ok(runtime)) = (self.running.take(), runtime) {
            runtime.spawn(end(said, turn));
        }
    }
}

/// Tells a command to end. Its turn is free when nothing of it is at work any more.
async fn end(said: Said, turn: Turn) {
    let mut ended = std::pin::pin!(said.end());
    if tokio::time::timeout(END_TIMEOUT, &mut ended).await.is_err() {
        let _stuck = turn.give_up();
        ended.await;
    }
}

impl Deadlines {
    fn new(api: &Api, class: CommandClass) -> Self {
        let settings = api.0.commands.settings();
        let (timeout, follow_timeout) = (settings.timeout, settings.follow_timeout);
        let now = Instant::now();
        let follows = class == CommandClass::Follow;
        Self {
            class,
            timeout,
            follow_timeout,
            answer: (!follows).then_some(now + timeout),
            waited: Duration::ZERO,
            end: now + if follows { follow_timeout } else { follow_timeout.max(timeout) },
        }
    }

    /// When the next line has to be there.
    fn next(&self, now: Instant) -> Instant {
        let line = match (self.class, self.answer) {
            (CommandClass::Follow, _) => self.end,
            (_, Some(answer)) => answer,
            (_, None) => now + self.timeout.min(self.all_rows().saturating_sub(self.waited)),
        };
        line.min(self.end)
    }

    fn all_rows(&self) -> Duration {
        self.timeout * ROWS_FACTOR
    }

    fn late(&self) -> Error {
        let ended = Instant::now() >= self.end;
        match (self.class, self.answer) {
            (CommandClass::Follow, _) => Error::timed_out(format!(
                "the server ends what is followed after {} s",
                self.follow_timeout.as_secs_f32()
            ))
            .hint("follow it again; how long is the setting `server.follow_timeout_ms`"),
            (_, None) if ended => too_slow("the answer was not read", self.follow_timeout),
            (_, Some(_)) => too_slow("the command did not answer", self.timeout),
            (_, None) if self.waited + self.timeout > self.all_rows() => {
                too_slow("the rows of the answer were not complete", self.all_rows())
            }
            (_, None) => too_slow("the next rows of the answer did not come", self.timeout),
        }
    }
}

fn too_slow(what: &str, timeout: Duration) -> Error {
    let seconds = timeout.as_secs_f32();
    Error::timed_out(format!("{what} within {seconds} s and was ended")).hint(
        "narrow what is asked for; how long the server waits is the setting \
         `server.request_timeout_ms`",
    )
}

impl Runner {
    /// Starts a command with the answer that was sent along; the host checks both.
    async fn start(&self, run: RunCommand) -> Result<Said> {
        let run = RunCommand { confirmed: Some(self.confirmed.clone()), ..run };
        self.ctx.commands().run(&run).await
    }
}
