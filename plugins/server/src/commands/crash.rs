//! A server that ended without saying so: its pid file is still there, and its process is not.
//!
//! One that is stopped removes its pid file last. Where the file is left, the server was killed, it
//! crashed, or the machine went down, and what it logged last is all that tells of its end.

use super::logs;
use crate::log::filter::Filter;
use crate::log::follow::Reader;
use crate::process::home::Home;
use crate::process::record::Record;
use crate::process::running;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use toygres_plugin_api::Result;
use toygres_plugin_api::report::{Block, Field, Kind, Tone};

/// So many of its last lines are shown.
const LAST_LINES: u32 = 5;

/// A server that crashed.
#[derive(Debug)]
pub(super) struct Crash {
    record: Record,
    /// The time of its last line, RFC 3339.
    last_logged_at: Option<String>,
    last_lines: Vec<String>,
    /// The machine was started again since.
    is_rebooted: bool,
}

impl Crash {
    /// The server of this home that ended without saying so; `None` where there is none.
    ///
    /// # Errors
    /// When the pid file cannot be read.
    pub(super) fn find(home: &Home) -> Result<Option<Self>> {
        let Some(record) = running::last(home)? else { return Ok(None) };
        let zone = TimeZone::system();
        // A log that cannot be read is no reason to say nothing of the crash.
        let entries = Reader::new(&home.log_file)
            .ok()
            .and_then(|mut reader| {
                logs::last(&mut reader, &home.log_file, &Filter::default(), LAST_LINES).ok()
            })
            .map(|(entries, _)| entries)
            .unwrap_or_default();
        let is_rebooted = record.identity.is_of_another_boot();
        Ok(Some(Self {
            record,
            last_logged_at: entries.iter().rev().find_map(|entry| entry.time.clone()),
            last_lines: entries.iter().map(|entry| logs::line(entry, &zone)).collect(),
            is_rebooted,
        }))
    }

    /// As machines read it.
    pub(super) fn json(&self) -> Value {
        let record = &self.record;
        json!({
            "pid": record.identity.pid,
            "started_at": record.started_at,
            "mode": record.mode,
            "version": record.version,
            "url": record.url,
            "was_stopping": record.stopping,
            "rebooted_since": self.is_rebooted,
            "last_logged_at": self.last_logged_at,
            "last_lines": self.last_lines,
        })
    }

    /// For people.
    pub(super) fn blocks(&self) -> Vec<Block> {
        let record = &self.record;
        let pid = record.identity.pid;
        let how = match (self.is_rebooted, record.stopping) {
            (true, _) => "the machine was restarted while it ran",
            (false, true) => "it was killed, or crashed, while it was stopping",
            (false, false) => "it was killed, or crashed, without shutting down",
        };
        let fields = Block::fields([
            Field::new("PID", format!("{pid} (gone)")),
            Field::new("Started", record.started_at.as_str()).kind(Kind::TimeAgo),
            Field::new("Last Log Line", json!(self.last_logged_at)).kind(Kind::TimeAgo),
            Field::new("Mode", json!(record.mode)),
            Field::new("Version", record.version.as_str()),
        ]);
        let mut blocks = vec![Block::remark(Tone::Bad, format!("Crashed: {how}")), fields];
        if !self.last_lines.is_empty() {
            let lines = self.last_lines.iter().map(|line| Block::text(line.as_str()));
            blocks.push(Block::section("Last Log Lines", lines.collect::<Vec<_>>()));
        }
        blocks
    }
}
