//! The server's side: a command that runs for somebody else, and what it says.

use super::files::Copies;
use super::own_secrets::OwnSecrets;
use super::rows::RowMask;
use crate::call::{Answered, Call};
use crate::discover::{Catalogue, Folders, Owned};
use crate::lend::interrupt::Interrupt;
use crate::lend::spool;
use crate::lend::ui::{Given, Operator};
use crate::load::Loaded;
use crate::redact::Redactor;
use crate::settings::Settings;
use serde_json::Map;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use toygres_plugin_api::batch::RowBatch;
use toygres_plugin_api::manifest::{Arg, Command};
use toygres_plugin_api::protocol::{Candidate, Complete, Line, Output, RunCommand};
use toygres_plugin_api::report::StreamRef;
use toygres_plugin_api::shell::ShellCommand;
use toygres_plugin_api::{Error, ErrorKind, Report, Result};

/// What a running command says to somebody elsewhere, masked.
#[derive(Debug, Clone)]
pub(crate) struct Away {
    lines: UnboundedSender<Line>,
    redactor: Arc<Redactor>,
    /// Paths of copies of files, and the names by which the operator knows these.
    names: Arc<Vec<(String, String)>>,
}

impl Away {
    /// Says a line; lost where nobody listens any more.
    pub(crate) fn say(&self, line: Line) {
        let _unheard = self.lines.send(self.masked(self.renamed(line)));
    }

    /// With the operator's own names of files.
    fn renamed(&self, line: Line) -> Line {
        let named = |text: String| {
            self.names.iter().fold(text, |text, (path, name)| text.replace(path, name))
        };
        match line {
            Line::Progress(mut progress) => {
                progress.text = named(progress.text);
                Line::Progress(progress)
            }
            Line::Note(mut note) => {
                note.text = named(note.text);
                Line::Note(note)
            }
            Line::Error(mut error) => {
                error.message = named(error.message);
                error.causes = error.causes.into_iter().map(named).collect();
                error.hint = error.hint.map(named);
                Line::Error(error)
            }
            other => other,
        }
    }

    fn masked(&self, line: Line) -> Line {
        let redactor = &self.redactor;
        match line {
            Line::Progress(mut progress) => {
                progress.text = redactor.string(progress.text);
                Line::Progress(progress)
            }
            Line::Note(mut note) => {
                redactor.note(&mut note);
                Line::Note(note)
            }
            Line::Frame(report) => Line::Frame(redactor.report(report)),
            Line::Append(report) => Line::Append(redactor.report(report)),
            Line::Report(report) => Line::Report(redactor.report(report)),
            Line::Question(mut confirm) => {
                confirm.preview = redactor.report(confirm.preview);
                confirm.question = redactor.string(confirm.question);
                Line::Question(confirm)
            }
            Line::Error(error) => Line::Error(redactor.error(error)),
            other => other,
        }
    }
}

/// A shell waits no longer for values.
const WITHIN: Duration = Duration::from_secs(1);

/// A command under way for somebody else. Its lines are pulled one after the other, its rows only
/// as fast as they are read.
#[derive(Debug)]
pub(crate) struct Running {
    lines: UnboundedReceiver<Line>,
    interrupt: Interrupt,
    answered: Option<tokio::sync::oneshot::Receiver<Answered>>,
    rows: Option<Rows>,
    redactor: Arc<Redactor>,
    /// Where data is not masked, what of it is the server's own.
    own_secrets: Option<OwnSecrets>,
}

/// The rows of the answer's stream.
struct Rows {
    answered: Answered,
    stream: StreamRef,
    mask: RowMask,
    sent: u64,
    kept: Option<spool::Rows>,
}

impl std::fmt::Debug for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows").field("stream", &self.stream).finish_non_exhaustive()
    }
}

