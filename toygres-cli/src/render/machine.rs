//! Formats for machines: the data of a report and nothing else.

use super::layout::{known_columns, lookup, position_of};
use super::{Format, json, yaml};
use serde_json::Value;
use std::io::{self, Write};
use toygres_plugin_api::document::Verbatim;
use toygres_plugin_api::report::Report;
use toygres_plugin_api::text::escape;

/// Writes the data of a report; to a terminal, none of it that a terminal would obey.
///
/// # Errors
/// When writing fails.
pub fn write(
    report: &Report,
    format: Format,
    columns: Option<&[String]>,
    is_terminal: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Yaml => out.write_all(yaml::document(&report.data)?.as_bytes()),
        Format::Jsonl => {
            let rows = report.data.as_array().map(Vec::as_slice);
            for row in rows.unwrap_or(std::slice::from_ref(&report.data)) {
                json::write_compact(&mut *out, &Verbatim(row))?;
                out.write_all(b"\n")?;
            }
            Ok(())
        }
        Format::Csv => csv(report, columns, is_terminal, out),
        Format::Json | Format::Table | Format::Wide | Format::Own => {
            json::write_pretty(&mut *out, &Verbatim(&report.data))?;
            out.write_all(b"\n")
        }
    }
}

/// All keys of the rows, so that nothing is missing; `--columns` chooses.
///
/// A file gets every byte as it is; a terminal gets none that it would obey.
fn csv(
    report: &Report,
    wanted: Option<&[String]>,
    is_terminal: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let rows = report.data.as_array().map(Vec::as_slice);
    let rows = rows.unwrap_or(std::slice::from_ref(&report.data));
    let known = known_columns(report);
    let keys: Vec<String> = match (wanted, rows.first().and_then(Value::as_object)) {
        (Some(wanted), _) => wanted
            .iter()
            .filter_map(|name| {
                let names = known.iter().map(|(key, title)| [key.as_str(), title.as_str()]);
                known.get(position_of(name, names)?)
            })
            .map(|(key, _)| key.clone())
            .collect(),
        (None, Some(first)) => first.keys().cloned().collect(),
        (None, None) => known.into_iter().map(|(key, _)| key).collect(),
    };
    let mut writer = csv::WriterBuilder::new().from_writer(out);
    let shown = |text: &str| -> String {
        if is_terminal { escape(text).into_owned() } else { text.to_owned() }
    };
    writer.write_record(keys.iter().map(|key| shown(key)))?;
    for row in rows {
        writer.write_record(keys.iter().map(|key| match lookup(row, key) {
            Value::Null => String::new(),
            Value::String(text) => shown(text),
            other => shown(&json::compact(other)),
        }))?;
    }
    writer.flush()
}
