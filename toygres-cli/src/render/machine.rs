//! Formats for machines: the data of a report and nothing else.

use super::Format;
use super::layout::{known_columns, lookup, names};
use serde_json::Value;
use std::io::{self, Write};
use toygres_plugin_api::report::Report;

/// Writes the data of a report.
///
/// # Errors
/// When writing fails.
pub fn write(
    report: &Report,
    format: Format,
    columns: Option<&[String]>,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Yaml => {
            let text = serde_saphyr::to_string(&report.data).map_err(io::Error::other)?;
            out.write_all(text.as_bytes())?;
            if text.ends_with('\n') { Ok(()) } else { out.write_all(b"\n") }
        }
        Format::Jsonl => {
            let rows = report.data.as_array().map(Vec::as_slice);
            for row in rows.unwrap_or(std::slice::from_ref(&report.data)) {
                serde_json::to_writer(&mut *out, row)?;
                out.write_all(b"\n")?;
            }
            Ok(())
        }
        Format::Csv => csv(report, columns, out),
        Format::Json | Format::Table | Format::Wide | Format::Own => {
            serde_json::to_writer_pretty(&mut *out, &report.data)?;
            out.write_all(b"\n")
        }
    }
}

/// All keys of the rows, so that nothing is missing; `--columns` chooses.
fn csv(report: &Report, wanted: Option<&[String]>, out: &mut dyn Write) -> io::Result<()> {
    let rows = report.data.as_array().map(Vec::as_slice);
    let rows = rows.unwrap_or(std::slice::from_ref(&report.data));
    let known = known_columns(report);
    let keys: Vec<String> = match (wanted, rows.first().and_then(Value::as_object)) {
        (Some(wanted), _) => wanted
            .iter()
            .filter_map(|name| known.iter().find(|(key, title)| names(name, key, title)))
            .map(|(key, _)| key.clone())
            .collect(),
        (None, Some(first)) => first.keys().cloned().collect(),
        (None, None) => known.into_iter().map(|(key, _)| key).collect(),
    };
    let mut writer = csv::WriterBuilder::new().from_writer(out);
    writer.write_record(&keys)?;
    for row in rows {
        writer.write_record(keys.iter().map(|key| match lookup(row, key) {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }))?;
    }
    writer.flush()
}
