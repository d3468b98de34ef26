//! The operator: progress, remarks, questions. All of it on stderr, but what is followed.

use super::grants::Grants;
use super::question;
use crate::call::interrupted;
use crate::output::{Output, understands_escapes};
use crate::remote::serve::{Away, unanswered};
use crate::render;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use toygres_plugin_api::protocol::{Confirm, Confirmed, Line, Progress};
use toygres_plugin_api::report::Note;
use toygres_plugin_api::text::escape;
use toygres_plugin_api::{Error, Report, Result};

/// Who is spoken to.
#[derive(Debug, Clone)]
pub(crate) enum Operator {
    /// Somebody at this process's own output.
    Here(Arc<Output>),
    /// Somebody elsewhere, through a server.
    Away(Away),
    /// Nobody: what is said is lost.
    Nobody,
}

impl Operator {
    /// A remark, at once.
    pub(crate) fn note(&self, note: &Note) {
        match self {
            Self::Here(output) => output.note(note),
            Self::Away(away) => away.say(Line::Note(note.clone())),
            Self::Nobody => {}
        }
    }

    /// An error as it would be written on stderr.
    pub(crate) fn error_text(&self, error: Error) -> String {
        match self {
            Self::Here(output) => output.error_text(error),
            Self::Away(_) => render::error::machine(&error),
            Self::Nobody => String::new(),
        }
    }
}

/// What was answered to the command's question before it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Given {
    /// No answer counts: the manifest says that this run only reads.
    Never,
    /// Nothing.
    Nothing,
    /// Yes to everything: `--force`, or a command whose typing is the consent.
    All,
    /// This word: `yes`, or the name that the question wants.
    Word(String),
}

/// The operator, as far as a command may speak to one before its answer.
#[derive(Debug)]
pub struct Ui {
    operator: Operator,
    grants: Grants,
    given: Given,
    bar: Mutex<Option<ProgressBar>>,
}

impl Ui {
    /// Speaks to `operator`, who has given this answer already.
    #[must_use]
    pub(crate) fn new(operator: Operator, grants: Grants, given: Given) -> Self {
        Self { operator, grants, given, bar: Mutex::default() }
    }

    /// Says what is being done, on a terminal only.
    pub fn progress(&self, progress: &Progress) {
        match &self.operator {
            Operator::Here(output) => self.draw(output, progress),
            // An end needs no line of its own: what comes next takes the progress away.
            Operator::Away(_) if progress.text.is_empty() => {}
            Operator::Away(away) => away.say(Line::Progress(progress.clone())),
            Operator::Nobody => {}
        }
    }

    fn draw(&self, output: &Output, progress: &Progress) {
        let mut bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        if progress.text.is_empty() {
            if let Some(bar) = bar.take() {
                bar.finish_and_clear();
            }
            return;
        }
        if !std::io::stderr().is_terminal() || !understands_escapes() {
            return;
        }
        let bar = bar.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        let amount = progress.done.zip(progress.total);
        let template =
            if amount.is_some() { "{spinner} {msg} {pos}/{len}" } else { "{spinner} {msg}" };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        if let Some((done, total)) = amount {
            bar.set_length(total);
            bar.set_position(done);
        }
        bar.set_message(escape(&output.masked(&progress.text)).into_owned());
    }

    /// Takes the progress away; something else is about to be shown.
    pub fn clear(&self) {
        self.progress(&Progress::default());
    }

    /// A remark, at once.
    pub fn note(&self, note: &Note) {
        self.clear();
        self.operator.note(note);
    }

    /// Shows what is known so far.
    ///
    /// # Errors
    /// When stdout is closed.
    pub fn show(&self, report: &Report) -> Result<()> {
        self.clear();
        match &self.operator {
            Operator::Here(output) => output.frame(report),
            Operator::Away(away) => {
                away.say(Line::Frame(report.clone()));
                Ok(())
            }
            Operator::Nobody => Ok(()),
        }
    }

    /// Writes what is new.
    ///
    /// # Errors
    /// When stdout is closed.
    pub fn append(&self, report: &Report) -> Result<()> {
        self.clear();
        match &self.operator {
            Operator::Here(output) => output.append(report),
            Operator::Away(away) => {
                away.say(Line::Append(report.clone()));
                Ok(())
            }
            Operator::Nobody => Ok(()),
        }
    }

    /// Asks before anything is changed.
    ///
    /// # Errors
    /// `refused` when the operator declines or there is no terminal to ask on.
    pub async fn confirm(&self, question: Confirm) -> Result<Confirmed> {
        let expected = question.type_name.as_deref().unwrap_or("yes");
        match &self.given {
            Given::All => return self.grants.issue(),
            Given::Word(word) if word == expected => return self.grants.issue(),
            Given::Never => {
                return Err(Error::plugin(
                    "the command asked to change something, though its manifest says that it only \
                     reads",
                ));
            }
            Given::Word(_) | Given::Nothing => {}
        }
        self.clear();
        match &self.operator {
            Operator::Here(output) => ask_here(output, &question).await?,
            Operator::Away(away) => {
                away.say(Line::Question(question));
                return Err(unanswered());
            }
            Operator::Nobody => return Err(unanswered()),
        }
        self.grants.issue()
    }
}

/// Asks on the terminal.
///
/// # Errors
/// `refused` when the operator declines or there is no terminal to ask on.
pub(crate) async fn ask_here(output: &Output, question: &Confirm) -> Result<()> {
    output.preview(&question.preview);
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Err(Error::refused("a confirmation is needed and there is no terminal to ask on")
            .hint("run it again with `--force`"));
    }
    let mut question = question.clone();
    question.question = output.masked(&question.question);
    match tokio::task::spawn_blocking(move || question::ask(&question)).await {
        Ok(Ok(true)) => Ok(()),
        Ok(Ok(false)) => Err(Error::refused("declined; nothing was changed")),
        // Ctrl-C at the question is what it is anywhere else.
        Ok(Err(dialoguer::Error::IO(error))) if error.kind() == io::ErrorKind::Interrupted => {
            Err(interrupted())
        }
        Ok(Err(error)) => Err(Error::refused("the question was not answered").cause(error)),
        Err(error) => Err(Error::refused("the question was not answered").cause(error)),
    }
}
