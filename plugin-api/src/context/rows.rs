//! Rows in batches: read from the host, or fed to it.

use super::Context;
use crate::batch::RowBatch;
use crate::document;
use crate::error::{Error, Result};
use crate::protocol::Method;
use crate::report::{StreamColumn, StreamKind, StreamRef};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::borrow::Cow;
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
/// It is for a command that counts with it: a fraction becomes a float, and of two equal keys one
/// stays. What is only passed on is written by [`cell_json`]. What cannot be read as its kind stays
/// text.
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
        StreamKind::Number => match text.parse::<i64>() {
            Ok(whole) => Some(Value::from(whole)),
            Err(_) => text.parse::<f64>().ok().filter(|n| n.is_finite()).map(Value::from),
        },
        StreamKind::Json => serde_json::from_str(&text).ok(),
        StreamKind::Timestamp => Some(Value::String(rfc3339(&text))),
        StreamKind::Text => None,
    };
    parsed.unwrap_or_else(|| Value::String(text.into_owned()))
}

/// The JSON text of one cell on one line: what [`cell_value`] makes of it, with every digit, key and
/// blank as PostgreSQL wrote it, and without making a value of it.
#[must_use]
pub fn cell_json(kind: StreamKind, cell: Option<&[u8]>) -> Cow<'_, str> {
    let Some(cell) = cell else { return Cow::Borrowed("null") };
    let text = String::from_utf8_lossy(cell);
    match kind {
        StreamKind::Bool if text == "t" => Cow::Borrowed("true"),
        StreamKind::Bool if text == "f" => Cow::Borrowed("false"),
        StreamKind::Integer | StreamKind::Number if document::is_number(&text) => text,
        StreamKind::Json => match document::one_line(&text) {
            Some(Cow::Borrowed(line)) if line.len() == text.len() => text,
            Some(line) => Cow::Owned(line.into_owned()),
            None => string(&text),
        },
        StreamKind::Timestamp => string(&rfc3339(&text)),
        _ => string(&text),
    }
}

/// A text as JSON.
fn string(text: &str) -> Cow<'static, str> {
    // A text always has one.
    Cow::Owned(serde_json::to_string(text).unwrap_or_default())
}

/// Writes one cell as [`cell_json`].
///
/// # Errors
/// When writing fails.
pub fn write_cell(kind: StreamKind, cell: Option<&[u8]>, out: &mut dyn Write) -> io::Result<()> {
    match (kind, cell) {
        // A large text is not written in memory first.
        (StreamKind::Text, Some(cell)) => {
            Ok(serde_json::to_writer(out, String::from_utf8_lossy(cell).as_ref())?)
        }
        _ => out.write_all(cell_json(kind, cell).as_bytes()),
    }
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
    use super::{StreamKind, cell_json, cell_value, rfc3339, write_cell};
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
    fn a_cell_is_written_with_its_letters() {
        for (kind, cell, json) in [
            (StreamKind::Integer, "9007199254740993", "9007199254740993"),
            (StreamKind::Number, "12345678901234567890.10", "12345678901234567890.10"),
            (StreamKind::Number, "1e+400", "1e+400"),
            (StreamKind::Number, "NaN", "\"NaN\""),
            (StreamKind::Number, "-Infinity", "\"-Infinity\""),
            (StreamKind::Json, "{\"a\":1.10,\n\"a\": 1e400}", "{\"a\":1.10, \"a\": 1e400}"),
            (StreamKind::Json, "{", "\"{\""),
            (StreamKind::Bool, "t", "true"),
            (StreamKind::Timestamp, "2024-11-17 12:00:00.5+00", "\"2024-11-17T12:00:00.5Z\""),
            (StreamKind::Text, "1.10\n", "\"1.10\\n\""),
        ] {
            assert_eq!(cell_json(kind, Some(cell.as_bytes())), json);
            let mut written = Vec::new();
            write_cell(kind, Some(cell.as_bytes()), &mut written).unwrap();
            assert_eq!(String::from_utf8(written).unwrap(), json);
        }
        assert_eq!(cell_json(StreamKind::Json, None), "null");
    }

    #[test]
    fn times_become_rfc_3339() {
        assert_eq!(rfc3339("2024-11-17 12:00:00.123+00"), "2024-11-17T12:00:00.123Z");
        assert_eq!(rfc3339("infinity"), "infinity");
        assert_eq!(rfc3339("2024-11-17 12:00:00+02"), "2024-11-17 12:00:00+02");
    }
}
