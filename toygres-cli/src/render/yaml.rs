//! YAML whose texts a terminal draws as they are.

use super::json;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::Value;
use serde_saphyr::DoubleQuoted;
use std::io;
use toygres_plugin_api::context::cell_json;
use toygres_plugin_api::document;
use toygres_plugin_api::report::StreamKind;
use toygres_plugin_api::text::is_hidden;

/// A value as a YAML document, with a line break at its end. What a terminal would obey or hide is
/// written as `\u009b` between double quotes, which means the same to whatever reads the document.
///
/// # Errors
/// When the value cannot be written as YAML.
pub fn document(value: &Value) -> io::Result<String> {
    if has_hidden_key(value) || document::holds_text(value) {
        return flow(value);
    }
    let mut text = serde_saphyr::to_string(value).map_err(io::Error::other)?;
    if text.contains(is_obeyed) {
        let quoted = serde_saphyr::to_string(&Quoted(value)).map_err(io::Error::other)?;
        text = escaped(&quoted);
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

/// A row of a list as a part of the document of all rows: each cell with the digits and keys that
/// PostgreSQL wrote.
///
/// # Errors
/// When the row cannot be written as YAML.
pub fn row(cells: &[(&str, StreamKind, Option<&[u8]>)]) -> io::Result<String> {
    if cells.is_empty() {
        return Ok("- {}\n".to_owned());
    }
    let mut text = String::new();
    for (name, kind, cell) in cells {
        let (value, verbatim) = scalar(*kind, *cell);
        let field = Value::Object([((*name).to_owned(), value)].into_iter().collect());
        // A list of one row of one cell; a field behind the first one stands below it.
        let mut field = document(&Value::Array(vec![field]))?;
        if let Some(verbatim) = verbatim {
            let key = field.strip_suffix("0\n").unwrap_or(&field);
            field = format!("{key}{verbatim}\n");
        }
        if !field.starts_with("- ") || field.starts_with("- {") {
            // A name that is written in the flow style wants the whole row so.
            return Ok(flow_row(cells));
        }
        text.push_str(if text.is_empty() { "- " } else { "  " });
        text.push_str(&field[2..]);
    }
    Ok(text)
}

/// A cell as a value; where that would lose digits or keys, 0, and the text that stands for it.
fn scalar(kind: StreamKind, cell: Option<&[u8]>) -> (Value, Option<String>) {
    let json = cell_json(kind, cell);
    match document::lossless(&json) {
        Some(value) if !has_float(&value) => (value, None),
        _ => (Value::from(0), Some(verbatim(&json))),
    }
}

/// Whether a value holds a float, which YAML's writer would spell in its own way.
fn has_float(value: &Value) -> bool {
    match value {
        Value::Array(values) => values.iter().any(has_float),
        Value::Object(fields) => fields.values().any(has_float),
        value => value.is_f64(),
    }
}

/// A document's text as a value of YAML: JSON is YAML, but for two equal keys and for letters
/// that are written as two escapes. What is none stands as a text.
fn verbatim(json: &str) -> String {
    let has_surrogates = json.contains("\\ud") || json.contains("\\uD");
    if document::has_unique_keys(json) && !has_surrogates {
        json::yaml_document(json)
    } else {
        json::yaml_string(json)
    }
}

/// A row in YAML's flow style.
fn flow_row(cells: &[(&str, StreamKind, Option<&[u8]>)]) -> String {
    let fields = cells.iter().map(|(name, kind, cell)| {
        format!("{}: {}", json::yaml_string(name), flow_cell(&cell_json(*kind, *cell)))
    });
    format!("- {{{}}}\n", fields.collect::<Vec<_>>().join(", "))
}

fn flow_cell(json: &str) -> String {
    match serde_json::from_str::<Value>(json) {
        Ok(Value::String(text)) => json::yaml_string(&text),
        _ => verbatim(json),
    }
}

/// Whether a key holds anything hidden: what is between quotes is for the writer of keys to choose.
fn has_hidden_key(value: &Value) -> bool {
    match value {
        Value::Array(values) => values.iter().any(has_hidden_key),
        Value::Object(values) => {
            values.iter().any(|(key, value)| key.contains(is_hidden) || has_hidden_key(value))
        }
        _ => false,
    }
}

/// A value as a document in YAML's flow style, each row of a list in a line of its own.
fn flow(value: &Value) -> io::Result<String> {
    let mut text = String::new();
    match value {
        Value::Array(rows) => {
            for row in rows {
                text.push_str(&format!("- {}\n", flow_value(row)));
            }
        }
        other => text.push_str(&format!("{}\n", flow_value(other))),
    }
    Ok(text)
}

/// A value in one line.
fn flow_value(value: &Value) -> String {
    let list = |parts: Vec<String>| parts.join(",");
    match value {
        _ if let Some(json) = document::text(value) => flow_cell(json),
        Value::Array(values) => format!("[{}]", list(values.iter().map(flow_value).collect())),
        Value::Object(fields) => {
            let field = |(key, value): (&String, &Value)| {
                format!("{}: {}", json::yaml_string(key), flow_value(value))
            };
            format!("{{{}}}", list(fields.iter().map(field).collect()))
        }
        Value::String(text) => json::yaml_string(text),
        other => other.to_string(),
    }
}

/// Line breaks are the document's own, and a tab within a text is drawn as one.
fn is_obeyed(letter: char) -> bool {
    is_hidden(letter) && letter != '\n' && letter != '\t'
}

/// A value whose texts stand between double quotes where they hold anything hidden.
struct Quoted<'a>(&'a Value);

impl Serialize for Quoted<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::String(text) if text.contains(is_obeyed) => {
                DoubleQuoted(text).serialize(serializer)
            }
            Value::Array(values) => {
                let mut list = serializer.serialize_seq(Some(values.len()))?;
                for value in values {
                    list.serialize_element(&Self(value))?;
                }
                list.end()
            }
            Value::Object(values) => {
                let mut map = serializer.serialize_map(Some(values.len()))?;
                for (key, value) in values {
                    map.serialize_entry(key, &Self(value))?;
                }
                map.end()
            }
            other => other.serialize(serializer),
        }
    }
}

