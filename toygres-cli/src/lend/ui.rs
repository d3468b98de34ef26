//! The operator: progress, remarks, questions. All of it on stderr, but what is followed.

use super::grants::Grants;
use crate::output::Output;
use dialoguer::{Confirm as YesNo, Input};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use toygres_plugin_api::protocol::{Confirm, Confirmed, Progress};
use toygres_plugin_api::report::Note;
use toygres_plugin_api::{Error, Report, Result};

/// The operator, as far as a command may speak to one before its answer.
#[derive(Debug)]
pub struct Ui {
    output: Arc<Output>,
    grants: Grants,
    consented: bool,
    bar: Mutex<Option<ProgressBar>>,
}

impl Ui {
    /// Speaks through `output`; with `consented` (`--force`, or a command whose typing is the
    /// consent) every question is answered with yes.
    #[must_use]
    pub fn new(output: Arc<Output>, grants: Grants, consented: bool) -> Self {
        Self { output, grants, consented, bar: Mutex::default() }
    }

    /// Says what is being done, on a terminal only.
    pub fn progress(&self, progress: &Progress) {
        let mut bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        if progress.text.is_empty() {
            if let Some(bar) = bar.take() {
                bar.finish_and_clear();
            }
            return;
        }
        if !std::io::stderr().is_terminal() {
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
        bar.set_message(self.output.masked(&progress.text));
    }

    /// Takes the progress away; something else is about to be shown.
    pub fn clear(&self) {
        self.progress(&Progress::default());
    }

    /// A remark, at once.
    pub fn note(&self, note: &Note) {
        self.clear();
        self.output.note(note);
    }

    /// Shows what is known so far.
    ///
    /// # Errors
    /// When stdout is closed.
    pub fn show(&self, report: &Report) -> Result<()> {
        self.clear();
        self.output.frame(report)
    }

    /// Writes what is new.
    ///
    /// # Errors
    /// When stdout is closed.
    pub fn append(&self, report: &Report) -> Result<()> {
        self.clear();
        self.output.append(report)
    }

    /// Asks before anything is changed.
    ///
    /// # Errors
    /// `refused` when the operator declines or there is no terminal to ask on.
    pub async fn confirm(&self, question: Confirm) -> Result<Confirmed> {
        if self.consented {
            return self.grants.issue();
        }
        self.clear();
        self.output.preview(&question.preview);
        if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            return Err(Error::refused(
                "a confirmation is needed and there is no terminal to ask on",
            )
            .hint("run it again with `--force`"));
        }
        let asked = tokio::task::spawn_blocking(move || ask(&question)).await;
        match asked {
            Ok(Ok(true)) => self.grants.issue(),
            Ok(Ok(false)) => Err(Error::refused("declined; nothing was changed")),
            Ok(Err(error)) => Err(Error::refused("the question was not answered").cause(error)),
            Err(error) => Err(Error::refused("the question was not answered").cause(error)),
        }
    }
}

fn ask(question: &Confirm) -> dialoguer::Result<bool> {
    match &question.type_name {
        None => YesNo::new().with_prompt(question.question.as_str()).default(false).interact(),
        Some(name) => {
            let typed: String = Input::new()
                .with_prompt(format!("{} Type `{name}` to confirm", question.question))
                .allow_empty(true)
                .interact_text()?;
            Ok(&typed == name)
        }
    }
}
