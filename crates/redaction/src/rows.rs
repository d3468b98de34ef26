//! Rows of a stream, masked cell by cell, on a terminal as on their way to somebody else.

use super::names::{self, Secrecy};
use super::{MASK, Redactor};
use std::borrow::Cow;
use toygres_plugin_api::batch::RowBatch;
use toygres_plugin_api::report::{StreamColumn, StreamKind};

/// What the columns of a stream say about their cells.
#[derive(Debug, Clone)]
pub struct Columns {
    columns: Vec<(StreamKind, Secrecy)>,
    /// Columns whose cells name what other columns hold.
    naming: Vec<usize>,
    holding: Vec<usize>,
}

/// Which rows of a batch are looked at.
#[derive(Debug, Clone, Copy)]
pub struct Suspicion(bool);

impl Columns {
    /// The columns of a stream.
    #[must_use]
    pub fn new(redactor: &Redactor, columns: &[StreamColumn]) -> Self {
        let with = |wanted: fn(&str) -> bool| {
            let columns = columns.iter().enumerate();
            let columns = columns.filter(move |(_, column)| wanted(&column.name));
            columns.map(|(n, _)| n).collect::<Vec<_>>()
        };
        let (naming, holding) = (with(names::names_another), with(names::holds_named));
        let secrecy = |name: &str| match redactor.shows() {
            true => Secrecy::None,
            false => names::secrecy(name),
        };
        let columns = columns.iter().map(|column| (column.kind, secrecy(&column.name))).collect();
        Self { columns, naming, holding }
    }

    /// One look over the whole batch: clean rows cost nothing more.
    #[must_use]
    pub fn suspect(&self, redactor: &Redactor, batch: &RowBatch) -> Suspicion {
        Suspicion(redactor.suspects(batch.bytes()))
    }

    /// A cell with every secret masked; NULL stays NULL. A document stays one.
    #[must_use]
    pub fn cell<'b>(
        &self,
        redactor: &Redactor,
        batch: &'b RowBatch,
        (row, column): (usize, usize),
        suspicion: Suspicion,
    ) -> Option<Cow<'b, [u8]>> {
        let cell = batch.cell(row, column)?;
        let (kind, secrecy) = *self.columns.get(column)?;
        let secrecy = match secrecy {
            Secrecy::None if suspicion.0 => self.named(batch, row, column),
            secrecy => secrecy,
        };
        if secrecy != Secrecy::None && !cell.is_empty() && kind != StreamKind::Bool {
            let text = String::from_utf8_lossy(cell);
            if secrecy.hides(&text) {
                return Some(Cow::Borrowed(MASK.as_bytes()));
            }
        }
        if !suspicion.0 || !redactor.suspects(cell) {
            return Some(Cow::Borrowed(cell));
        }
        let text = String::from_utf8_lossy(cell);
        Some(match redactor.text(&text) {
            Cow::Borrowed(_) => Cow::Borrowed(cell),
            Cow::Owned(masked) => Cow::Owned(masked.into_bytes()),
        })
    }

    /// What another cell of the row says about this one: `name` beside `value`.
    fn named(&self, batch: &RowBatch, row: usize, column: usize) -> Secrecy {
        if !self.holding.contains(&column) {
            return Secrecy::None;
        }
        let naming = self.naming.iter().filter(|naming| **naming != column);
        let names = naming.filter_map(|naming| std::str::from_utf8(batch.cell(row, *naming)?).ok());
        let said = names.map(names::secrecy).rfind(|secrecy| *secrecy != Secrecy::None);
        said.unwrap_or(Secrecy::None)
    }
}
