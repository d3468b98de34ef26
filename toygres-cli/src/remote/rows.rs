//! Rows of a stream on their way to somebody else: masked cell by cell, as on a terminal.

use crate::redact::{MASK, Redactor, names};
use std::sync::{Arc, Mutex, PoisonError};
use toygres_plugin_api::Error;
use toygres_plugin_api::batch::RowBatch;
use toygres_plugin_api::context::cell_value;
use toygres_plugin_api::report::{StreamColumn, StreamKind};

/// JSON that may hold a secret is read as values to be masked, which takes many times its memory:
/// one value at a time from the first size on, and beyond the second the whole cell is masked.
const SMALL_JSON_BYTES: usize = 16 * 1024;
const MAX_JSON_BYTES: usize = 1024 * 1024;
static ONE_LARGE_JSON: Mutex<()> = Mutex::new(());

/// Masks the cells of one stream.
pub(crate) struct RowMask {
    redactor: Arc<Redactor>,
    columns: Vec<(StreamKind, bool)>,
}

impl RowMask {
    /// For a stream of these columns.
    pub(crate) fn new(redactor: Arc<Redactor>, columns: &[StreamColumn]) -> Self {
        let secret = |name: &str| !redactor.shows() && names::is_secret(name);
        let columns = columns.iter().map(|column| (column.kind, secret(&column.name))).collect();
        Self { redactor, columns }
    }

    /// At most `most` rows of a batch.
    pub(crate) fn rows(&self, batch: &RowBatch, most: usize) -> Vec<Vec<Option<String>>> {
        let suspect = self.redactor.suspects(batch.bytes());
        let rows = 0..batch.rows().min(most);
        rows.map(|row| {
            let cells = self.columns.iter().enumerate();
            cells.map(|(n, column)| self.cell(batch.cell(row, n)?, *column, suspect)).collect()
        })
        .collect()
    }

    fn cell(
        &self,
        cell: &[u8],
        (kind, secret): (StreamKind, bool),
        suspect: bool,
    ) -> Option<String> {
        if secret && !cell.is_empty() {
            return Some(MASK.to_owned());
        }
        let text = String::from_utf8_lossy(cell);
        if !suspect || !self.redactor.suspects(cell) {
            return Some(text.into_owned());
        }
        if kind == StreamKind::Json && cell.len() > MAX_JSON_BYTES {
            return Some(MASK.to_owned());
        }
        if kind == StreamKind::Json {
            // By its names too, not only as a text.
            let _alone = (cell.len() > SMALL_JSON_BYTES)
                .then(|| ONE_LARGE_JSON.lock().unwrap_or_else(PoisonError::into_inner));
            let mut value = cell_value(kind, Some(cell));
            self.redactor.value(&mut value);
            return Some(value.to_string());
        }
        Some(self.redactor.text(&text).into_owned())
    }

    /// An error masked.
    pub(crate) fn error(&self, error: Error) -> Error {
        self.redactor.error(error)
    }
}
