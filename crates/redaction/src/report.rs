//! Secrets within reports and errors.

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
        self.value(&mut report.data);
        self.blocks(&mut report.view);
        for column in report.stream.iter_mut().flat_map(|stream| &mut stream.columns) {
            self.in_place(&mut column.name);
        }
        report.texts.values_mut().for_each(|text| self.in_place(text));
        report.notes.iter_mut().for_each(|note| self.note(note));
        report
    }

    /// The error with every secret masked.
    #[must_use]
    pub fn error(&self, mut error: Error) -> Error {
        self.in_place(&mut error.message);
        error.hint.iter_mut().for_each(|hint| self.in_place(hint));
        error.causes.iter_mut().for_each(|cause| self.in_place(cause));
        error
    }

    /// The remark with every secret masked.
    pub fn note(&self, note: &mut Note) {
        self.in_place(&mut note.text);
    }

    fn some(&self, text: &mut Option<String>) {
        text.iter_mut().for_each(|text| self.in_place(text));
    }

    fn blocks(&self, blocks: &mut [Block]) {
        for block in blocks {
            match block {
                Block::Heading { text } | Block::Text { text, .. } | Block::Hint { text } => {
                    self.in_place(text);
                }
                Block::Section { title, blocks } => {
                    self.in_place(title);
                    self.blocks(blocks);
                }
                Block::Fields { fields, .. } => {
                    for field in fields {
                        self.named_cell(&field.label, &mut field.cell);
                    }
                }
                Block::Table(table) => {
                    if let Rows::Inline(rows) = &mut table.rows {
                        rows.iter_mut().for_each(|row| self.value(row));
                    }
                    self.some(&mut table.empty);
                }
                Block::Bars { bars } => {
                    bars.iter_mut().for_each(|bar| self.in_place(&mut bar.label));
                }
                Block::Steps { steps } => {
                    for step in steps {
                        self.in_place(&mut step.label);
                        self.some(&mut step.detail);
                        step.lines.iter_mut().for_each(|line| self.in_place(line));
                    }
                }
                Block::Timeline(timeline) => {
                    for span in &mut timeline.spans {
                        self.in_place(&mut span.label);
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
        if names::is_secret(label) && cell.kind == Kind::Text {
            self.mask_value(&mut cell.value, names::secrecy(label));
        } else {
            self.value(&mut cell.value);
        }
        self.some(&mut cell.remark);
    }

    fn nodes(&self, nodes: &mut [TreeNode]) {
        for node in nodes {
            self.in_place(&mut node.label);
            self.some(&mut node.remark);
            self.nodes(&mut node.children);
        }
    }
}
