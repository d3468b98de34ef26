//! The asking side: a command line without credentials of its own runs a command on a server and
//! shows what it says as if it were local.

use super::files::{self, StandardInput};
use super::lines::Lines;
use crate::call::interrupted;
use crate::exit_status::ExitStatus;
use crate::lend::api::{Api, unreadable};
use crate::lend::grants::Grants;
use crate::lend::ui::{Given, Operator, Ui, ask_here};
use crate::output::{Output, RowSource};
use crate::settings::Settings;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use tokio::runtime::Handle;
use toygres_plugin_api::batch::RowBatch;
use toygres_plugin_api::manifest::{Command, Scope};
use toygres_plugin_api::protocol::{ApiRequest, Confirm, Line, Output as Shown, Source};
use toygres_plugin_api::{Error, ErrorKind, Report, Result};

/// Where commands are run.
const PATH: &str = "/api/server/run";

/// A command to be run on a server.
pub(crate) struct Ask<'a> {
    pub(crate) command: &'a Command,
    pub(crate) args: Map<String, Value>,
    pub(crate) shown: Shown,
    pub(crate) force: bool,
    pub(crate) settings: Arc<Settings>,
    pub(crate) output: Arc<Output>,
    pub(crate) input: StandardInput,
}

impl Ask<'_> {
    /// Whether the command runs on a server: no database is configured here, a server is, and the
    /// command is not about this machine.
    ///
    /// # Errors
    /// When the configuration file is broken.
    pub(crate) fn is_wanted(settings: &Settings, command: &Command) -> Result<bool> {
        if command.scope != Scope::Server || command.here {
            return Ok(false);
        }
        let (database, _) = settings.get("database.url")?;
        let (_, url) = settings.get("api.url")?;
        let (token, _) = settings.get("api.token")?;
        Ok(database.is_none() && url != Source::Default && token.is_some())
    }

    /// Runs it and prints its answer, its rows as they come.
    pub(crate) fn once(
        &self,
        runtime: &Handle,
        stopped: impl Future<Output = ()>,
    ) -> Result<ExitStatus> {
        runtime.block_on(async {
            let mut stop = std::pin::pin!(stopped);
            tokio::select! {
                () = &mut stop => Err(interrupted()),
                done = self.follow() => match done? {
                    Followed::Report(report) => {
                        let status = ExitStatus::of(&report, self.output.format_name());
                        self.output.report(report, None)?;
                        Ok(status)
                    }
                    Followed::Rows(report, lines) => {
                        let status = ExitStatus::of(&report, self.output.format_name());
                        let handle = runtime.clone();
                        let output = self.output.clone();
                        // Rows are written by a thread that may block; here is waited for Ctrl-C.
                        let written = tokio::task::spawn_blocking(move || {
                            let mut rows = FromServer { lines, runtime: handle };
                            output.report(report, Some(&mut rows))
                        });
                        tokio::select! {
                            written = written => written?.map(|()| status),
                            () = &mut stop => Err(interrupted()),
                        }
                    }
                }
            }
        })
    }

    /// Runs it to its answer; rows of a stream are not read.
    pub(crate) fn report(
        &self,
        runtime: &Handle,
        stopped: impl Future<Output = ()>,
    ) -> Result<Report> {
        runtime.block_on(async {
            tokio::select! {
                followed = self.follow() => Ok(match followed? {
                    Followed::Report(report) | Followed::Rows(report, _) => report,
                }),
                () = stopped => Err(interrupted()),
            }
        })
    }

    /// Follows what it says until its answer; where it asks, the operator is asked here.
    async fn follow(&self) -> Result<Followed> {
        let mut answer = None;
        loop {
            let mut lines = self.send(answer.as_deref()).await?;
            match self.listen(&mut lines).await? {
                Heard::Report(report) if report.stream.is_some() => {
                    return Ok(Followed::Rows(report, lines));
                }
                Heard::Report(report) => return Ok(Followed::Report(report)),
                // A second question means that the first answer did not do.
                Heard::Question(_, error) if answer.is_some() => return Err(error),
                Heard::Question(question, _) => {
                    if !self.force {
                        ask_here(&self.output, &question).await?;
                    }
                    answer = Some(question.type_name.unwrap_or_else(|| "yes".to_owned()));
                }
            }
        }
    }

    async fn listen(&self, lines: &mut Lines) -> Result<Heard> {
        let ui = Ui::new(Operator::Here(self.output.clone()), Grants::default(), Given::Nothing);
        let mut question = None;
        while let Some(line) = lines.next().await? {
            match line {
                Line::Progress(progress) => ui.progress(&progress),
                Line::Note(note) => ui.note(&note),
                Line::Frame(report) => ui.show(&report)?,
                Line::Append(report) => ui.append(&report)?,
                Line::Question(asked) => question = Some(asked),
                Line::Report(report) => {
                    ui.clear();
                    return Ok(Heard::Report(report));
                }
                Line::Error(error) => {
                    ui.clear();
                    return match question {
                        Some(question) if error.kind == ErrorKind::Refused => {
                            Ok(Heard::Question(question, error))
                        }
                        _ => Err(error),
                    };
                }
                Line::File(file) => files::keep(self.command, &self.args, &file)?,
                Line::Rows(_) | Line::End | Line::Unknown => {}
            }
        }
        Err(unreadable("it ended without an answer"))
    }

    async fn send(&self, answer: Option<&str>) -> Result<Lines> {
        // Files that arguments name go along as their contents.
        let files = files::contents(self.command, &self.args, &self.input)?;
        let body = json!({
            "scope": self.command.scope,
            "command": self.command.name,
            "args": files::named(self.command, &self.args),
            "files": files,
            "output": self.shown,
            "answer": answer,
        });
        let request = ApiRequest {
            method: "POST".to_owned(),
            path: PATH.to_owned(),
            body: Some(body),
            ..ApiRequest::default()
        };
        // Whether anything may change is the server's to ask; the question comes back to here.
        let api = Api::new(self.settings.clone(), Grants::default());
        let body = api.open(&request).await?;
        Lines::new(body, &self.settings)
    }
}

enum Followed {
    Report(Report),
    Rows(Report, Lines),
}

enum Heard {
    Report(Report),
    Question(Confirm, Error),
}

/// Rows that a server sends.
struct FromServer {
    lines: Lines,
    runtime: Handle,
}

impl RowSource for FromServer {
    fn next_batch(&mut self) -> RowBatch {
        let line = self.runtime.block_on(self.lines.next());
        match line {
            Ok(Some(Line::Rows(rows))) => {
                let mut batch = RowBatch::new(rows.first().map_or(0, Vec::len));
                for row in &rows {
                    row.iter().for_each(|cell| batch.push(cell.as_deref().map(str::as_bytes)));
                    batch.push_empty_row();
                }
                batch
            }
            Ok(Some(Line::End)) => {
                let mut batch = RowBatch::new(0);
                batch.finish();
                batch
            }
            Ok(Some(Line::Error(error))) => RowBatch::failed(&error),
            Ok(Some(_)) => self.next_batch(),
            Ok(None) => RowBatch::failed(&unreadable("it broke off")),
            Err(error) => RowBatch::failed(&error),
        }
    }
}
