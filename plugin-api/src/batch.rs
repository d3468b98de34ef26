//! A batch of rows as it crosses the border: one buffer with offsets, not a cell at a time.

use abi_stable::StableAbi;
use abi_stable::std_types::RVec;

/// Rows of text cells in one buffer.
///
/// Cell `n` (row by row) is `data[ends[n - 1]..ends[n] & END]`; the top bit of `ends[n]` marks
/// NULL. Where rows have no columns (`SELECT FROM t`), each of them is one entry of `ends`. An
/// `error` ends the stream: it is a JSON [`crate::error::Error`].
#[repr(C)]
#[derive(StableAbi, Debug, Clone, Default)]
pub struct RowBatch {
    columns: u32,
    last: bool,
    ends: RVec<u32>,
    data: RVec<u8>,
    error: RVec<u8>,
}

const NULL: u32 = 1 << 31;
const END: u32 = NULL - 1;

/// The most bytes of one batch; an offset has 31 bits.
pub const MAX_BYTES: usize = END as usize;

impl RowBatch {
    /// An empty batch of rows with this many columns.
    #[must_use]
    pub fn new(columns: usize) -> Self {
        Self { columns: columns.try_into().unwrap_or(u32::MAX), ..Self::default() }
    }

    /// A batch that ends the stream with an error.
    #[must_use]
    pub fn failed(error: &crate::error::Error) -> Self {
        let error = serde_json::to_vec(error).unwrap_or_default();
        Self { last: true, error: error.into(), ..Self::default() }
    }

    /// Adds the next cell; rows fill from left to right.
    ///
    /// # Panics
    /// When the batch would pass [`MAX_BYTES`].
    pub fn push(&mut self, cell: Option<&[u8]>) {
        self.data.extend_from_copy_slice(cell.unwrap_or_default());
        let end = u32::try_from(self.data.len()).ok().filter(|end| *end <= END);
        let end = end.expect("a batch holds less than 2 GiB");
        self.ends.push(if cell.is_none() { end | NULL } else { end });
    }

    /// Counts a row where rows have no columns; where they have some, their cells are counted.
    pub fn push_empty_row(&mut self) {
        if self.columns == 0 {
            self.ends.push(NULL);
        }
    }

    /// Marks this batch as the stream's last.
    pub fn finish(&mut self) {
        self.last = true;
    }

    /// No batch follows.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.last
    }

    /// What ended the stream, if it did not end well.
    #[must_use]
    pub fn error(&self) -> Option<crate::error::Error> {
        if self.error.is_empty() {
            return None;
        }
        let parsed = serde_json::from_slice(&self.error);
        Some(
            parsed.unwrap_or_else(|_| {
                crate::error::Error::failed(String::from_utf8_lossy(&self.error))
            }),
        )
    }

    /// The number of whole rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.ends.len().checked_div(self.columns as usize).unwrap_or(self.ends.len())
    }

    /// The number of cells in a row.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns as usize
    }

    /// The bytes of all cells, for a quick look over the whole batch.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.data
    }

    /// One cell; `None` is NULL, and so is what lies outside.
    #[must_use]
    pub fn cell(&self, row: usize, column: usize) -> Option<&[u8]> {
        let n = row.checked_mul(self.columns())?.checked_add(column)?;
        let end = *self.ends.get(n)?;
        if end & NULL != 0 || column >= self.columns() {
            return None;
        }
        let start = match n.checked_sub(1) {
            Some(before) => *self.ends.get(before)? & END,
            None => 0,
        };
        self.data.get(start as usize..end as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::RowBatch;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_cell_comes_back(columns in 1_usize..6, cells in prop::collection::vec(
            prop::option::of(prop::collection::vec(any::<u8>(), 0..20)), 0..60)
        ) {
            let mut batch = RowBatch::new(columns);
            for cell in &cells {
                batch.push(cell.as_deref());
            }
            prop_assert_eq!(batch.rows(), cells.len() / columns);
            for (n, cell) in cells.iter().enumerate() {
                prop_assert_eq!(batch.cell(n / columns, n % columns), cell.as_deref());
            }
            prop_assert_eq!(batch.cell(cells.len(), 0), None);
            prop_assert_eq!(batch.cell(0, columns), None);
        }
    }

    #[test]
    fn rows_without_columns_are_counted() {
        let mut batch = RowBatch::new(0);
        assert_eq!(batch.rows(), 0);
        batch.push_empty_row();
        batch.push_empty_row();
        assert_eq!((batch.rows(), batch.columns(), batch.bytes().len()), (2, 0, 0));
        assert_eq!(batch.cell(0, 0), None);
        let mut batch = RowBatch::new(1);
        batch.push_empty_row();
        assert_eq!(batch.rows(), 0);
    }

    #[test]
    fn an_error_crosses_whole() {
        let error = crate::error::Error::timed_out("too slow").hint("wait").cause("the disk");
        let batch = RowBatch::failed(&error);
        assert!(batch.is_last());
        assert_eq!(batch.error(), Some(error));
        assert_eq!(batch.rows(), 0);
    }
}