/// A document in which everything hidden stands between double quotes.
fn escaped(document: &str) -> String {
    let mut text = String::with_capacity(document.len() + 16);
    for letter in document.chars() {
        if is_obeyed(letter) {
            text.push_str(&json::letter_escape(letter));
        } else {
            text.push(letter);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{StreamKind, document, is_obeyed, row};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    #[test]
    fn what_is_hidden_is_escaped_and_the_rest_stays() {
        let plain = json!({"a": ["x", "two\nlines", "yes", "1"], "b": {"c": null}});
        assert_eq!(document(&plain).unwrap(), serde_saphyr::to_string(&plain).unwrap());
        let key = json!([{"k\u{202e}\u{e0041}": "v\u{e0041}\u{1b}"}, 1]);
        let text = document(&key).unwrap();
        assert_eq!(text, "- {\"k\\u202e\\U000e0041\": \"v\\U000e0041\\u001b\"}\n- 1\n");
        assert_eq!(serde_saphyr::from_str::<Value>(&text).unwrap(), key);
        let hidden = json!({
            "k": "v\u{9b}\u{200b}", "b": "\u{1b}\n\u{2028}x\u{e0041}", "c": ["no", "y\u{ad}: #"]
        });
        let text = document(&hidden).unwrap();
        assert!(!text.contains(is_obeyed), "{text:?}");
        assert_eq!(serde_saphyr::from_str::<Value>(&text).unwrap(), hidden, "{text}");
    }

    #[test]
    fn a_row_keeps_its_digits_and_keys() {
        let cells: Vec<(&str, StreamKind, Option<&[u8]>)> = vec![
            ("amount", StreamKind::Number, Some(b"9007199254740993.10")),
            ("NaN", StreamKind::Number, Some(b"NaN")),
            ("two: lines", StreamKind::Text, Some(b"a\nb\n")),
            ("doc", StreamKind::Json, Some(b"{\"id\": 18446744073709551617, \"x\": 1e400}")),
            ("twice", StreamKind::Json, Some(b"{\"a\":1,\"a\":2}")),
            ("plain", StreamKind::Json, Some(b"{\"a\":[1,\"x\"]}")),
            ("null", StreamKind::Integer, None),
        ];
        let text = row(&cells).unwrap();
        for line in [
            "- amount: 9007199254740993.10\n",
            "\n  doc: {\"id\": 18446744073709551617, \"x\": 1e400}\n",
            "\n  twice: \"{\\\"a\\\":1,\\\"a\\\":2}\"\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
        // The reader here holds floats, in which this number does not fit.
        let twice = format!("{text}{text}").replace("1e400", "1e30");
        let read: Value = serde_saphyr::from_str(&twice).unwrap();
        assert_eq!(read[1]["two: lines"], "a\nb\n", "{text}");
        assert_eq!(read[1]["plain"], json!({"a": [1, "x"]}), "{text}");
        assert_eq!((&read[0]["null"], &read[0]["NaN"]), (&Value::Null, &json!("NaN")), "{text}");
        let hidden = [("k\u{202e}", StreamKind::Number, Some(b"1.50".as_slice()))];
        assert_eq!(row(&hidden).unwrap(), "- {\"k\\u202e\": 1.50}\n");
        assert_eq!(row(&[]).unwrap(), "- {}\n");
    }

    proptest! {
        #[test]
        fn the_value_is_the_same(
            key in any::<String>(),
            text in any::<String>(),
            hidden in "[a-c :#'\"\\\\\n\t\u{0}\u{1b}\u{7f}\u{85}\u{9b}\u{ad}\u{200b}\u{2028}\u{202e}\u{feff}\u{e0041}-]{0,12}",
        ) {
            let value = json!({key: [text, {"x": hidden}], hidden.clone(): hidden});
            let written = document(&value).unwrap();
            prop_assert!(!written.contains(is_obeyed), "{:?}", written);
            prop_assert_eq!(serde_saphyr::from_str::<Value>(&written).unwrap(), value);
        }
    }
}
