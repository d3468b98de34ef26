//! Rows of a stream on their way to somebody else: masked cell by cell, as on a terminal.

use crate::redact::rows::Columns;
use crate::redact::{MASK, Redactor};
use std::sync::{Arc, Mutex, PoisonError};
use toygres_plugin_api::Error;
use toygres_plugin_api::batch::RowBatch;
use toygres_plugin_api::report::StreamColumn;

/// A document that may hold a secret is read as values to be masked, which takes many times its
/// memory: one at a time from the first size on, and beyond the second the whole cell is masked.
const SMALL_DOCUMENT_BYTES: usize = 16 * 1024;
const MAX_DOCUMENT_BYTES: usize = 1024 * 1024;
static ONE_LARGE_DOCUMENT: Mutex<()> = Mutex::new(());

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
            let found = batch.cell(row, column)?;
            let large = found.len() > SMALL_DOCUMENT_BYTES && is_document(found);
            if large && found.len() > MAX_DOCUMENT_BYTES && self.redactor.suspects(found) {
                return Some(MASK.to_owned());
            }
            let _alone =
                large.then(|| ONE_LARGE_DOCUMENT.lock().unwrap_or_else(PoisonError::into_inner));
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

/// Whether a cell looks like JSON that is more than one value.
fn is_document(cell: &[u8]) -> bool {
    matches!(cell.trim_ascii_start().first(), Some(b'{' | b'['))
}
