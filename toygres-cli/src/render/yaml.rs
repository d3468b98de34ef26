//! YAML whose texts a terminal draws as they are.

use super::json;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::Value;
use serde_saphyr::DoubleQuoted;
use std::io;
use toygres_plugin_api::text::is_hidden;

/// A value as a YAML document, with a line break at its end. What a terminal would obey or hide is
/// written as `\u009b` between double quotes, which means the same to whatever reads the document.
///
/// # Errors
/// When the value cannot be written as YAML.
pub fn document(value: &Value) -> io::Result<String> {
    let mut text = serde_saphyr::to_string(value).map_err(io::Error::other)?;
    if has_hidden_key(value) {
        return flow(value);
    }
    if text.contains(is_obeyed) {
        let quoted = serde_saphyr::to_string(&Quoted(value)).map_err(io::Error::other)?;
        text = escaped(&quoted);
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
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
    let mut text = Vec::new();
    match value {
        Value::Array(rows) => {
            for row in rows {
                text.extend_from_slice(b"- ");
                json::write_yaml_flow(&mut text, row)?;
                text.push(b'\n');
            }
        }
        other => {
            json::write_yaml_flow(&mut text, other)?;
            text.push(b'\n');
        }
    }
    String::from_utf8(text).map_err(io::Error::other)
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
    use super::{document, is_obeyed};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    #[test]
    fn what_is_hidden_is_escaped_and_the_rest_stays() {
        let plain = json!({"a": ["x", "two\nlines", "yes", "1"], "b": {"c": null}});
        assert_eq!(document(&plain).unwrap(), serde_saphyr::to_string(&plain).unwrap());
        let key = json!([{"k\u{202e}\u{e0041}": "v\u{e0041}\u{1b}"}, 1]);
        let text = document(&key).unwrap();
        assert_eq!(text, "- {\"k\\u202e\\U000e0041\":\"v\\U000e0041\\u001b\"}\n- 1\n");
        assert_eq!(serde_saphyr::from_str::<Value>(&text).unwrap(), key);
        let hidden = json!({
            "k": "v\u{9b}\u{200b}", "b": "\u{1b}\n\u{2028}x\u{e0041}", "c": ["no", "y\u{ad}: #"]
        });
        let text = document(&hidden).unwrap();
        assert!(!text.contains(is_obeyed), "{text:?}");
        assert_eq!(serde_saphyr::from_str::<Value>(&text).unwrap(), hidden, "{text}");
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
