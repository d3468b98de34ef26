//! Secrets within JSON values, reports and errors.

use super::{MASK, Redactor, names};
use serde_json::{Map, Value};
use toygres_plugin_api::Error;
use toygres_plugin_api::report::{Block, Cell, Kind, Note, Report, Rows, TreeNode};

impl Redactor {
    /// The value with every secret masked.
    pub fn value(&self, value: &mut Value) {
        if self.show {
            return;
        }
        match value {
            Value::String(text) => self.in_place(text),
            Value::Array(values) => values.iter_mut().for_each(|value| self.value(value)),
            Value::Object(fields) => {
                let secret_object = fields.get("kind").and_then(Value::as_str) == Some("Secret");
                for (name, value) in fields {
                    let whole = secret_object && matches!(name.as_str(), "data" | "stringData");
                    if whole || names::is_secret(name) {
                        mask_all(value);
                    } else {
                        self.value(value);
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// The report with every secret masked, in its data and its view alike.
    #[must_use]
    pub fn report(&self, mut report: Report) -> Report {
        if self.show {
            return report;
        }
        self.value(&mut report.data);
        self.blocks(&mut report.view);
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

    fn in_place(&self, text: &mut String) {
        if let std::borrow::Cow::Owned(masked) = self.text(text) {
            *text = masked;
        }
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
            mask_all(&mut cell.value);
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

/// A setting with what is said of it (`server config`): where it comes from is no secret.
fn is_setting(fields: &Map<String, Value>) -> bool {
    let known = ["value", "source", "env", "place", "secret"];
    fields.get("secret") == Some(&Value::Bool(true))
        && fields.keys().all(|name| known.contains(&name.as_str()))
}

/// Masks every text and number below a secret name; an empty text hides nothing.
fn mask_all(value: &mut Value) {
    match value {
        Value::String(text) if text.is_empty() => {}
        Value::String(_) | Value::Number(_) => *value = Value::from(MASK),
        Value::Array(values) => values.iter_mut().for_each(mask_all),
        Value::Object(fields) if is_setting(fields) => {
            fields.get_mut("value").into_iter().for_each(mask_all);
        }
        Value::Object(fields) => fields.values_mut().for_each(mask_all),
        Value::Null | Value::Bool(_) => {}
    }
}
