//! What a command answers: data for machines and a view of the same data for people.
//!
//! A command never prints. It returns a [`Report`]; the host formats it (table, JSON, …),
//! masks secrets, fits it to the terminal, redraws it and chooses the exit code.
//! Everything the view tells must be in the data: a table's cells are therefore looked up in
//! the rows of the data by key, and never written twice.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The answer of a command.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// What machines get: an array for a list, an object for a detail.
    pub data: Value,
    /// Rows that arrive in batches instead of lying in `data`; the view's tables whose rows are
    /// [`Rows::Stream`] show them.
    pub stream: Option<StreamRef>,
    /// What people see, top to bottom.
    pub view: Vec<Block>,
    /// Ready-made texts in the formats that the command's manifest adds (`formats`), by format.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub texts: BTreeMap<String, String>,
    /// Exit codes of those formats that have their own, by format; in all others the verdict decides.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub exit_codes: BTreeMap<String, u8>,
    /// What the answer means; it decides the exit code.
    pub verdict: Verdict,
    /// Remarks beside the data, printed on stderr in every format.
    pub notes: Vec<Note>,
    /// RFC 3339: what the clock of the records showed when this was made, from which distances such
    /// as `2h ago` are told. The host fills it in where it lent the database or the API, and takes
    /// this machine's clock where nobody says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

/// The keys of a row of a command that is marked `checks`: a stable `code`, the `category` and
/// `component` it stands under, its `description`, `severity` (`error`, `warning`), `outcome`
/// (`ok`, `warning`, `failed`, `unknown`, `skipped`), a `summary` of what was found, `evidence` (an
/// object), `fix` (commands) and `docs` (where it is described).
pub const CHECK_KEYS: &[&str] = &[
    "code",
    "category",
    "component",
    "description",
    "severity",
    "outcome",
    "summary",
    "evidence",
    "fix",
    "docs",
];

/// A stream of rows that the host already has in hand, by number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamRef {
    /// The host's number of the stream.
    pub id: u64,
    /// Its columns, in order.
    pub columns: Vec<StreamColumn>,
    /// Show at most this many rows; when there are more, a note says so.
    #[serde(default)]
    pub limit: Option<u64>,
}

/// One column of streamed rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamColumn {
    /// The column's name as the query gives it.
    pub name: String,
    /// PostgreSQL's name of its type (`int4`, `timestamptz`, `_text`).
    #[serde(default)]
    pub type_name: String,
    /// How its text becomes a JSON value.
    pub kind: StreamKind,
}

/// How the text of a streamed cell becomes a JSON value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamKind {
    /// `t` or `f`.
    Bool,
    /// An integer of at most 64 bits.
    Integer,
    /// A float or numeric; `NaN` and infinities become strings.
    Number,
    /// A JSON document.
    Json,
    /// `timestamptz` in UTC as PostgreSQL writes it; machine formats get RFC 3339.
    Timestamp,
    /// Anything else, as PostgreSQL writes it.
    #[serde(other)]
    Text,
}

/// What an answer means. The host turns it into the exit code.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Done, clean: exit 0.
    #[default]
    Clean,
    /// A negative answer, such as drift found or an awaited failure: exit 1.
    Negative,
    /// Not running: exit 3.
    NotRunning,
    /// Only part could be read, so nothing can be concluded: exit 4.
    #[serde(other)]
    Undetermined,
}

/// A remark on stderr.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// How urgent it is.
    pub level: NoteLevel,
    /// One line, lower case. Further lines are shown behind a bar.
    pub text: String,
}

/// How urgent a [`Note`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteLevel {
    /// Worth knowing.
    Info,
    /// Something is off.
    #[serde(other)]
    Warning,
}

/// One part of the view.
///
/// A host that is older than the plugin skips the kinds it does not know.
#[allow(missing_docs, reason = "the variants' comments say what their fields are")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "block", rename_all = "snake_case")]
pub enum Block {
    /// A title with a rule under it (the command's own, or a section's).
    Heading { text: String },
    /// A label such as `Timeline:` above an indented group. Without a title its blocks stand below
    /// each other at the margin, with no empty line between them.
    Section { title: String, blocks: Vec<Block> },
    /// `Label:  value` lines, aligned.
    Fields {
        fields: Vec<Field>,
        /// The column at which the values begin, indentation included; 0 is the usual one. Where a
        /// label is longer, they begin behind it.
        #[serde(default)]
        column: usize,
    },
    /// Rows under column titles.
    Table(Table),
    /// Amounts of a whole: `label: amount ████░░░ 80%`.
    Bars { bars: Vec<Bar> },
    /// Things done or checked, each with its state.
    Steps { steps: Vec<Step> },
    /// Spans that may overlap, drawn on one time axis.
    Timeline(Timeline),
    /// A nested list, such as a workflow and its sub-workflows.
    Tree { roots: Vec<TreeNode> },
    /// A plain line or paragraph. What stands behind a line break is shown below the first line,
    /// indented behind a bar: it may be somebody else's text. Lines of a command's own are
    /// [`Report::lines`].
    Text {
        text: String,
        #[serde(default)]
        tone: Tone,
    },
    /// An empty line. Blocks are set apart by themselves; this adds one more.
    Blank,
    /// The next command, shown last and dimmed; left out where stdout is no terminal.
    Hint { text: String },
    /// A kind that a newer SDK knows.
    #[serde(other)]
    Unknown,
}

