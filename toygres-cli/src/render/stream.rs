//! Rows as they come, in constant memory.

use super::{Format, Look, json, layout, records, yaml};
use crate::redact::Redactor;
use crate::redact::rows::{Columns, Suspicion};
use std::borrow::Cow;
use std::io::{self, Write};
use toygres_plugin_api::batch::RowBatch;
use toygres_plugin_api::report::{StreamColumn, StreamKind, Tone};
use toygres_plugin_api::text::escape;

/// Rows that are looked at before the widths of a table's columns are settled.
const SAMPLE: usize = 1000;
/// Bytes of cells that are looked at for it.
const SAMPLE_BYTES: usize = 4 * 1024 * 1024;
/// Cells from this size on are written at once, not kept with their line.
const LARGE_CELL_BYTES: usize = 64 * 1024;

/// Writes the rows of one stream.
pub struct StreamWriter<'a> {
    format: Format,
    look: &'a Look,
    redactor: &'a Redactor,
    columns: Vec<StreamColumn>,
    /// The columns that are shown, in order.
    shown: Vec<usize>,
    masked: Columns,
    rows: u64,
    /// Cells of a table whose widths are not settled yet.
    sample: Vec<Vec<(String, Tone)>>,
    sample_bytes: usize,
    layout: Option<RowLayout>,
    line: Vec<u8>,
}

/// How rows stand on a terminal.
enum RowLayout {
    /// A line each, in columns of these widths.
    Lines(Vec<usize>),
    /// A line for each cell, where the columns are wider than the terminal: as with `\x auto` of
    /// `psql`.
    Records,
}

impl<'a> StreamWriter<'a> {
    /// Begins the document.
    ///
    /// # Errors
    /// When writing fails.
    pub fn begin(
        format: Format,
        look: &'a Look,
        redactor: &'a Redactor,
        columns: Vec<StreamColumn>,
        out: &mut dyn Write,
    ) -> io::Result<Self> {
        let shown = match &look.columns {
            None => (0..columns.len()).collect(),
            Some(wanted) => wanted
                .iter()
                .filter_map(|name| {
                    layout::position_of(name, columns.iter().map(|column| [column.name.as_str()]))
                })
                .collect(),
        };
        let masked = Columns::new(redactor, &columns);
        let mut writer = Self {
            format,
            look,
            redactor,
            columns,
            shown,
            masked,
            rows: 0,
            sample: Vec::new(),
            sample_bytes: 0,
            layout: None,
            line: Vec::with_capacity(64 * 1024),
        };
        if format == Format::Csv {
            for n in 0..writer.shown.len() {
                let name = writer.columns[writer.shown[n]].name.clone();
                writer.separate(n);
                writer.csv_field(name.as_bytes());
            }
            writer.line.push(b'\n');
            writer.flush(out)?;
        }
        Ok(writer)
    }

    /// Rows written so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Writes at most `most` rows of a batch.
    ///
    /// # Errors
    /// When writing fails.
    pub fn batch(&mut self, batch: &RowBatch, most: u64, out: &mut dyn Write) -> io::Result<()> {
        let suspect = self.masked.suspect(self.redactor, batch);
        let rows = batch.rows().min(usize::try_from(most).unwrap_or(usize::MAX));
        for row in 0..rows {
            match self.format {
                Format::Table | Format::Wide => self.table_row(batch, row, suspect, out)?,
                Format::Csv => self.csv_row(batch, row, suspect, out)?,
                // A stream has no ready-made text: its rows are told one by one.
                Format::Json | Format::Jsonl | Format::Own => {
                    self.json_row(batch, row, suspect, out)?;
                }
                Format::Yaml => self.yaml_row(batch, row, suspect)?,
            }
            self.rows += 1;
            if self.line.len() >= 32 * 1024 {
                self.flush(out)?;
            }
        }
        Ok(())
    }

