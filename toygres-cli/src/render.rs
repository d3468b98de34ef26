//! Reports as text: tables for people, JSON, YAML and CSV for machines.
//!
//! What comes in here has been redacted; nothing here decides what is shown, only how.

pub mod cell;
pub mod error;
pub mod json;
mod layout;
mod machine;
mod records;
pub mod stream;
pub mod style;
mod timeline;
mod view;
pub mod wrap;
pub mod yaml;

pub(crate) use layout::position_of;
pub use machine::write as machine;
pub use style::Style;

use std::cell::Cell;
use std::io::{self, Write};
use toygres_plugin_api::report::Report;
use toygres_plugin_api::{Error, Result};

/// How an answer is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// For people, with every column.
    Wide,
    /// One document.
    Json,
    /// One compact document a row.
    Jsonl,
    /// One document.
    Yaml,
    /// Rows of a list.
    Csv,
    /// One that the command's manifest adds: the report has its text ready-made.
    Own,
}

impl Format {
    /// The format of this name; the host's options allow no other.
    #[must_use]
    pub fn of(name: Option<&str>) -> Self {
        match name {
            Some("wide") => Self::Wide,
            Some("json") => Self::Json,
            Some("jsonl") => Self::Jsonl,
            Some("yaml") => Self::Yaml,
            Some("csv") => Self::Csv,
            None | Some("table") => Self::Table,
            Some(_) => Self::Own,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Wide => "wide",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Yaml => "yaml",
            Self::Csv => "csv",
            Self::Own => "own",
        }
    }

    /// Read by people.
    #[must_use]
    pub fn is_table(self) -> bool {
        matches!(self, Self::Table | Self::Wide)
    }
}

/// How tables look.
#[derive(Debug, Clone)]
pub struct Look {
    /// Colours and glyphs.
    pub style: Style,
    /// The terminal's width; `None` where nothing has to fit.
    pub width: Option<usize>,
    /// Whether a terminal reads it.
    pub is_terminal: bool,
    /// Every column, not only the usual ones.
    pub wide: bool,
    /// Only these columns.
    pub columns: Option<Vec<String>>,
    /// What relative times are relative to, and the zone of absolute ones.
    pub now: jiff::Zoned,
    /// Something was cut to fit the width: whoever writes says so.
    pub cut: Cell<bool>,
}

impl Look {
    /// The same, where distances of time are told from this one (RFC 3339), in the same zone.
    #[must_use]
    pub fn at(mut self, time: Option<&str>) -> Self {
        if let Some(time) = time.and_then(|time| time.parse::<jiff::Timestamp>().ok()) {
            self.now = time.to_zoned(self.now.time_zone().clone());
        }
        self
    }
}

/// Writes a report for people.
///
/// # Errors
/// When writing fails.
pub fn table(report: &Report, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(style::drawable(&view::text(report, look), look.style).as_bytes())
}

/// Names of `--columns` that the report's tables do not have are a usage error.
///
/// # Errors
/// The names there are.
pub fn check_columns(report: &Report, wanted: Option<&[String]>) -> Result<()> {
    let Some(wanted) = wanted else { return Ok(()) };
    let known = layout::known_columns(report);
    for name in wanted {
        let names = known.iter().map(|(key, title)| [key.as_str(), title.as_str()]);
        if layout::position_of(name, names).is_none() {
            let names: Vec<&str> = known.iter().map(|(key, _)| key.as_str()).collect();
            return Err(Error::usage(format!("there is no column `{name}`"))
                .hint(format!("columns: {}", names.join(", "))));
        }
    }
    Ok(())
}
