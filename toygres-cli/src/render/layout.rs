//! Columns and their widths: what fits the terminal, and what gives way where it does not.

use super::style::{Style, pad, shorten, width};
use super::{Look, cell, records};
use serde_json::Value;
use std::borrow::Cow;
use toygres_plugin_api::report::{Block, Column, Kind, Report, Rows, Table, Tone};
use toygres_plugin_api::text::escape;

const GAP: &str = "  ";
/// Columns that may shrink are left so much before any of them becomes narrower.
const ENOUGH: usize = 10;
/// Below this a column tells nothing any more: rows become records.
const LEAST: usize = 6;

/// A table's text, each line indented.
pub(super) fn table(table: &Table, report: &Report, look: &Look, indent: usize) -> String {
    let rows = rows(table, report);
    if rows.is_empty() {
        let text = table.empty.as_deref().map(|empty| format!("{}\n", escape(empty)));
        return indented(&text.unwrap_or_default(), indent);
    }
    let columns = shown_columns(&table.columns, look);
    let mut cells: Vec<Vec<(String, Tone)>> = Vec::with_capacity(rows.len());
    for row in rows {
        let line = columns.iter().map(|column| {
            cell::text(lookup(row, &column.key), &column.kind, look.style, &look.now)
        });
        cells.push(line.collect());
    }
    let titles: Vec<Cow<'_, str>> = columns.iter().map(|column| escape(&column.title)).collect();
    let titles: Vec<&str> = titles.iter().map(AsRef::as_ref).collect();
    let most = look.width.map(|width| width.saturating_sub(indent));
    let has_titles = titles.iter().any(|title| !title.is_empty());
    // Lines without titles are a list: as records they would say nothing, so that the terminal
    // itself breaks the long ones.
    let room = most.filter(|_| has_titles);
    let Some(widths) = fitted(&columns, &titles, &cells, room) else {
        return indented(&records::text(&titles, &cells, look.style, most), indent);
    };
    if is_cut(&cells, &widths) {
        // Whoever asks for everything is to see it.
        if look.wide {
            return indented(&records::text(&titles, &cells, look.style, most), indent);
        }
        look.cut.set(true);
    }
    let mut text = String::new();
    if has_titles {
        let header: Vec<(String, Tone)> =
            titles.iter().map(|title| ((*title).to_owned(), Tone::Plain)).collect();
        text.push_str(&look.style.bold(&line(&header, &columns, &widths, plain(look.style), true)));
        text.push('\n');
    }
    for row in &cells {
        text.push_str(&line(row, &columns, &widths, look.style, true));
        text.push('\n');
    }
    indented(&text, indent)
}

/// The header is painted as a whole.
fn plain(style: Style) -> Style {
    Style { color: false, ..style }
}

/// Whether a cell has to be shortened.
pub(super) fn is_cut(cells: &[Vec<(String, Tone)>], widths: &[usize]) -> bool {
    cells.iter().any(|row| row.iter().zip(widths).any(|((text, _), most)| width(text) > *most))
}

/// One line of cells; what is wider than its column is shortened where the line has to fit.
pub(super) fn line(
    cells: &[(String, Tone)],
    columns: &[&Column],
    widths: &[usize],
    style: Style,
    fits: bool,
) -> String {
    let mut line = String::new();
    for (n, ((text, tone), columns_width)) in cells.iter().zip(widths).enumerate() {
        if n > 0 {
            line.push_str(GAP);
        }
        let most = if fits { *columns_width } else { usize::MAX };
        let short = shorten(text, most, style);
        let painted = style.paint(*tone, &short);
        let missing = " ".repeat(columns_width.saturating_sub(width(&short)));
        let right = columns.get(n).is_some_and(|column| is_right(&column.kind));
        let last = n + 1 == widths.len();
        match (right, last) {
            (true, _) => line.push_str(&format!("{missing}{painted}")),
            (false, true) => line.push_str(&painted),
            (false, false) => line.push_str(&format!("{painted}{missing}")),
        }
    }
    line.trim_end().to_owned()
}

fn is_right(kind: &Kind) -> bool {
    matches!(kind, Kind::Number | Kind::Bytes | Kind::Percent)
}

