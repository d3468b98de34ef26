//! Whether what was written in a format is a whole document of it.

use super::Ran;
use serde_json::Value;

/// The formats of every list.
pub(crate) const FORMATS: &[&str] = &["table", "wide", "json", "jsonl", "yaml", "csv"];

/// Reads stdout as the format and answers its documents; a table gives none.
#[track_caller]
pub(crate) fn check(format: &str, ran: &Ran) -> Vec<Value> {
    let fail = |error: &dyn std::fmt::Display| -> ! { panic!("no {format}: {error}: {ran:#?}") };
    match format {
        "json" => match ran.json() {
            Value::Array(rows) => rows,
            other => vec![other],
        },
        "jsonl" => ran
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| fail(&error)))
            .collect(),
        "yaml" => match serde_saphyr::from_str(&ran.stdout).unwrap_or_else(|error| fail(&error)) {
            Value::Array(rows) => rows,
            other => vec![other],
        },
        "csv" => csv::Reader::from_reader(ran.stdout.as_bytes())
            .deserialize::<serde_json::Map<String, Value>>()
            .map(|row| Value::Object(row.unwrap_or_else(|error| fail(&error))))
            .collect(),
        _ => {
            assert!(ran.stdout.ends_with('\n'), "an unfinished last line: {ran:#?}");
            Vec::new()
        }
    }
}
