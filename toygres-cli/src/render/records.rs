//! Rows one below the other, a line for each cell: for more columns than the terminal is wide.

use super::style::{Style, pad, width};
use super::wrap::wrapped;
use toygres_plugin_api::report::Tone;
use toygres_plugin_api::text::escape;

/// Every cell whole, behind its column's title; rows are set apart by an empty line.
pub(super) fn text(
    titles: &[&str],
    rows: &[Vec<(String, Tone)>],
    style: Style,
    most: Option<usize>,
) -> String {
    let column = titles.iter().map(|title| width(title)).max().unwrap_or(0) + 2;
    let record = |row: &Vec<(String, Tone)>| -> String {
        let cells = titles.iter().zip(row);
        cells
            .map(|(title, (cell, tone))| {
                let title = pad(&escape(title), column);
                let line = format!("{}{}", style.bold(&title), style.paint(*tone, cell));
                format!("{}\n", wrapped(line.trim_end(), most, column))
            })
            .collect()
    };
    rows.iter().map(record).collect::<Vec<_>>().join("\n")
}