impl Running {
    /// Begins the command.
    ///
    /// # Errors
    /// Where there is no such command, it is not to be run for somebody else, or its plugin does
    /// not open.
    pub(crate) fn begin(
        run: RunCommand,
        settings: &Arc<Settings>,
        folders: &Folders,
        runtime: &Handle,
        may_change: bool,
    ) -> Result<Self> {
        let catalogue = Catalogue::read(folders);
        let found = catalogue.find(run.scope, &run.command).map_err(Error::from)?;
        let Some(owned) = found else {
            if let Some(fault) = catalogue.disabled(&run.command) {
                return Err(fault.into());
            }
            return Err(Error::not_found(format!("there is no command `{}`", run.command))
                .hint("see what there is at `/api/openapi.json`"));
        };
        let leaves = owned.command.mutating || owned.command.args.iter().any(|arg| arg.writes);
        if owned.command.here && leaves {
            return Err(Error::usage(format!(
                "`{}` is about the machine it is typed on and is not run for somebody else",
                run.command
            )));
        }
        let own_secrets = match run.output.show_secrets {
            true if owned.command.here => return Err(secrets_stay(owned.command)),
            true => Some(OwnSecrets::of(settings)?),
            false => None,
        };
        let loaded = Loaded::open(&owned)?;
        if let Some(complete) = run.complete {
            return Self::values(owned, loaded, complete, (settings, folders, runtime));
        }
        let mut args = run.args;
        let copies = Copies::make(owned.command, &mut args, &run.files)?;
        let args = super::args::checked(owned.command, args)?;
        let redactor = Arc::new(settings.redactor(run.output.show_secrets));
        let (sender, lines) = unbounded_channel();
        let names = Arc::new(copies.names());
        let away = Away { lines: sender, redactor: redactor.clone(), names };
        let given = match run.answer {
            Some(word) if may_change => Given::Word(word),
            _ => Given::Nothing,
        };
        let place = owned.place;
        let interrupt = Interrupt::default();
        let (settings, folders) = (settings.clone(), folders.clone());
        let (handle, raised) = (runtime.clone(), interrupt.clone());
        let (tell, answered) = tokio::sync::oneshot::channel();
        runtime.spawn_blocking(move || {
            let Some(owned) = catalogue.at(place) else { return };
            let operator = Operator::Away(away.clone());
            let call = Call {
                owned,
                args,
                shown: Output { away: true, ..run.output },
                settings,
                folders,
                operator,
                given,
                alone: false,
            };
            let stopped = raised.clone();
            let answer = call.answer(&handle, loaded, &raised, async move { stopped.wait().await });
            for file in copies.written() {
                away.say(Line::File(file));
            }
            match answer {
                Ok(answered) => {
                    let report = answered.report.clone();
                    let _nobody = tell.send(answered);
                    away.say(Line::Report(report));
                }
                Err(error) => away.say(Line::Error(error)),
            }
        });
        let answered = Some(answered);
        Ok(Self { lines, interrupt, answered, rows: None, redactor, own_secrets })
    }

    /// Asks the command's plugin what may stand for an argument, which is all that comes of it.
    ///
    /// # Errors
    /// When nobody knows values of that argument, or what is typed of one could be none.
    fn values(
        owned: Owned<'_>,
        loaded: Loaded,
        complete: Complete,
        (settings, folders, runtime): (&Arc<Settings>, &Folders, &Handle),
    ) -> Result<Self> {
        let knows = |arg: &Arg| arg.id == complete.arg && arg.completes;
        if !owned.command.args.iter().any(knows) {
            let message = format!("no values are known of `{}`", complete.arg);
            return Err(Error::usage(message)
                .hint("`/api/openapi.json` describes the command and its arguments"));
        }
        if complete.begun.contains(char::is_control) {
            return Err(Error::usage("what is typed of a value has no control characters"));
        }
        let redactor = Arc::new(settings.redactor(false));
        let call = Call {
            owned,
            args: Map::new(),
            shown: Output { away: true, ..Output::default() },
            settings: settings.clone(),
            folders: folders.clone(),
            operator: Operator::Nobody,
            given: Given::Never,
            alone: false,
        };
        let interrupt = Interrupt::default();
        let line = match call.values(runtime, loaded, complete, WITHIN, &interrupt) {
            Ok(known) => {
                let shown = |candidate: &Candidate| {
                    redactor.string(candidate.value.clone()) == candidate.value
                };
                let known: Vec<Candidate> = known.into_iter().filter(shown).collect();
                Line::Report(redactor.report(Report::data(known)?))
            }
            // A line and no failure of the beginning: the plugin may still be at work, and whoever
            // listens can wait for the end of it.
            Err(error) => Line::Error(redactor.error(error)),
        };
        let (sender, lines) = unbounded_channel();
        let _heard = sender.send(line);
        Ok(Self { lines, interrupt, answered: None, rows: None, redactor, own_secrets: None })
    }