/// One line of [`Block::Fields`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// Without the colon.
    pub label: String,
    /// What stands behind it.
    pub cell: Cell,
}

/// A value and how to show it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cell {
    /// The value; `null` is shown as `-`.
    pub value: Value,
    /// How it is shown.
    pub kind: Kind,
    /// Its colour.
    pub tone: Tone,
    /// Said behind it in brackets, dimmed: `(2 hours ago)`, `(source: CMS)`, or why it is `null`.
    pub remark: Option<String>,
}

/// How a value is shown to people. Machine formats get the value itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", remote = "Self")]
pub enum Kind {
    /// As it is; objects and arrays as compact JSON.
    #[default]
    Text,
    /// An integer or float, right-aligned, thousands separated.
    Number,
    /// Milliseconds, shown as `2m 45s`.
    Duration,
    /// Bytes, shown as `180 MB`.
    Bytes,
    /// A fraction from 0 to 1, shown as `88.9%`.
    Percent,
    /// An RFC 3339 time, shown relative: `2h ago`.
    Ago,
    /// An RFC 3339 time, shown absolute in local time: `2024-11-17 12:00:00`.
    Time,
    /// An RFC 3339 time, shown absolute with the distance behind it.
    TimeAgo,
    /// An RFC 3339 time, shown as the time of day: `12:00:00`.
    Clock,
    /// `true` or `false`, shown as ✓ or ✗.
    Check,
    /// An enum value, shown with a glyph and a label.
    Status(Vec<State>),
    /// A kind that a newer SDK knows, shown as text.
    #[serde(other)]
    Unknown,
}

crate::later::tolerate!(Kind);

/// How one value of an enum is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The value in the data: lower case, no glyph.
    pub value: String,
    /// What people read.
    pub label: String,
    /// Chooses glyph and colour.
    pub tone: Tone,
}

/// What a state means; it chooses colour and glyph.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// No glyph, no colour.
    #[default]
    Plain,
    /// ✓ green.
    Good,
    /// ❌ red.
    Bad,
    /// ⚠ yellow.
    Warn,
    /// ⟳ cyan: under way.
    Active,
    /// ○ dimmed: waiting, unknown or cancelled.
    #[serde(other)]
    Muted,
}

/// Rows under column titles.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Table {
    /// Left to right.
    pub columns: Vec<Column>,
    /// Where the rows are.
    pub rows: Rows,
    /// Said instead of the table when there is no row.
    pub empty: Option<String>,
}

/// Where a table's rows are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rows {
    /// The report's `data` itself, an array of objects.
    #[default]
    Data,
    /// An array of objects within `data`, by JSON pointer (RFC 6901).
    At(String),
    /// The report's stream.
    Stream,
    /// Given here, for rows that lie in `data` in another shape.
    Inline(Vec<Value>),
}

/// One column of a table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Column {
    /// The key in each row; a JSON pointer when it begins with `/`.
    pub key: String,
    /// The title, upper case by custom.
    pub title: String,
    /// How its cells are shown.
    pub kind: Kind,
    /// Only in `-o wide`, or when `--columns` names it.
    pub wide: bool,
    /// May be shortened with `…` when the terminal is narrow; others keep their width.
    pub shrink: bool,
}

/// One bar of [`Block::Bars`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bar {
    /// Without the colon.
    pub label: String,
    /// The amount.
    pub amount: f64,
    /// The whole; no bar is drawn when it is 0.
    pub whole: f64,
    /// How the amount is shown.
    #[serde(default)]
    pub kind: Kind,
}

/// One line of [`Block::Steps`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// ✓, ⚠, ❌, …
    pub tone: Tone,
    /// What it is about.
    pub label: String,
    /// What was found, in a second column.
    #[serde(default)]
    pub detail: Option<String>,
    /// Lines below it, each after a dash.
    #[serde(default)]
    pub lines: Vec<String>,
}

/// Spans on one time axis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// RFC 3339; the axis begins here.
    pub from: String,
    /// RFC 3339; the axis ends here.
    pub to: String,
    /// In the order shown.
    pub spans: Vec<Span>,
}

/// One span of a [`Timeline`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// What it is.
    pub label: String,
    /// RFC 3339.
    pub from: String,
    /// RFC 3339; `null` while it goes on.
    pub to: Option<String>,
    /// How it ended.
    #[serde(default)]
    pub tone: Tone,
    /// Said behind it.
    #[serde(default)]
    pub remark: Option<String>,
}

/// A node of [`Block::Tree`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TreeNode {
    /// Its state.
    #[serde(default)]
    pub tone: Tone,
    /// What it is.
    pub label: String,
    /// Said behind it, dimmed.
    #[serde(default)]
    pub remark: Option<String>,
    /// Below it.
    #[serde(default)]
    pub children: Vec<TreeNode>,
}

mod build;