/// The widths of columns: as wide as their widest cell. Where the terminal is narrower, those that
/// may shrink give way, the widest of them first; `None` where that does not do.
pub(super) fn fitted(
    columns: &[&Column],
    titles: &[&str],
    cells: &[Vec<(String, Tone)>],
    most: Option<usize>,
) -> Option<Vec<usize>> {
    let mut widths: Vec<usize> = titles.iter().map(|title| width(title)).collect();
    for row in cells {
        for (known, (text, _)) in widths.iter_mut().zip(row) {
            *known = (*known).max(width(text));
        }
    }
    let Some(most) = most else { return Some(widths) };
    let gaps = GAP.len() * widths.len().saturating_sub(1);
    let may = |n: usize| columns.get(n).is_some_and(|column| column.shrink);
    for least in [ENOUGH, LEAST] {
        while widths.iter().sum::<usize>() + gaps > most {
            let shrinking = (0..widths.len()).filter(|n| may(*n) && widths[*n] > least);
            let Some(widest) = shrinking.max_by_key(|n| widths[*n]) else { break };
            widths[widest] -= 1;
        }
    }
    (widths.iter().sum::<usize>() + gaps <= most).then_some(widths)
}

/// The columns that are asked for, or the usual ones.
pub(super) fn shown_columns<'a>(columns: &'a [Column], look: &Look) -> Vec<&'a Column> {
    match &look.columns {
        Some(wanted) => wanted
            .iter()
            .filter_map(|name| {
                let known = columns.iter().map(|column| [&*column.key, &*column.title]);
                columns.get(position_of(name, known)?)
            })
            .collect(),
        None => columns.iter().filter(|column| look.wide || !column.wide).collect(),
    }
}

/// The column that a name means, among columns that may have several names each: the one that is
/// called exactly so, else the first one that is but for the case of its letters.
pub(crate) fn position_of<'a, const N: usize>(
    name: &str,
    columns: impl Iterator<Item = [&'a str; N]> + Clone,
) -> Option<usize> {
    let exactly = columns.clone().position(|names| names.contains(&name));
    exactly.or_else(|| {
        let mut columns = columns;
        columns.position(|names| names.iter().any(|known| known.eq_ignore_ascii_case(name)))
    })
}

/// Key and title of the columns of every table, and the keys of a list's rows.
pub(super) fn known_columns(report: &Report) -> Vec<(String, String)> {
    let mut known: Vec<(String, String)> = Vec::new();
    collect(&report.view, &mut known);
    let first = report.data.as_array().and_then(|rows| rows.first()).and_then(Value::as_object);
    for key in first.into_iter().flat_map(serde_json::Map::keys) {
        if !known.iter().any(|(seen, _)| seen == key) {
            known.push((key.clone(), key.clone()));
        }
    }
    known
}

fn collect(blocks: &[Block], known: &mut Vec<(String, String)>) {
    for block in blocks {
        match block {
            Block::Table(table) => known.extend(
                table.columns.iter().map(|column| (column.key.clone(), column.title.clone())),
            ),
            Block::Section { blocks, .. } => collect(blocks, known),
            _ => {}
        }
    }
}

/// A table's rows, wherever they lie.
pub(super) fn rows<'a>(table: &'a Table, report: &'a Report) -> &'a [Value] {
    let rows = match &table.rows {
        Rows::Data => report.data.as_array(),
        Rows::At(pointer) => report.data.pointer(pointer).and_then(Value::as_array),
        Rows::Inline(rows) => Some(rows),
        Rows::Stream => None,
    };
    rows.map(Vec::as_slice).unwrap_or_default()
}

/// A row's value, by key or JSON pointer.
pub(super) fn lookup<'a>(row: &'a Value, key: &str) -> &'a Value {
    let found = if key.starts_with('/') { row.pointer(key) } else { row.get(key) };
    found.unwrap_or(&Value::Null)
}

/// Each line indented.
pub(super) fn indented(text: &str, indent: usize) -> String {
    if indent == 0 {
        return text.to_owned();
    }
    let margin = pad("", indent);
    text.split_inclusive('\n')
        .map(|line| if line == "\n" { line.to_owned() } else { format!("{margin}{line}") })
        .collect()
}
