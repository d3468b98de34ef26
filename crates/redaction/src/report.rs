//! Secrets within reports and errors.

use super::known::Place;
use super::places::place_of;
use super::{Redactor, names};
use toygres_plugin_api::Error;
use toygres_plugin_api::report::{Block, Cell, Kind, Note, Report, Rows, TreeNode};

impl Redactor {
    /// The report with every secret masked, in its data and its view alike.
    #[must_use]
    pub fn report(&self, mut report: Report) -> Report {
        if self.show {
            return report;
        }
        self.value_at(&mut report.data, Place::Plugin);
        self.blocks(&mut report.view);
        for column in report.stream.iter_mut().flat_map(|stream| &mut stream.columns) {
            self.in_place(&mut column.name, Place::Ours);
        }
        report.texts.values_mut().for_each(|text| self.in_place(text, Place::Plugin));
        report.notes.iter_mut().for_each(|note| self.note(note));
        report
    }

    /// The error with every secret masked.
    #[must_use]
    pub fn error(&self, mut error: Error) -> Error {
        self.in_place(&mut error.message, Place::Free);
        error.hint.iter_mut().for_each(|hint| self.in_place(hint, Place::Ours));
        error.causes.iter_mut().for_each(|cause| self.in_place(cause, Place::Free));
        error
    }

    /// The remark with every secret masked.
    pub fn note(&self, note: &mut Note) {
        self.in_place(&mut note.text, Place::Free);
    }

    fn some(&self, text: &mut Option<String>) {
        text.iter_mut().for_each(|text| self.in_place(text, Place::Free));
    }

    fn blocks(&self, blocks: &mut [Block]) {
        for block in blocks {
            match block {
                Block::Heading { text } | Block::Hint { text } => self.in_place(text, Place::Ours),
                Block::Text { text, .. } => self.in_place(text, Place::Free),
                Block::Section { title, blocks } => {
                    self.in_place(title, Place::Ours);
                    self.blocks(blocks);
                }
                Block::Fields { fields, .. } => {
                    for field in fields {
                        self.named_cell(&field.label, &mut field.cell);
                    }
                }
                Block::Table(table) => {
                    if let Rows::Inline(rows) = &mut table.rows {
                        rows.iter_mut().for_each(|row| self.value_at(row, Place::Plugin));
                    }
                    self.some(&mut table.empty);
                }
                Block::Bars { bars } => {
                    bars.iter_mut().for_each(|bar| self.in_place(&mut bar.label, Place::Ours));
                }
                Block::Steps { steps } => {
                    for step in steps {
                        self.in_place(&mut step.label, Place::Ours);
                        self.some(&mut step.detail);
                        step.lines.iter_mut().for_each(|line| self.in_place(line, Place::Free));
                    }
                }
                Block::Timeline(timeline) => {
                    for span in &mut timeline.spans {
                        self.in_place(&mut span.label, Place::Ours);
                        self.some(&mut span.remark);
                    }
                }
                Block::Tree { roots } => self.nodes(roots),
                Block::Blank | Block::Unknown => {}
            }
        }
    }

    fn named_cell(&self, label: &str, cell: &mut Cell) {
        // A state under such a label (`API_TOKEN: ✗ Not set`) is none.
        let place = match cell.kind {
            // States are our own words.
            Kind::Status(_) => Place::Ours,
            _ => place_of(label, Place::Plugin),
        };
        if names::is_secret(label) && cell.kind == Kind::Text {
            self.mask_value(&mut cell.value, names::secrecy(label), place);
        } else {
            self.value_at(&mut cell.value, place);
        }
        self.some(&mut cell.remark);
    }

    fn nodes(&self, nodes: &mut [TreeNode]) {
        for node in nodes {
            self.in_place(&mut node.label, Place::Ours);
            self.some(&mut node.remark);
            self.nodes(&mut node.children);
        }
    }
}
