//! Rows that a plugin makes itself, kept until they are shown: the report that says how comes
//! last. They lie in an unlinked temporary file, so that a million of them take no memory.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use toygres_plugin_api::Error;
use toygres_plugin_api::batch::RowBatch;
use toygres_plugin_api::report::{StreamColumn, StreamRef};

/// Plugin-made streams have numbers from here on; the database's are below.
pub const FIRST: u64 = 1 << 32;

/// The streams that the plugin feeds.
#[derive(Debug, Default)]
pub struct Spool {
    streams: Mutex<HashMap<u64, Kept>>,
}

#[derive(Debug)]
struct Kept {
    columns: usize,
    file: io::Result<BufWriter<File>>,
}

impl Spool {
    /// Opens a stream of these columns.
    pub fn open(&self, columns: Vec<StreamColumn>) -> StreamRef {
        let file = tempfile::tempfile().map(BufWriter::new);
        let mut streams = self.streams();
        let id = FIRST + streams.len() as u64;
        streams.insert(id, Kept { columns: columns.len(), file });
        StreamRef { id, columns, limit: None }
    }

    /// Keeps rows; `false` when they cannot be kept, and the reader will say why.
    pub fn emit(&self, stream: u64, batch: RowBatch) -> bool {
        let mut streams = self.streams();
        let Some(kept) = streams.get_mut(&stream) else { return false };
        let Ok(file) = &mut kept.file else { return false };
        if let Err(error) = write(file, &batch) {
            kept.file = Err(error);
            return false;
        }
        true
    }

    /// Takes the rows out, to be read once.
    pub fn take(&self, stream: u64) -> Option<Rows> {
        let kept = self.streams().remove(&stream)?;
        let file = kept.file.and_then(|file| {
            let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.seek(SeekFrom::Start(0))?;
            Ok(BufReader::new(file))
        });
        Some(Rows { columns: kept.columns, file: Some(file) })
    }

    fn streams(&self) -> MutexGuard<'_, HashMap<u64, Kept>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The kept rows of one stream.
#[derive(Debug)]
pub struct Rows {
    columns: usize,
    file: Option<io::Result<BufReader<File>>>,
}

const BATCH_CELLS: usize = 16 * 1024;
/// Bytes from which on a batch is full, whatever its cells.
const BATCH_BYTES: usize = 256 * 1024;

impl Rows {
    /// The next rows; the last batch is marked.
    pub fn next_batch(&mut self) -> RowBatch {
        let result = match self.file.as_mut() {
            Some(Ok(file)) => read(file, self.columns),
            Some(Err(error)) => Err(io::Error::new(error.kind(), error.to_string())),
            None => Ok(RowBatch::new(self.columns)),
        };
        match result {
            Ok(mut batch) => {
                if batch.rows() == 0 {
                    self.file = None;
                    batch.finish();
                }
                batch
            }
            Err(error) => {
                self.file = None;
                RowBatch::failed(&Error::failed("rows could not be kept in a file").cause(error))
            }
        }
    }
}

/// A cell is its length, `u32::MAX` for NULL, and its bytes.
fn write(file: &mut impl Write, batch: &RowBatch) -> io::Result<()> {
    for row in 0..batch.rows() {
        for column in 0..batch.columns() {
            match batch.cell(row, column) {
                None => file.write_all(&u32::MAX.to_le_bytes())?,
                Some(cell) => {
                    let length = u32::try_from(cell.len()).map_err(io::Error::other)?;
                    file.write_all(&length.to_le_bytes())?;
                    file.write_all(cell)?;
                }
            }
        }
    }
    Ok(())
}

fn read(file: &mut impl Read, columns: usize) -> io::Result<RowBatch> {
    let mut batch = RowBatch::new(columns);
    let mut cell = Vec::new();
    for n in 0..BATCH_CELLS.next_multiple_of(columns.max(1)) {
        if n % columns.max(1) == 0 && batch.bytes().len() >= BATCH_BYTES {
            break;
        }
        let mut length = [0; 4];
        match file.read_exact(&mut length) {
            Ok(()) => {}
            Err(error)
                if n % columns.max(1) == 0 && error.kind() == io::ErrorKind::UnexpectedEof =>
            {
                break;
            }
            Err(error) => return Err(error),
        }
        let length = u32::from_le_bytes(length);
        if length == u32::MAX {
            batch.push(None);
            continue;
        }
        cell.resize(length as usize, 0);
        file.read_exact(&mut cell)?;
        batch.push(Some(&cell));
    }
    Ok(batch)
}

#[cfg(test)]
mod tests {
    use super::Spool;
    use toygres_plugin_api::batch::RowBatch;
    use toygres_plugin_api::report::{StreamColumn, StreamKind};

    #[test]
    fn rows_come_back_in_order_and_whole() {
        let column = |name: &str| StreamColumn {
            name: name.to_owned(),
            type_name: String::new(),
            kind: StreamKind::Text,
        };
        let spool = Spool::default();
        let stream = spool.open(vec![column("a"), column("b"), column("c")]);
        let many = 50_000;
        for start in (0..many).step_by(1000) {
            let mut batch = RowBatch::new(3);
            for n in start..start + 1000 {
                batch.push(Some(n.to_string().as_bytes()));
                batch.push(None);
                batch.push(Some(b""));
            }
            assert!(spool.emit(stream.id, batch));
        }
        let mut rows = spool.take(stream.id).unwrap();
        let mut expected = 0;
        loop {
            let batch = rows.next_batch();
            assert_eq!(batch.error(), None);
            for row in 0..batch.rows() {
                assert_eq!(batch.cell(row, 0), Some(expected.to_string().as_bytes()));
                assert_eq!(batch.cell(row, 1), None);
                assert_eq!(batch.cell(row, 2), Some(b"".as_slice()));
                expected += 1;
            }
            if batch.is_last() {
                break;
            }
        }
        assert_eq!(expected, many);
        assert!(!spool.emit(stream.id, RowBatch::new(3)));
    }
}
