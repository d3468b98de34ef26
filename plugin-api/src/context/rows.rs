//! Rows in batches: read from the host, or fed to it.

use super::Context;
use crate::batch::RowBatch;
use crate::error::{Error, Result};
use crate::protocol::Method;
use crate::report::{StreamColumn, StreamKind, StreamRef};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Map, Value};
use std::io::{self, Write};

/// Rows as they come from the host.
#[derive(Debug)]
pub struct RowStream {
    context: Context,
    stream: StreamRef,
    ended: bool,
}

impl RowStream {
    pub(super) fn new(context: Context, stream: StreamRef) -> Self {
        Self { context, stream, ended: false }
    }

    /// The columns, in order.
    #[must_use]
    pub fn columns(&self) -> &[StreamColumn] {
        &self.stream.columns
    }

    /// Gives the rows to the report as they are: they go straight to the renderer.
    #[must_use]
    pub fn into_ref(self) -> StreamRef {
        self.stream
    }

    /// The next rows; `None` at the end.
    ///
    /// # Errors
    /// When the query fails half-way, runs into its deadline or is interrupted.
    pub async fn next_batch(&mut self) -> Result<Option<RowBatch>> {
        while !self.ended {
            let batch = self.context.host().next_rows(self.stream.id).await;
            self.ended = batch.is_last();
            if let Some(error) = batch.error() {
                return Err(error);
            }
            if batch.rows() > 0 {
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }

    /// One row of a batch, read by serde from its columns' names.
    ///
    /// # Errors
    /// When the row does not fit `T`.
    pub fn read<T: DeserializeOwned>(&self, batch: &RowBatch, row: usize) -> Result<T> {
        let object =
            self.stream.columns.iter().enumerate().map(|(n, column)| {
                (column.name.clone(), cell_value(column.kind, batch.cell(row, n)))
            });
        serde_json::from_value(Value::Object(object.collect::<Map<_, _>>()))
            .map_err(|error| Error::failed("a row does not have the expected shape").cause(error))
    }

    /// Stops it, on the server too.
    ///
    /// # Errors
    /// When the host no longer knows the stream.
    pub async fn close(self) -> Result<()> {
        self.context.call(Method::StreamClose, &self.stream.id).await
    }
}

/// The JSON value of one cell, by the kind of its column.
///
/// What cannot be read as its kind stays text, so nothing is lost.
#[must_use]
pub fn cell_value(kind: StreamKind, cell: Option<&[u8]>) -> Value {
    let Some(cell) = cell else { return Value::Null };
    let text = String::from_utf8_lossy(cell);
    let parsed = match kind {
        StreamKind::Bool => match text.as_ref() {
            "t" | "true" => Some(Value::Bool(true)),
            "f" | "false" => Some(Value::Bool(false)),
            _ => None,
        },
        StreamKind::Integer => text.parse::<i64>().ok().map(Value::from),
        StreamKind::Number => text.parse::<f64>().ok().filter(|n| n.is_finite()).map(Value::from),
        StreamKind::Json => serde_json::from_str(&text).ok(),
        StreamKind::Timestamp => Some(Value::String(rfc3339(&text))),
        StreamKind::Text => None,
    };
    parsed.unwrap_or_else(|| Value::String(text.into_owned()))
}

/// Cells of JSON from this size on are written as they are.
const LARGE_JSON_BYTES: usize = 64 * 1024;

/// Writes one cell as JSON on one line: what [`cell_value`] makes of it, but without making it where
/// it is large. A value of JSON takes many times the memory of its text.
///
/// # Errors
/// When writing fails.
pub fn write_cell(kind: StreamKind, cell: Option<&[u8]>, out: &mut dyn Write) -> io::Result<()> {
    let Some(large) = cell.filter(|cell| cell.len() >= LARGE_JSON_BYTES) else {
        return Ok(serde_json::to_writer(out, &cell_value(kind, cell))?);
    };
    let text = String::from_utf8_lossy(large);
    if kind != StreamKind::Json || serde_json::from_str::<IgnoredAny>(&text).is_err() {
        return Ok(serde_json::to_writer(out, text.as_ref())?);
    }
    // Line breaks stand between values only; within a text JSON has them escaped.
    for (n, line) in text.split(['\n', '\r']).enumerate() {
        if n > 0 {
            out.write_all(b" ")?;
        }
        out.write_all(line.as_bytes())?;
    }
    Ok(())
}

/// `2024-11-17 12:00:00.5+00` becomes `2024-11-17T12:00:00.5Z`; what is no such time (`infinity`,
/// a year before Christ) stays as it is.
#[must_use]
pub fn rfc3339(text: &str) -> String {
    match text.strip_suffix("+00").and_then(|time| time.split_once(' ')) {
        Some((date, time)) if date.len() == 10 => format!("{date}T{time}Z"),
        _ => text.to_owned(),
    }
}

/// Rows that the command makes itself, for answers too large to hold.
#[derive(Debug)]
pub struct RowWriter {
    context: Context,
    stream: StreamRef,
    batch: RowBatch,
}

/// Enough to make a crossing cheap, little enough to keep memory flat.
const BATCH_BYTES: usize = 256 * 1024;

impl RowWriter {
    pub(super) fn new(context: Context, stream: StreamRef) -> Self {
        let batch = RowBatch::new(stream.columns.len());
        Self { context, stream, batch }
    }

    /// What the report refers to. Return the report only when the rows are fed by a task of their
    /// own, or feed them first: the host keeps what it cannot show yet and asks for more slowly.
    #[must_use]
    pub fn reference(&self) -> StreamRef {
        self.stream.clone()
    }

    /// Adds a row; `false` when nobody reads it any more.
    pub async fn push(&mut self, cells: &[Option<&str>]) -> bool {
        for column in 0..self.stream.columns.len() {
            self.batch.push(cells.get(column).copied().flatten().map(str::as_bytes));
        }
        self.batch.bytes().len() < BATCH_BYTES || self.send().await
    }

    /// Sends what is left and ends the stream.
    pub async fn finish(mut self) {
        self.batch.finish();
        self.send().await;
    }

    async fn send(&mut self) -> bool {
        let next = RowBatch::new(self.stream.columns.len());
        let batch = std::mem::replace(&mut self.batch, next);
        self.context.host().emit_rows(self.stream.id, batch).await
    }
}

#[cfg(test)]
mod tests {
    use super::{StreamKind, cell_value, rfc3339, write_cell};
    use serde_json::json;

    #[test]
    fn cells_become_json_by_kind_and_keep_what_they_cannot_be() {
        let value = |kind, text: &str| cell_value(kind, Some(text.as_bytes()));
        assert_eq!(value(StreamKind::Bool, "t"), json!(true));
        assert_eq!(value(StreamKind::Integer, "-5"), json!(-5));
        assert_eq!(
            value(StreamKind::Integer, "99999999999999999999"),
            json!("99999999999999999999")
        );
        assert_eq!(value(StreamKind::Number, "NaN"), json!("NaN"));
        assert_eq!(value(StreamKind::Json, "{\"a\":1}"), json!({"a": 1}));
        assert_eq!(value(StreamKind::Json, "{"), json!("{"));
        assert_eq!(cell_value(StreamKind::Text, None), json!(null));
    }

    #[test]
    fn a_large_cell_is_written_as_a_small_one() {
        let json = format!("[\n{{\"a\": \"x\\n\"}}{}]", ",\r\n 1".repeat(30_000));
        let text = "a\"\n".repeat(30_000);
        for (kind, cell) in [
            (StreamKind::Json, json.as_str()),
            (StreamKind::Json, &text),
            (StreamKind::Text, &text),
            (StreamKind::Text, &json),
            (StreamKind::Number, &text),
        ] {
            let mut written = Vec::new();
            write_cell(kind, Some(cell.as_bytes()), &mut written).unwrap();
            assert!(!written.contains(&b'\n'));
            let read: serde_json::Value = serde_json::from_slice(&written).unwrap();
            assert_eq!(read, cell_value(kind, Some(cell.as_bytes())));
        }
    }

    #[test]
    fn times_become_rfc_3339() {
        assert_eq!(rfc3339("2024-11-17 12:00:00.123+00"), "2024-11-17T12:00:00.123Z");
        assert_eq!(rfc3339("infinity"), "infinity");
        assert_eq!(rfc3339("2024-11-17 12:00:00+02"), "2024-11-17 12:00:00+02");
    }
}
