//! Rows of a stream on their way to somebody else: masked cell by cell, as on a terminal.

use crate::redact::Redactor;
use crate::redact::rows::Columns;
use std::sync::Arc;
use toygres_plugin_api::Error;
use toygres_plugin_api::batch::RowBatch;
use toygres_plugin_api::report::StreamColumn;

/// Masks the cells of one stream.
pub(crate) struct RowMask {
    redactor: Arc<Redactor>,
    columns: Columns,
    count: usize,
}

impl RowMask {
    /// For a stream of these columns.
    pub(crate) fn new(redactor: Arc<Redactor>, columns: &[StreamColumn]) -> Self {
        let (count, columns) = (columns.len(), Columns::new(&redactor, columns));
        Self { redactor, columns, count }
    }

    /// At most `most` rows of a batch.
    pub(crate) fn rows(&self, batch: &RowBatch, most: usize) -> Vec<Vec<Option<String>>> {
        let suspicion = self.columns.suspect(&self.redactor, batch);
        let cell = |row: usize, column: usize| {
            let cell = self.columns.cell(&self.redactor, batch, (row, column), suspicion)?;
            Some(String::from_utf8_lossy(&cell).into_owned())
        };
        let rows = 0..batch.rows().min(most);
        rows.map(|row| (0..self.count).map(|column| cell(row, column)).collect()).collect()
    }

    /// An error masked.
    pub(crate) fn error(&self, error: Error) -> Error {
        self.redactor.error(error)
    }
}
