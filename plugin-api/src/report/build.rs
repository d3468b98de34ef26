//! Shorthands to put a report together.

use super::{
    Bar, Block, Cell, Column, Field, Kind, Note, NoteLevel, Report, Rows, State, Step, StreamRef,
    Table, Tone, Verdict,
};
use crate::error::Result;
use serde::Serialize;
use serde_json::Value;

impl Report {
    /// A list: `data` is the array of `rows`, shown as a table with one column a key.
    ///
    /// Begin from this and replace the columns with [`Report::columns`] where titles, kinds or
    /// an order of your own are wanted.
    #[must_use]
    pub fn list<T: Serialize>(rows: impl IntoIterator<Item = T>) -> Self {
        let rows: Vec<Value> =
            rows.into_iter().map(|row| serde_json::to_value(row).unwrap_or(Value::Null)).collect();
        let columns = rows.first().map(columns_of).unwrap_or_default();
        let table = Table { columns, rows: Rows::Data, empty: None };
        Self { data: Value::Array(rows), view: vec![Block::Table(table)], ..Self::default() }
    }

    /// A detail: `data` is `value` as an object, shown as one field a key.
    ///
    /// # Errors
    /// When `value` cannot be written as JSON.
    pub fn detail(value: impl Serialize) -> Result<Self> {
        let data = serde_json::to_value(value)?;
        let fields = data.as_object().map(fields_of).unwrap_or_default();
        Ok(Self { data, view: vec![Block::fields(fields)], ..Self::default() })
    }

    /// A detail with a view of your own: nothing is shown but what is added.
    ///
    /// # Errors
    /// When `value` cannot be written as JSON.
    pub fn data(value: impl Serialize) -> Result<Self> {
        Ok(Self { data: serde_json::to_value(value)?, ..Self::default() })
    }

    /// A list whose rows arrive in batches, in constant memory.
    #[must_use]
    pub fn stream(stream: StreamRef) -> Self {
        let columns =
            stream.columns.iter().map(|column| Column::new(&column.name, &column.name)).collect();
        let table = Table { columns, rows: Rows::Stream, empty: None };
        Self { stream: Some(stream), view: vec![Block::Table(table)], ..Self::default() }
    }

    /// Puts a heading above everything that is there.
    #[must_use]
    pub fn heading(mut self, text: impl Into<String>) -> Self {
        self.view.insert(0, Block::Heading { text: text.into() });
        self
    }

    /// Replaces the columns of the report's first table.
    #[must_use]
    pub fn columns(mut self, columns: impl IntoIterator<Item = Column>) -> Self {
        for block in &mut self.view {
            if let Block::Table(table) = block {
                table.columns = columns.into_iter().collect();
                break;
            }
        }
        self
    }

    /// Says what stands there when the first table has no row.
    #[must_use]
    pub fn empty(mut self, text: impl Into<String>) -> Self {
        for block in &mut self.view {
            if let Block::Table(table) = block {
                table.empty = Some(text.into());
                break;
            }
        }
        self
    }

    /// Adds a block at the end.
    #[must_use]
    pub fn block(mut self, block: Block) -> Self {
        self.view.push(block);
        self
    }

    /// Adds a plain line at the end.
    #[must_use]
    pub fn text(self, text: impl Into<String>) -> Self {
        self.block(Block::Text { text: text.into(), tone: Tone::Plain })
    }

    /// Adds lines at the end that belong together: no empty line between them. A line break within
    /// one of them is not the command's, and is shown as `\n`.
    #[must_use]
    pub fn lines(self, lines: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let lines = lines.into_iter().map(|line| Block::text(line.into().replace('\n', "\\n")));
        self.block(Block::section("", lines.collect::<Vec<_>>()))
    }

    /// Adds the next command at the end.
    #[must_use]
    pub fn hint(self, text: impl Into<String>) -> Self {
        self.block(Block::Hint { text: text.into() })
    }

    /// Adds the ready-made text of a format that the command's manifest adds.
    #[must_use]
    pub fn ready(mut self, format: impl Into<String>, text: impl Into<String>) -> Self {
        self.texts.insert(format.into(), text.into());
        self
    }

    /// Sets the exit code of a format that the command's manifest adds, where whoever reads that format
    /// expects codes of its own. In all other formats the verdict decides.
    #[must_use]
    pub fn exit_code(mut self, format: impl Into<String>, code: u8) -> Self {
        self.exit_codes.insert(format.into(), code);
        self
    }

    /// Sets what the answer means.
    #[must_use]
    pub fn verdict(mut self, verdict: Verdict) -> Self {
        self.verdict = verdict;
        self
    }

