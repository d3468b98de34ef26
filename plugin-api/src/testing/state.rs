//! What a test said, and what a command did.

use super::kube::{KubeAnswer, KubeRequest};
use crate::batch::RowBatch;
use crate::error::{Error, Result};
use crate::manifest::Manifest;
use crate::protocol::{
    ApiRequest, Confirm, Confirmed, DbExecute, DbQuery, Line, Progress, RunCommand, Setting,
    WorkflowStatus,
};
use crate::report::{Note, Report, StreamColumn};
use serde_json::Value;
use std::collections::HashMap;

/// The one token that the test host issues.
const TOKEN: &str = "confirmed-by-the-test";

/// What a test said, and what a command did.
#[derive(Debug, Default)]
pub(super) struct State {
    // Said by the test.
    pub(super) answers: Vec<(String, Result<Value>)>,
    pub(super) changes: Vec<(String, Result<u64>)>,
    pub(super) workflows: HashMap<String, WorkflowStatus>,
    pub(super) histories: HashMap<String, Vec<Value>>,
    pub(super) settings: Vec<Setting>,
    pub(super) kube: HashMap<(String, String), KubeAnswer>,
    pub(super) api: HashMap<(String, String), (u16, Value)>,
    pub(super) manifests: Vec<Manifest>,
    pub(super) lines: HashMap<String, Vec<Line>>,
    pub(super) declines: bool,
    pub(super) interrupted: bool,
    // Done by the command.
    pub(super) queries: Vec<DbQuery>,
    pub(super) executed: Vec<DbExecute>,
    pub(super) sessions: Vec<Session>,
    pub(super) requests: Vec<ApiRequest>,
    pub(super) kube_requests: Vec<KubeRequest>,
    pub(super) cancelled: Vec<String>,
    pub(super) questions: Vec<Confirm>,
    pub(super) notes: Vec<Note>,
    pub(super) progress: Vec<Progress>,
    pub(super) frames: Vec<Report>,
    pub(super) appended: Vec<Report>,
    pub(super) commands_run: Vec<RunCommand>,
    pub(super) streams: Vec<Stream>,
    /// The command that runs says that it only reads.
    pub(super) only_reads: bool,
}

/// A transaction that several statements share.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Session {
    pub(super) writes: bool,
    pub(super) committed: bool,
}

/// Rows on their way, in whichever direction; its number is its place.
#[derive(Debug, Default)]
pub(super) struct Stream {
    pub(super) columns: Vec<StreamColumn>,
    pub(super) batches: std::collections::VecDeque<RowBatch>,
}

impl State {
    /// A new stream's number.
    pub(super) fn open(&mut self, columns: Vec<StreamColumn>, batches: Vec<RowBatch>) -> u64 {
        self.streams.push(Stream { columns, batches: batches.into() });
        self.streams.len() as u64 - 1
    }

    /// The operator's answer to a question.
    pub(super) fn confirm(&mut self, question: Confirm) -> Result<Confirmed> {
        if self.only_reads {
            return Err(Error::plugin(
                "the command asked to change something, though its manifest says that it only reads",
            )
            .hint("mark it with `#[command(mutating)]`, or the flag with `#[arg(long, mutates)]`"));
        }
        self.questions.push(question);
        if self.declines {
            return Err(Error::refused("declined; nothing was changed"));
        }
        Ok(Confirmed { token: TOKEN.to_owned() })
    }
}

/// Refuses what nobody confirmed.
///
/// # Errors
/// `refused`, as the host does.
pub(super) fn check(token: Option<&str>) -> Result<()> {
    if token == Some(TOKEN) {
        return Ok(());
    }
    Err(Error::refused("the plugin tried to change something that nobody confirmed"))
}