    /// Ends the document.
    ///
    /// # Errors
    /// When writing fails.
    pub fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        match self.format {
            Format::Table | Format::Wide => self.settle(out)?,
            Format::Json if self.rows == 0 => self.line.extend_from_slice(b"[]\n"),
            Format::Json => self.line.extend_from_slice(b"\n]\n"),
            Format::Yaml if self.rows == 0 => self.line.extend_from_slice(b"[]\n"),
            _ => {}
        }
        self.flush(out)
    }

    fn flush(&mut self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(&self.line)?;
        self.line.clear();
        Ok(())
    }

    fn separate(&mut self, n: usize) {
        if n > 0 {
            self.line.push(b',');
        }
    }

    /// A cell as it is written, masked where it must be.
    fn cell<'b>(
        &self,
        batch: &'b RowBatch,
        row: usize,
        column: usize,
        suspect: Suspicion,
    ) -> Option<Cow<'b, [u8]>> {
        self.masked.cell(self.redactor, batch, (row, column), suspect)
    }

    fn csv_row(
        &mut self,
        batch: &RowBatch,
        row: usize,
        suspect: Suspicion,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        for n in 0..self.shown.len() {
            let column = self.shown[n];
            self.separate(n);
            let Some(cell) = self.cell(batch, row, column, suspect) else { continue };
            if self.columns[column].kind == StreamKind::Timestamp {
                timestamp(&cell, &mut self.line);
            } else {
                self.csv_field(&cell);
            }
            self.flush_large(cell.len(), out)?;
        }
        self.line.push(b'\n');
        Ok(())
    }

    /// A field of a line: a file gets every byte as it is, a terminal none that it would obey.
    fn csv_field(&mut self, field: &[u8]) {
        if self.look.is_terminal {
            let text = String::from_utf8_lossy(field);
            quoted(escape(&text).as_bytes(), &mut self.line);
        } else {
            quoted(field, &mut self.line);
        }
    }

    /// Writes the line so far, where a cell of this size ends it.
    fn flush_large(&mut self, cell: usize, out: &mut dyn Write) -> io::Result<()> {
        if cell < LARGE_CELL_BYTES {
            return Ok(());
        }
        self.flush(out)?;
        self.line.shrink_to(LARGE_CELL_BYTES);
        Ok(())
    }

    fn json_row(
        &mut self,
        batch: &RowBatch,
        row: usize,
        suspect: Suspicion,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        if self.format == Format::Json {
            self.line.extend_from_slice(if self.rows == 0 { b"[\n  " } else { b",\n  " });
        }
        self.line.push(b'{');
        for n in 0..self.shown.len() {
            let column = self.shown[n];
            self.separate(n);
            json::write_compact(&mut self.line, &self.columns[column].name)?;
            self.line.push(b':');
            self.json_cell(batch, row, column, suspect, out)?;
        }
        self.line.push(b'}');
        if self.format == Format::Jsonl {
            self.line.push(b'\n');
        }
        Ok(())
    }

    fn json_cell(
        &mut self,
        batch: &RowBatch,
        row: usize,
        column: usize,
        suspect: Suspicion,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let kind = self.columns[column].kind;
        let Some(cell) = self.cell(batch, row, column, suspect) else {
            self.line.extend_from_slice(b"null");
            return Ok(());
        };
        if cell.len() >= LARGE_CELL_BYTES {
            self.flush(out)?;
            return json::write_cell(out, kind, &cell);
        }
        json::write_cell(&mut self.line, kind, &cell)
    }

    fn yaml_row(&mut self, batch: &RowBatch, row: usize, suspect: Suspicion) -> io::Result<()> {
        let cells: Vec<_> =
            self.shown.iter().map(|&column| self.cell(batch, row, column, suspect)).collect();
        let named: Vec<_> = self
            .shown
            .iter()
            .zip(&cells)
            .map(|(&column, cell)| {
                let column = &self.columns[column];
                (column.name.as_str(), column.kind, cell.as_deref())
            })
            .collect();
        // The rows' texts one after the other are the list of all.
        let text = yaml::row(&named)?;
        self.line.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn table_row(
        &mut self,
        batch: &RowBatch,
        row: usize,
        suspect: Suspicion,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let cells: Vec<(String, Tone)> = self
            .shown
            .iter()
            .map(|&column| match self.cell(batch, row, column, suspect) {
                None => ("-".to_owned(), Tone::Muted),
                Some(cell) => (escape(&String::from_utf8_lossy(&cell)).into_owned(), Tone::Plain),
            })
            .collect();
        match &self.layout {
            Some(RowLayout::Lines(widths)) => {
                let line = layout::line(&cells, &[], widths, self.look.style, self.fits());
                self.cut(&[cells], widths);
                self.line.extend_from_slice(line.as_bytes());
                self.line.push(b'\n');
                return Ok(());
            }
            Some(RowLayout::Records) => {
                let record = self.records(&[cells]);
                self.line.push(b'\n');
                self.line.extend_from_slice(record.as_bytes());
                return Ok(());
            }
            None => {}
        }
        self.sample_bytes += cells.iter().map(|(text, _)| text.len()).sum::<usize>();
        self.sample.push(cells);
        let enough = self.sample.len() >= SAMPLE || self.sample_bytes >= SAMPLE_BYTES;
        if enough { self.settle(out) } else { Ok(()) }
    }

    /// Whether lines have to fit a terminal. In a file a later row may be wider than those whose
    /// widths were looked at, and is whole.
    fn fits(&self) -> bool {
        self.look.width.is_some()
    }

    fn cut(&self, rows: &[Vec<(String, Tone)>], widths: &[usize]) {
        if self.fits() && layout::is_cut(rows, widths) {
            self.look.cut.set(true);
        }
    }

    fn titles(&self) -> Vec<String> {
        let names = self.shown.iter().map(|&column| &self.columns[column].name);
        names.map(|name| escape(name).into_owned()).collect()
    }

    fn records(&self, rows: &[Vec<(String, Tone)>]) -> String {
        let titles = self.titles();
        let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
        records::text(&titles, rows, self.look.style, self.look.width)
    }

    /// Settles the layout, and writes the header and the rows that waited for it.
    fn settle(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if self.layout.is_some() || self.shown.is_empty() {
            return Ok(());
        }
        let titles = self.titles();
        let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
        let Some(widths) = layout::fitted(&[], &titles, &self.sample, self.look.width) else {
            let rows = std::mem::take(&mut self.sample);
            out.write_all(self.records(&rows).as_bytes())?;
            self.layout = Some(RowLayout::Records);
            return Ok(());
        };
        let style = self.look.style;
        let header: Vec<(String, Tone)> =
            titles.iter().map(|title| ((*title).to_owned(), Tone::Plain)).collect();
        writeln!(out, "{}", style.bold(&layout::line(&header, &[], &widths, style, self.fits())))?;
        let whole = widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1);
        writeln!(out, "{}", style.rule(whole))?;
        for cells in std::mem::take(&mut self.sample) {
            writeln!(out, "{}", layout::line(&cells, &[], &widths, style, self.fits()))?;
        }
        self.layout = Some(RowLayout::Lines(widths));
        Ok(())
    }
}

/// RFC 3339, as JSON has it, without a text of its own for each cell.
fn timestamp(cell: &[u8], line: &mut Vec<u8>) {
    match cell.strip_suffix(b"+00") {
        Some(time) if time.get(10) == Some(&b' ') => {
            line.extend_from_slice(&time[..10]);
            line.push(b'T');
            line.extend_from_slice(&time[11..]);
            line.push(b'Z');
        }
        _ => line.extend_from_slice(cell),
    }
}

/// A CSV field, quoted only where it must be, as psql does.
fn quoted(field: &[u8], line: &mut Vec<u8>) {
    let special = |byte: &u8| matches!(byte, b',' | b'"' | b'\n' | b'\r');
    if field.is_empty() || (!field.iter().any(special) && field != b"\\.") {
        // An empty text is told from NULL by its quotes.
        if field.is_empty() {
            line.extend_from_slice(b"\"\"");
        }
        line.extend_from_slice(field);
        return;
    }
    line.push(b'"');
    for byte in field {
        if *byte == b'"' {
            line.push(b'"');
        }
        line.push(*byte);
    }
    line.push(b'"');
}