    /// Adds a remark on stderr.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(Note { level: NoteLevel::Info, text: text.into() });
        self
    }

    /// Adds a warning on stderr.
    #[must_use]
    pub fn warning(mut self, text: impl Into<String>) -> Self {
        self.notes.push(Note { level: NoteLevel::Warning, text: text.into() });
        self
    }
}

fn columns_of(row: &Value) -> Vec<Column> {
    let keys = row.as_object().into_iter().flatten();
    keys.map(|(key, value)| {
        Column::new(key, key.to_uppercase().replace('_', " ")).kind(kind_of(key, value))
    })
    .collect()
}

fn fields_of(object: &serde_json::Map<String, Value>) -> Vec<Field> {
    object
        .iter()
        .map(|(key, value)| Field::new(label_of(key), value.clone()).kind(kind_of(key, value)))
        .collect()
}

/// `older_than` becomes `Older than`.
fn label_of(key: &str) -> String {
    let words = key.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The project's naming custom tells durations and sizes (`_ms`, `_bytes`).
fn kind_of(key: &str, value: &Value) -> Kind {
    match value {
        _ if key.ends_with("_ms") => Kind::Duration,
        _ if key.ends_with("_bytes") => Kind::Bytes,
        _ if key.ends_with("_at") => Kind::Ago,
        Value::Number(_) => Kind::Number,
        Value::Bool(_) => Kind::Check,
        _ => Kind::Text,
    }
}

impl Column {
    /// A column of text: the key in each row, and the title above.
    #[must_use]
    pub fn new(key: impl Into<String>, title: impl Into<String>) -> Self {
        Self { key: key.into(), title: title.into(), ..Self::default() }
    }

    /// How its cells are shown.
    #[must_use]
    pub fn kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// Only in `-o wide` or where `--columns` names it.
    #[must_use]
    pub fn wide(mut self) -> Self {
        self.wide = true;
        self
    }

    /// May be shortened where the terminal is narrow.
    #[must_use]
    pub fn shrink(mut self) -> Self {
        self.shrink = true;
        self
    }
}

impl Field {
    /// A field of text.
    #[must_use]
    pub fn new(label: impl Into<String>, value: impl Into<Value>) -> Self {
        Self { label: label.into(), cell: Cell { value: value.into(), ..Cell::default() } }
    }

    /// How its value is shown.
    #[must_use]
    pub fn kind(mut self, kind: Kind) -> Self {
        self.cell.kind = kind;
        self
    }

    /// Its colour and glyph.
    #[must_use]
    pub fn tone(mut self, tone: Tone) -> Self {
        self.cell.tone = tone;
        self
    }

    /// Said behind the value in brackets.
    #[must_use]
    pub fn remark(mut self, remark: impl Into<String>) -> Self {
        self.cell.remark = Some(remark.into());
        self
    }
}

impl Block {
    /// Labelled lines.
    #[must_use]
    pub fn fields(fields: impl IntoIterator<Item = Field>) -> Self {
        Self::Fields { fields: fields.into_iter().collect(), column: 0 }
    }

    /// Labelled lines whose values begin at this column, indentation included.
    #[must_use]
    pub fn at_column(mut self, from: usize) -> Self {
        if let Self::Fields { column, .. } = &mut self {
            *column = from;
        }
        self
    }

    /// A labelled, indented group.
    #[must_use]
    pub fn section(title: impl Into<String>, blocks: impl IntoIterator<Item = Block>) -> Self {
        Self::Section { title: title.into(), blocks: blocks.into_iter().collect() }
    }

    /// A title with a rule under it.
    #[must_use]
    pub fn heading(text: impl Into<String>) -> Self {
        Self::Heading { text: text.into() }
    }

    /// A plain line.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into(), tone: Tone::Plain }
    }

    /// A line with a glyph and colour.
    #[must_use]
    pub fn remark(tone: Tone, text: impl Into<String>) -> Self {
        Self::Text { text: text.into(), tone }
    }

    /// A table of rows within the data, by JSON pointer.
    #[must_use]
    pub fn table_at(pointer: impl Into<String>, columns: impl IntoIterator<Item = Column>) -> Self {
        let columns = columns.into_iter().collect();
        Self::Table(Table { columns, rows: Rows::At(pointer.into()), empty: None })
    }

    /// Amounts of a whole.
    #[must_use]
    pub fn bars(bars: impl IntoIterator<Item = Bar>) -> Self {
        Self::Bars { bars: bars.into_iter().collect() }
    }

    /// Things done or checked.
    #[must_use]
    pub fn steps(steps: impl IntoIterator<Item = Step>) -> Self {
        Self::Steps { steps: steps.into_iter().collect() }
    }
}

impl State {
    /// How `value` is shown.
    #[must_use]
    pub fn new(value: impl Into<String>, label: impl Into<String>, tone: Tone) -> Self {
        Self { value: value.into(), label: label.into(), tone }
    }
}