    /// What tells it to end.
    pub(crate) fn interrupt(&self) -> &Interrupt {
        &self.interrupt
    }

    /// What it says next; none at the end.
    pub(crate) async fn next(&mut self) -> Option<Line> {
        let line = self.next_line().await?;
        Some(match &self.own_secrets {
            Some(own_secrets) => own_secrets.mask(line),
            None => line,
        })
    }

    async fn next_line(&mut self) -> Option<Line> {
        if let Some(rows) = &mut self.rows {
            let line = rows.next().await;
            if !matches!(line, Some(Line::Rows(_))) {
                rows.answered.lent.db.close(rows.stream.id).await.ok();
                self.rows = None;
                self.lines.close();
            }
            return line;
        }
        let line = self.lines.recv().await?;
        if let Line::Report(report) = &line {
            // Nothing is said after the answer but its rows and its end.
            match (&report.stream, self.answered.take()) {
                (Some(stream), Some(answered)) => {
                    let answered = answered.await.ok()?;
                    self.rows = Some(Rows::new(answered, stream.clone(), &self.redactor));
                }
                _ => self.lines.close(),
            }
        }
        Some(line)
    }
}

impl Drop for Running {
    /// Nobody listens any more: the command is told to end, and what its answer took is given back.
    fn drop(&mut self) {
        self.interrupt.raise();
        crate::memory::trim_soon();
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        self.answered.lent.db.forget(self.stream.id);
    }
}

impl Rows {
    fn new(answered: Answered, stream: StreamRef, redactor: &Arc<Redactor>) -> Self {
        let mask = RowMask::new(redactor.clone(), &stream.columns);
        let kept = answered.lent.spool.take(stream.id);
        Self { answered, stream, mask, sent: 0, kept }
    }

    async fn next(&mut self) -> Option<Line> {
        let batch = match &mut self.kept {
            // From a file: quick enough not to need a thread of its own.
            Some(kept) => kept.next_batch(),
            None => self.answered.lent.db.next_rows(self.stream.id).await,
        };
        if let (Some(error), 0) = (batch.error(), batch.rows()) {
            return Some(Line::Error(self.mask.error(error)));
        }
        // One more than the limit tells whoever reads that there is more.
        let most = self.stream.limit.map_or(u64::MAX, |limit| limit.saturating_add(1));
        let left = usize::try_from(most - self.sent).unwrap_or(usize::MAX);
        if batch.rows() == 0 || left == 0 {
            return Some(Line::End);
        }
        let rows = self.mask.rows(&batch, left);
        self.sent += rows.len() as u64;
        Some(Line::Rows(rows))
    }
}

/// A line as the border carries it.
pub(crate) fn row_of(line: Option<&Line>) -> RowBatch {
    let mut batch = RowBatch::new(1);
    match line.map(serde_json::to_vec) {
        None => batch.finish(),
        Some(Ok(text)) => batch.push(Some(&text)),
        Some(Err(error)) => {
            return RowBatch::failed(&Error::failed("a line cannot be written").cause(error));
        }
    }
    batch
}

/// The refusal to show the secrets of the server's configuration to somebody else.
fn secrets_stay(command: &Command) -> Error {
    let there = ShellCommand::new("toygres server").arg(&command.name).flag("--show-secrets");
    Error::refused(format!("`{}` shows no secrets of a server to others", command.name))
        .hint(format!("run it where the server runs: {there}"))
}

/// The refusal of a command that asked and got no answer.
pub(crate) fn unanswered() -> Error {
    Error::new(ErrorKind::Refused, "a confirmation is needed")
        .hint("answer the question: `yes`, or the name that it asks for")
}
