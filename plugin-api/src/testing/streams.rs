//! Rows in batches, from the test to the command and from the command to the test.

use super::host::TestHost;
use crate::batch::RowBatch;
use crate::context::cell_value;
use crate::error::{Error, Result};
use crate::report::{Report, StreamColumn};
use serde_json::Value;

impl TestHost {
    /// The answer's rows, those of a stream included.
    ///
    /// ```
    /// # use serde_json::json;
    /// # use toygres_plugin_api::Report;
    /// # use toygres_plugin_api::report::{StreamColumn, StreamKind};
    /// # use toygres_plugin_api::testing::TestHost;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let host = TestHost::new();
    /// let column = StreamColumn {
    ///     name: "n".to_owned(),
    ///     type_name: "int8".to_owned(),
    ///     kind: StreamKind::Integer,
    /// };
    /// let mut rows = host.context().stream(vec![column]).await.unwrap();
    /// let report = Report::stream(rows.reference());
    /// rows.push(&[Some("1")]).await;
    /// rows.finish().await;
    /// assert_eq!(host.rows_of(&report).unwrap(), [json!({"n": 1})]);
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the stream broke, or the report has neither a stream nor an array.
    pub fn rows_of(&self, report: &Report) -> Result<Vec<Value>> {
        let Some(stream) = &report.stream else {
            let rows = report.data.as_array().cloned();
            return rows.ok_or_else(|| Error::failed("the answer is no list"));
        };
        let mut rows = Vec::new();
        loop {
            let batch = self.next_batch(stream.id);
            if let Some(error) = batch.error() {
                return Err(error);
            }
            rows.extend((0..batch.rows()).map(|row| object(&stream.columns, &batch, row)));
            if batch.is_last() {
                break;
            }
        }
        if let Some(most) = stream.limit {
            rows.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        }
        Ok(rows)
    }

    pub(super) fn next_batch(&self, stream: u64) -> RowBatch {
        let mut state = self.state();
        let found = usize::try_from(stream).ok().and_then(|place| state.streams.get_mut(place));
        let batch = found.and_then(|stream| stream.batches.pop_front());
        batch.unwrap_or_else(|| {
            RowBatch::failed(&Error::plugin(format!("stream {stream} has no rows any more")))
        })
    }

    pub(super) fn keep_batch(&self, stream: u64, batch: RowBatch) -> bool {
        let mut state = self.state();
        let found = usize::try_from(stream).ok().and_then(|place| state.streams.get_mut(place));
        // A batch of another shape than the stream's would be rows without names.
        let Some(stream) = found.filter(|stream| stream.columns.len() == batch.columns()) else {
            return false;
        };
        stream.batches.push_back(batch);
        true
    }
}

fn object(columns: &[StreamColumn], batch: &RowBatch, row: usize) -> Value {
    let cells = columns
        .iter()
        .enumerate()
        .map(|(n, column)| (column.name.clone(), cell_value(column.kind, batch.cell(row, n))));
    Value::Object(cells.collect())
}
