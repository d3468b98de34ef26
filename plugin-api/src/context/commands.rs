//! Other commands, run by the host for somebody else: what makes one command line and one HTTP API
//! of the same plugins.

use super::{Context, cell_json};
use crate::document;
use crate::error::{Error, Result};
use crate::manifest::Manifest;
use crate::protocol::{Line, Method, RunCommand};
use crate::report::{Note, Report, StreamColumn, StreamRef};
use serde_json::Value;

/// Every command there is. Only for plugins that say `needs: ["commands"]`.
#[derive(Debug, Clone)]
pub struct Commands {
    context: Context,
}

impl Commands {
    pub(super) fn new(context: Context) -> Self {
        Self { context }
    }

    /// What every usable plugin says of itself, now.
    ///
    /// # Errors
    /// `refused` where the plugin does not say that it needs commands.
    pub async fn manifests(&self) -> Result<Vec<Manifest>> {
        self.context.call(Method::Commands, &()).await
    }

    /// Runs a command; what it says is masked as it would be on a terminal.
    ///
    /// # Errors
    /// `usage` where there is no such command, or it is not to be run for somebody else.
    pub async fn run(&self, run: &RunCommand) -> Result<Said> {
        let stream: StreamRef = self.context.call(Method::RunCommand, run).await?;
        Ok(Said {
            context: self.context.clone(),
            stream: stream.id,
            waiting: Vec::new(),
            done: false,
        })
    }
}

/// What a command says while it runs. Dropping it interrupts the command.
#[derive(Debug)]
pub struct Said {
    context: Context,
    stream: u64,
    /// Lines that came together, the next one last.
    waiting: Vec<String>,
    done: bool,
}

impl Said {
    /// The next line as it came, JSON without a line break; none at the end.
    ///
    /// # Errors
    /// When the host broke.
    pub async fn text(&mut self) -> Result<Option<String>> {
        while self.waiting.is_empty() && !self.done {
            let batch = self.context.host().next_rows(self.stream).await;
            if let Some(error) = batch.error() {
                self.done = true;
                return Err(error);
            }
            self.done = batch.is_last();
            let lines = (0..batch.rows()).rev().filter_map(|row| batch.cell(row, 0));
            self.waiting = lines.map(|line| String::from_utf8_lossy(line).into_owned()).collect();
        }
        Ok(self.waiting.pop())
    }

    /// The next line.
    ///
    /// # Errors
    /// When the host broke.
    pub async fn line(&mut self) -> Result<Option<Line>> {
        let Some(text) = self.text().await? else { return Ok(None) };
        let line = serde_json::from_str(&text)
            .map_err(|error| Error::plugin("a line of the host cannot be read").cause(error))?;
        Ok(Some(line))
    }
}

impl Said {
    /// Interrupts the command and waits until nothing of it is at work any more: its thread, its
    /// statements. A command that blocks its thread for ever never gets there.
    pub async fn end(self) {
        let Ok(payload) = serde_json::to_vec(&self.stream) else { return };
        let _nothing = self.context.host().call(Method::StreamClose as u32, payload.into()).await;
        loop {
            let batch = self.context.host().next_rows(self.stream).await;
            if batch.is_last() || batch.error().is_some() {
                return;
            }
        }
    }
}

impl Said {
    /// Its answer, once it has one: rows of a stream are its data, and what it remarked on the way
    /// stands among its notes.
    ///
    /// # Errors
    /// What the command failed with, or when it ended without an answer.
    pub async fn answer(mut self) -> Result<Report> {
        let mut notes: Vec<Note> = Vec::new();
        while let Some(line) = self.line().await? {
            match line {
                Line::Note(note) => notes.push(note),
                Line::Error(error) => return Err(error),
                Line::Report(mut report) => {
                    notes.append(&mut report.notes);
                    report.notes = notes;
                    if let Some(stream) = report.stream.take() {
                        report.data = Value::Array(self.rows(&stream).await?);
                    }
                    return Ok(report);
                }
                _ => {}
            }
        }
        Err(Error::plugin("the command ended without an answer"))
    }

    async fn rows(&mut self, stream: &StreamRef) -> Result<Vec<Value>> {
        let most = stream.limit.map_or(usize::MAX, |most| most.try_into().unwrap_or(usize::MAX));
        let mut all = Vec::new();
        while let Some(line) = self.line().await? {
            match line {
                Line::Rows(rows) => {
                    all.extend(rows.iter().map(|row| object(&stream.columns, row)));
                    if all.len() >= most {
                        all.truncate(most);
                        return Ok(all);
                    }
                }
                Line::End => return Ok(all),
                Line::Error(error) => return Err(error),
                _ => {}
            }
        }
        Err(Error::plugin("the rows broke off"))
    }
}

/// A row of a stream as an object, whose documents and numbers keep their text
/// ([`crate::document`]).
#[must_use]
pub fn object(columns: &[StreamColumn], row: &[Option<String>]) -> Value {
    let cells = columns.iter().zip(row).map(|(column, cell)| {
        let json = cell_json(column.kind, cell.as_deref().map(str::as_bytes));
        (column.name.clone(), document::parse(&json).unwrap_or_default())
    });
    Value::Object(cells.collect())
}

impl Drop for Said {
    fn drop(&mut self) {
        // The call is under way from here on; its answer says nothing.
        if let Ok(payload) = serde_json::to_vec(&self.stream) {
            drop(self.context.host().call(Method::StreamClose as u32, payload.into()));
        }
    }
}
