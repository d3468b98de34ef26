//! Other commands, as a test says they answer.

use super::serve::unsaid;
use super::state::State;
use crate::batch::RowBatch;
use crate::error::Result;
use crate::protocol::RunCommand;
use crate::report::{StreamColumn, StreamKind, StreamRef};

/// A stream of one column: what the command says, a line a row.
pub(super) fn run(state: &mut State, run: RunCommand) -> Result<StreamRef> {
    let lines = state.lines.get(&run.command).cloned();
    state.commands_run.push(run);
    let lines = lines.ok_or_else(|| unsaid("answer of this command", "command"))?;
    let mut batch = RowBatch::new(1);
    for line in &lines {
        batch.push(Some(serde_json::to_string(line)?.as_bytes()));
    }
    batch.finish();
    let line =
        StreamColumn { name: "line".to_owned(), type_name: String::new(), kind: StreamKind::Json };
    let id = state.open(vec![line.clone()], vec![batch]);
    Ok(StreamRef { id, columns: vec![line], limit: None })
}
