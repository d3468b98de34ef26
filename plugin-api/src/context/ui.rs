//! The operator: progress, questions, remarks. All of it goes to stderr.

use super::Context;
use crate::error::Result;
use crate::protocol::{Confirm, Confirmed, Method, Progress};
use crate::report::{Note, NoteLevel, Report};

/// The operator, as far as a command may speak to one before its answer.
#[derive(Debug, Clone)]
pub struct Ui {
    context: Context,
}

impl Ui {
    pub(super) fn new(context: Context) -> Self {
        Self { context }
    }

    /// Says what is being done; on a terminal it replaces what was said before.
    pub async fn progress(&self, text: impl Into<String>) {
        self.show_progress(Progress { text: text.into(), done: None, total: None }).await;
    }

    /// The same with an amount.
    pub async fn progress_of(&self, text: impl Into<String>, done: u64, total: u64) {
        self.show_progress(Progress { text: text.into(), done: Some(done), total: Some(total) })
            .await;
    }

    /// A remark on stderr, at once.
    pub async fn note(&self, text: impl Into<String>) {
        self.say(NoteLevel::Info, text.into()).await;
    }

    /// A warning on stderr, at once.
    pub async fn warn(&self, text: impl Into<String>) {
        self.say(NoteLevel::Warning, text.into()).await;
    }

    /// Shows what is known so far, for commands that follow something: on a terminal it is drawn
    /// in place, otherwise each is one document (`jsonl`).
    ///
    /// # Errors
    /// When stdout is closed.
    pub async fn show(&self, report: &Report) -> Result<()> {
        self.context.call(Method::Show, report).await
    }

    /// Writes what is new below what was written before, for commands that follow something that
    /// only grows: each row of a list is one document where a machine reads.
    ///
    /// # Errors
    /// When stdout is closed.
    pub async fn append(&self, report: &Report) -> Result<()> {
        self.context.call(Method::Append, report).await
    }

    /// Asks the operator before anything is changed, and answers the token that writing needs.
    ///
    /// The host passes it without a question where `--force` was given.
    ///
    /// # Errors
    /// `refused` when the operator declines or there is no terminal to ask on.
    pub async fn confirm(&self, confirmation: Confirmation) -> Result<Confirmed> {
        self.context.call(Method::Confirm, &confirmation.0).await
    }

    // Progress and remarks are lost rather than failing a command.
    async fn show_progress(&self, progress: Progress) {
        let _lost: Result<()> = self.context.call(Method::Progress, &progress).await;
    }

    async fn say(&self, level: NoteLevel, text: String) {
        let _lost: Result<()> = self.context.call(Method::Note, &Note { level, text }).await;
    }
}

/// What must be confirmed.
#[derive(Debug, Clone)]
pub struct Confirmation(Confirm);

impl Confirmation {
    /// The question, without `(y/N)`.
    #[must_use]
    pub fn new(question: impl Into<String>) -> Self {
        Self(Confirm { question: question.into(), ..Confirm::default() })
    }

    /// What would happen; shown first.
    #[must_use]
    pub fn preview(mut self, preview: Report) -> Self {
        self.0.preview = preview;
        self
    }

    /// Demands that this be typed instead of `y`.
    #[must_use]
    pub fn type_name(mut self, name: impl Into<String>) -> Self {
        self.0.type_name = Some(name.into());
        self
    }
}
