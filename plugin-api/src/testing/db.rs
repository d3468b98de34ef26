//! Statements, and the rows that a test gives for them.

use super::host::TestHost;
use super::serve::unsaid;
use super::state::{Session, State, check};
use crate::batch::RowBatch;
use crate::error::{Error, Result};
use crate::protocol::{DbBegin, DbEnd, DbExecute, DbQuery, DbSession};
use crate::report::{StreamColumn, StreamKind, StreamRef};
use serde_json::Value;

impl TestHost {
    pub(super) fn query(&self, query: DbQuery) -> Result<StreamRef> {
        let mut state = self.state();
        let answer = state.answers.iter().find(|(part, _)| query.sql.contains(part));
        let answer = answer.map(|(_, answer)| answer.clone());
        state.queries.push(query);
        let rows = answer.ok_or_else(|| unsaid("rows for this statement", "rows"))??;
        let (columns, batch) = batch_of(&rows);
        let id = state.open(columns.clone(), vec![batch]);
        Ok(StreamRef { id, columns, limit: None })
    }
}

pub(super) fn begin(state: &mut State, begin: &DbBegin) -> Result<DbSession> {
    if let Some(confirmed) = &begin.confirmed {
        check(Some(&confirmed.token))?;
    }
    state.sessions.push(Session { writes: begin.confirmed.is_some(), committed: false });
    Ok(DbSession { session: state.sessions.len() as u64 - 1 })
}

pub(super) fn execute(state: &mut State, execute: DbExecute) -> Result<u64> {
    if !session(state, execute.session)?.writes {
        return Err(Error::failed("cannot change anything in a read-only transaction"));
    }
    let answer = state.changes.iter().find(|(part, _)| execute.sql.contains(part));
    let answer = answer.map(|(_, answer)| answer.clone());
    state.executed.push(execute);
    answer.ok_or_else(|| unsaid("number of rows that this statement changes", "changes"))?
}

pub(super) fn end(state: &mut State, end: &DbEnd) -> Result<()> {
    session(state, end.session)?.committed = end.commit;
    Ok(())
}

fn session(state: &mut State, number: u64) -> Result<&mut Session> {
    let found = usize::try_from(number).ok().and_then(|place| state.sessions.get_mut(place));
    found.ok_or_else(|| Error::plugin(format!("there is no session {number}")))
}

/// Rows of objects as the host would send them.
fn batch_of(rows: &Value) -> (Vec<StreamColumn>, RowBatch) {
    let rows = rows.as_array().map(Vec::as_slice).unwrap_or_default();
    let first = rows.first().and_then(Value::as_object);
    let columns: Vec<StreamColumn> = first
        .into_iter()
        .flatten()
        .map(|(name, value)| StreamColumn {
            name: name.clone(),
            type_name: String::new(),
            kind: kind_of(value),
        })
        .collect();
    let mut batch = RowBatch::new(columns.len());
    for row in rows {
        for column in &columns {
            match row.get(&column.name) {
                None | Some(Value::Null) => batch.push(None),
                Some(Value::String(text)) => batch.push(Some(text.as_bytes())),
                Some(other) => batch.push(Some(other.to_string().as_bytes())),
            }
        }
    }
    batch.finish();
    (columns, batch)
}

fn kind_of(value: &Value) -> StreamKind {
    match value {
        Value::Bool(_) => StreamKind::Bool,
        Value::Number(number) if number.is_f64() => StreamKind::Number,
        Value::Number(_) => StreamKind::Integer,
        Value::Array(_) | Value::Object(_) => StreamKind::Json,
        Value::Null | Value::String(_) => StreamKind::Text,
    }
}
